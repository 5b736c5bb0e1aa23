import { randomInt } from 'node:crypto'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { epochSeconds, systemClock } from '../../base/time/clock.js'
import { compile, usedSources } from '../../policy/compile/compile.js'
import { compare, type SnapshotChanges } from '../../policy/compile/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { absentLists, rulesWithoutLists } from '../../policy/rules/tests/absent-lists.js'
import type { RulesResult } from '../../policy/rules/load.js'
import { mandatedNames } from '../../policy/rules/mandates/mandated-names.js'
import type { RuleFiles } from '../../policy/rules/model/folder.js'
import type { CompileRequest, PendingList } from './compiler-messages.js'
import { formerBans, type FormerBans, loggedSource } from './former-bans.js'
import type { MemoryBudget } from '../../policy/compile/memory-budget.js'
import { testRules, type TestedRules, type TestResult } from './policy-test-gate.js'
import type { GateResult, MandateGate } from '../../sources/mandates/mandate-gate.js'
import { NO_MANDATE_REPORT } from '../../sources/mandates/mandate-report.js'
import { readBundledTests, type ReadTests } from './test-files.js'

export type LoadedRules = Extract<RulesResult, { readonly ok: true }>

/** Rules that were compiled and tested. */
export interface ExaminedRules extends TestResult {
  /** Undefined: the rules are the same as the active ones. */
  readonly snapshot: Snapshot | undefined
  /** Compared to the active ones. */
  readonly changes: SnapshotChanges | undefined
  readonly tested: TestedRules
  readonly mandates: GateResult
  /** Undefined: names of former bans are not logged, or nothing was compiled. */
  readonly formerBans: FormerBans | undefined
}

/** Compiles rules and runs their policy tests, before anything of them becomes active. */
export class RulesExaminer {
  /** By the rules of bundles, which are examined before they are accepted. */
  private readonly done = new Map<LoadedRules, ExaminedRules>()
  /** Rules of a bundle that must not become active. */
  refused: LoadedRules | undefined
  /** The mandates as they were read with the rules; undefined: there are none. */
  mandates: MandateGate | undefined

  /**
   * @param active undefined: no rules are active
   * @param pending lists that are being compiled
   * @param budget refuses rules that do not fit in memory
   */
  constructor(
    private readonly request: CompileRequest,
    private readonly active: Snapshot | undefined,
    private readonly pending: () => readonly PendingList[],
    private readonly budget: MemoryBudget
  ) {}

  /** Examines the rules of a bundle. @returns why they must not become active */
  readonly examineBundle = async (
    loaded: LoadedRules,
    files: RuleFiles,
    isAccepted: boolean
  ): Promise<readonly InterdictError[]> => {
    const tests = await readBundledTests(files, loaded.rules.timeZone)
    const { refusing } = await this.examine(loaded, tests, isAccepted)
    if (refusing.length > 0) this.refused ??= loaded
    return refusing
  }

  /** @param isAccepted the rules were active before: a failing test is only reported */
  async examine(
    loaded: LoadedRules,
    tests: ReadTests | undefined,
    isAccepted = false
  ): Promise<ExaminedRules> {
    const known = this.done.get(loaded)
    if (known !== undefined) return known
    const { request, active } = this
    const tested = this.testedRules(loaded, tests)
    const compiled = this.compileIfChanged(loaded)
    const snapshot = compiled.snapshot ?? active!
    const before = active && { snapshot: active, edition: request.tested?.edition }
    const { testSettings: settings } = request
    const testResult = await testRules(tests ?? NO_TESTS, snapshot, tested, before, settings)
    const mandates = (await this.mandates?.judge(loaded.rules)) ?? NO_MANDATES
    // A bundle that was accepted before a mandate may satisfy it less than the rules in force.
    const refusing = [...(isAccepted ? [] : testResult.refusing), ...mandates.refusing]
    const examined = { ...compiled, tested, ...testResult, mandates, refusing }
    this.done.set(loaded, examined)
    return examined
  }

  private testedRules(loaded: LoadedRules, tests: ReadTests | undefined): TestedRules {
    const { rules, listStates } = loaded
    const { ownSha256, timeZone, mustResolve = [] } = rules
    // A list that is being compiled for the first time has no names yet.
    const isNew = ({ id }: PendingList): boolean => !listStates.some(list => list.id === id)
    const compiling = this.pending().filter(isNew)
    const absent = [...absentLists(loaded), ...compiling.map(({ id }) => id)]
    const withoutLists = rulesWithoutLists(rules, absent)
    return { edition: `${ownSha256} ${tests?.sha256 ?? ''}`, timeZone, withoutLists, mustResolve }
  }

  private compileIfChanged({
    rules
  }: LoadedRules): Pick<ExaminedRules, 'snapshot' | 'changes' | 'formerBans'> {
    // A new bundle with the same rules counts as a change, since log records carry its serial.
    const { request, active } = this
    const { generation, localNames: specialUse, pauses, bannedNames, logsBans } = request
    const { mandates } = this
    const isSame =
      mandates?.isUnchanged !== false &&
      rules.sha256 === active?.origin.sha256 &&
      rules.bundle?.serial === active.origin.bundle?.serial &&
      rules.bundle?.root?.version === active.origin.bundle?.root?.version &&
      hasSamePauses(request, active)
    if (isSame && !request.isForced)
      return { snapshot: undefined, changes: undefined, formerBans: undefined }
    // Try the active seed first, so that hashes cached by workers stay valid over the reload; use another
    // one only if too many names collide under it.
    const seeds = active === undefined ? [] : [active.names.seed >>> 0]
    const random = (): number => seeds.pop() ?? randomInt(2 ** 32)
    const now = epochSeconds(systemClock)
    const former =
      bannedNames === undefined ? undefined : formerBans(bannedNames, rules, now, logsBans)
    const ordered = mandatedNames(mandates?.read.mandates ?? [], rules).map(
      ({ mandate, file, names, ofApps }, i) =>
        loggedSource(`mandate ${mandate} ${i}`, 'mandated names', file, [...names, ...ofApps])
    )
    const logged = {
      formerBans: logsBans ? [...(former?.sources ?? []), ...ordered] : undefined
    }
    const sources = [...usedSources(rules), ...(logged.formerBans ?? [])]
    const shortage = this.budget.checkTables(sources)
    if (shortage !== undefined) throw failure('RULES_MEMORY', ...shortage)
    const snapshot = compile(rules, { generation, random, specialUse, pauses, ...logged })
    const changes = active === undefined ? undefined : compare(active, snapshot)
    return { snapshot, changes, formerBans: former }
  }
}

const NO_MANDATES: GateResult = {
  report: NO_MANDATE_REPORT,
  refusing: [],
  save: () => ({})
}
const NO_TESTS: ReadTests = { tests: [], errors: [], sha256: '', files: [] }

/** Whether the same rules are paused. The clock ends a pause, without a new snapshot. */
export function hasSamePauses(
  { pauses }: Pick<CompileRequest, 'pauses'>,
  active: Snapshot | undefined
): boolean {
  return JSON.stringify(pauses) === JSON.stringify(active?.origin.pauses ?? [])
}
