import { epochSeconds, systemClock } from '../../base/time/clock.js'
import type { InterdictError } from '../../base/errors/error.js'
import type { Config } from '../config/config.js'
import { blockedMustResolve } from '../../policy/diff/blocked-must-resolve.js'
import { Policy } from '../../policy/evaluate/policy.js'
import type { MustResolve } from '../../policy/rules/model/types.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { RuleWithoutList } from '../../policy/rules/tests/absent-lists.js'
import type { PolicyTest } from '../../policy/rules/tests/policy-table.js'
import type { TestFinding, TestRun, TestRunOptions } from '../../analysis/views/policy-test-run.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import type { ReadTests } from './test-files.js'

/** How policy tests are run, and what their failure does. */
export interface TestSettings extends Pick<Config, 'cache' | 'identity'> {
  readonly tests: 'refuse' | 'warn'
  /** Names in the settings that must resolve, besides the names in the rules. */
  readonly mustResolve: readonly MustResolve[]
}

/** What the tests need of rules besides the snapshot. Plain data: it is sent to other threads. */
export interface TestedRules {
  /** Of the rules and tests as somebody wrote them, without what is downloaded. */
  readonly edition: string
  readonly timeZone: string
  /** The rules of each network that use lists without content, by network id. */
  readonly withoutLists: ReadonlyMap<string, readonly RuleWithoutList[]>
  readonly mustResolve: readonly MustResolve[]
}

/** The outcome of the policy tests under rules. */
export interface TestReport {
  readonly passed: number
  readonly failed: readonly SerializedError[]
  /** Each depends on a list without content. */
  readonly undecided: readonly SerializedError[]
}

/** A report, and the failures for which the rules must not become active. */
export interface TestResult {
  readonly report: TestReport
  readonly refusing: readonly InterdictError[]
}

const NO_TESTS: TestResult = { report: { passed: 0, failed: [], undecided: [] }, refusing: [] }

/** The rules in force, to compare with. */
export interface ActiveRules {
  readonly snapshot: Snapshot
  readonly edition: string | undefined
}

/**
 * Runs the policy tests of rules that are to become active, and looks for names of `must-resolve` that they block, which
 * `rules.tests: warn` does not permit.
 *
 * @param active undefined: no rules are active
 */
export async function testRules(
  read: ReadTests,
  snapshot: Snapshot,
  rules: TestedRules,
  active: ActiveRules | undefined,
  settings: TestSettings
): Promise<TestResult> {
  const result = await runTests(read, snapshot, rules, active, settings)
  const blocked = blockedNames(snapshot, rules, active, settings)
  if (blocked.all.length === 0) return result
  const { report, refusing } = result
  return {
    report: { ...report, failed: [...report.failed, ...blocked.all.map(serializeError)] },
    refusing: [...refusing, ...blocked.refusing]
  }
}

/** If only downloaded lists, zones, pauses or the time have changed, names that the active rules block refuse nothing. */
function blockedNames(
  snapshot: Snapshot,
  { mustResolve, timeZone, edition }: TestedRules,
  active: ActiveRules | undefined,
  settings: TestSettings
): { readonly all: readonly InterdictError[]; readonly refusing: readonly InterdictError[] } {
  const names = [...mustResolve, ...settings.mustResolve]
  const now = epochSeconds(systemClock)
  const found = blockedMustResolve(names, snapshot, now, timeZone)
  const all = found.map(({ error }) => error)
  if (found.length === 0 || active?.edition !== edition) return { all, refusing: all }
  const suspects = found.map(({ name }) => name)
  const before = blockedMustResolve(suspects, active.snapshot, now, timeZone)
  const known = new Set(before.map(({ name }) => name))
  return { all, refusing: found.flatMap(({ name, error }) => (known.has(name) ? [] : [error])) }
}

/**
 * Runs the policy tests of rules that are to become active. What somebody wrote must pass all of them. If only
 * downloaded lists, zones, pauses or the time have changed, a test that the active rules fail as well refuses
 * nothing: that would keep a new list out because a ban has ended.
 *
 * @param active undefined: no rules are active
 */
async function runTests(
  { tests, errors }: ReadTests,
  snapshot: Snapshot,
  rules: TestedRules,
  active: ActiveRules | undefined,
  settings: TestSettings
): Promise<TestResult> {
  if (tests.length + errors.length === 0) return NO_TESTS
  // Loaded only where there are tests: it is most of the resolver.
  const { runPolicyTests } = await import('../../analysis/views/policy-test-run.js')
  const { timeZone, withoutLists } = rules
  const run = (
    some: readonly PolicyTest[],
    by: Snapshot,
    without: TestRunOptions['withoutLists']
  ) =>
    runPolicyTests(some, new Policy(by), settings, {
      now: epochSeconds(systemClock),
      timeZone,
      withoutLists: without
    })
  const { passed, failed, undecided } = await run(tests, snapshot, withoutLists)
  const failures = [...errors, ...failed.map(({ error }) => error)]
  const report = {
    passed,
    failed: failures.map(serializeError),
    undecided: undecided.map(({ error }) => serializeError(error))
  }
  if (settings.tests === 'warn') return { report, refusing: [] }
  if (active === undefined) return { report, refusing: failures }
  const isEdited = rules.edition !== active.edition
  // Without this, a ban could be removed unnoticed while some list cannot be downloaded.
  const doubtful = [...(isEdited ? [] : failed), ...undecided.filter(({ isMet }) => !isMet)]
  const worse = await passingBefore(doubtful, tests => run(tests, active.snapshot, NOTHING_ABSENT))
  return { report, refusing: isEdited ? [...failures, ...worse] : worse }
}

const NOTHING_ABSENT: TestRunOptions['withoutLists'] = new Map()

/** The errors of those tests that the active rules pass. @param run by these rules */
async function passingBefore(
  findings: readonly TestFinding[],
  run: (tests: readonly PolicyTest[]) => Promise<TestRun>
): Promise<InterdictError[]> {
  if (findings.length === 0) return []
  const { failed } = await run(findings.map(({ test }) => test))
  const failing = new Set(failed.map(({ test }) => test))
  return findings.flatMap(({ test, error }) => (failing.has(test) ? [] : [error]))
}
