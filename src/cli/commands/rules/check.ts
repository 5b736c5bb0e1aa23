import { InterdictError } from '../../../base/errors/error.js'
import { MS_PER_SECOND, type Seconds } from '../../../base/units.js'
import {
  checkBindingFeeds,
  checkClientListeners,
  checkEgress,
  checkPrivacyNetworks,
  checkReportBans,
  checkRetentionNetworks
} from '../../../gateway/config/check-networks.js'
import type { Config } from '../../../gateway/config/config.js'
import { loadConfig } from '../../../gateway/config/load-settings.js'
import { checkPrimaries } from '../../../sources/settings/zone-primaries.js'
import { locallyAnsweredNames } from '../../../gateway/compiler/locally-answered.js'
import type { SerializedError } from '../../../base/errors/serialized-error.js'
import { blockedMustResolve } from '../../../policy/diff/blocked-must-resolve.js'
import { compile } from '../../../policy/compile/compile.js'
import { Policy } from '../../../policy/evaluate/policy.js'
import { absentLists, rulesWithoutLists } from '../../../policy/rules/tests/absent-lists.js'
import { warnAboutSharedNames } from '../../../policy/rules/lists/shared-names.js'
import { loadRules, type RulesResult } from '../../../policy/rules/load.js'
import { RulesFolder, type RuleFiles } from '../../../policy/rules/model/folder.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { loadPolicyTests } from '../../../policy/rules/tests/policy-tests.js'
import { listCopiesFolder } from '../../../sources/http/list-copies.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { listState } from '../../args/configured-copies.js'
import { checkMandates } from './check-mandates.js'
import { checkTime, resolveTime } from '../../args/parse.js'
import { configuredFiles } from '../../../gateway/compiler/configured-files.js'
import { ruleFilesAt } from '../../args/configured-rules.js'
import type { CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { toJson, toText, type AsnSummary, type CheckResult } from '../../output/rules/check-text.js'
import { viewLists } from '../../../analysis/views/lists-view.js'
import { fixedClock } from '../../../analysis/views/one-query.js'
import {
  checkCertificates,
  type CertificateFindings
} from '../../../gateway/control/check-certificates.js'
import { readTokens } from '../../../admin/tokens/token-file.js'
import { checkFiles } from '../../../gateway/control/check-files.js'
import { runPolicyTests } from '../../../analysis/views/policy-test-run.js'

export interface CheckOptions extends CommonOptions {
  readonly at?: string
  readonly json?: boolean
}

/** `interdict check`: reads everything `serve` would, runs the policy tests, reports all errors. */
export async function check(
  path: string | undefined,
  options: CheckOptions,
  io: Io
): Promise<number> {
  const result = await performCheck({ rules: path, at: options.at }, options)
  print(io, options.json === true ? toJson(result) : toText(result))
  return result.errors.length === 0 ? EXIT.success : EXIT.failure
}

/** Checks other rules than those configured as if they were. */
export async function performCheck(
  { rules: path, at, confined }: ParsedRequest<'check'>,
  { config }: CommonOptions
): Promise<CheckResult> {
  checkTime(at)
  const settings = await loadConfig(config)
  if (!settings.ok) return { errors: settings.errors, warnings: [] }
  // With other rules, it is these that are checked, perhaps on another machine.
  const certificates = path === undefined ? await checkCertificates(settings.config) : NOTHING
  const secrets = path === undefined ? await fileErrors(settings.config, certificates) : []
  try {
    const { files, rejected } = await filesToCheck(path, settings.config, confined)
    const errors = [...secrets, ...rejected]
    if (files === undefined) return { errors, warnings: [] }
    const result = await checkRules(files, settings.config, at)
    const warnings = [...certificates.warnings, ...result.warnings]
    return { ...result, warnings, errors: [...errors, ...result.errors] }
  } catch (error) {
    if (error instanceof InterdictError) return { errors: [...secrets, error], warnings: [] }
    throw error
  }
}

const NOTHING: CertificateFindings = { errors: [], warnings: [] }

/** The rules at the path; otherwise the configured ones, and the errors of the offered bundle. */
export async function filesToCheck(
  path: string | undefined,
  config: Config,
  isConfined = false
): Promise<{
  readonly files: RuleFiles | undefined
  readonly rejected: readonly SerializedError[]
}> {
  const copies = listCopiesFolder(config.state.folder)
  const { outsideFolders: outside, asnDatabase } = config
  if (path !== undefined)
    return {
      files: await ruleFilesAt(path, copies, isConfined ? [] : outside, undefined, asnDatabase),
      rejected: []
    }
  const { rules: saved, bundle } = config
  // Not a copy that was applied: what is saved is checked.
  if (bundle === undefined)
    return { files: new RulesFolder(saved, { copies, outside, asnDatabase }), rejected: [] }
  const { files, rejected } = await configuredFiles(config)
  return { files: files[0], rejected }
}

/** Loads and compiles rules, and runs their policy tests. */
export async function checkRules(
  files: RuleFiles,
  config: Config,
  at: string | undefined
): Promise<CheckResult> {
  const { loaded, now } = await loadRulesAt(files, at)
  if (!loaded.ok) {
    const { errors } = await loadPolicyTests(files, 'UTC')
    return { errors: [...loaded.errors, ...errors], warnings: [] }
  }
  return checkLoaded(loaded, files, config, now)
}

export type LoadedRules = Extract<RulesResult, { readonly ok: true }>

/** Compiles rules that were loaded, runs their policy tests, and collects all warnings. */
export async function checkLoaded(
  loaded: LoadedRules,
  files: RuleFiles,
  config: Config,
  now: Seconds
): Promise<CheckResult> {
  const { rules, lists } = loaded
  const { undecided, ...tested } = await testRules(loaded, files, config, now)
  const networks = rules.networks.map(({ id }) => id)
  const { privacy, retention } = config.log.queries
  const warnings = [
    ...checkBindingFeeds(config),
    ...checkEgress(config.egress, rules.networks),
    ...checkClientListeners(config.listen, rules.clients?.clients ?? []),
    ...checkPrivacyNetworks(privacy, networks),
    ...checkRetentionNetworks(retention, networks),
    ...checkReportBans(config.reports, bansOf(rules)),
    ...checkPrimaries(config.transfers, loaded.transfers),
    ...loaded.warnings,
    ...warnAboutSharedNames(rules.sources, file => files.displayName(file)),
    ...undecided
  ]
  const mandates = await checkMandates(rules, config, now)
  const fetched = (await viewLists(loaded, listState(config))).filter(
    ({ state }) => state !== 'local'
  )
  return {
    ...tested,
    errors: [...tested.errors, ...mandates.errors],
    warnings: [...warnings, ...mandates.warnings],
    lists,
    fetched,
    asns: asnsOf(rules),
    mandates: mandates.counts
  }
}

function asnsOf({ asns, sources }: RuleSet): readonly AsnSummary[] {
  if (asns === undefined) return []
  const { built, sha256, systems } = asns
  // Each prefix once, in however many rules it is.
  const owners = [...new Map(sources.flatMap(source => [...(source.asns ?? [])])).values()]
  return systems.map(asn => {
    return { asn, prefixes: owners.filter(owner => owner === asn).length, built, sha256 }
  })
}

function bansOf({ networks }: RuleSet): ReadonlySet<string> {
  const rules = networks.flatMap(network => network.rules)
  return new Set(rules.filter(({ kind }) => kind === 'ban').map(({ id }) => id))
}

/** Loads rules as of a time. */
async function loadRulesAt(
  files: RuleFiles,
  at: string | undefined
): Promise<{ loaded: RulesResult; now: Seconds }> {
  const loaded = await loadRules(files)
  const now = resolveTime(at, loaded.ok ? loaded.rules.timeZone : 'UTC')
  // The first load tells the time zone of `at`; the second warns of what has ended by then.
  if (at === undefined || !loaded.ok) return { loaded, now }
  return { loaded: await loadRules(files, fixedClock(now * MS_PER_SECOND)), now }
}

/** Compiles the rules and runs their policy tests. */
async function testRules(
  loaded: LoadedRules,
  files: RuleFiles,
  config: Config,
  now: Seconds
): Promise<
  Omit<CheckResult, 'warnings' | 'lists' | 'fetched'> & {
    readonly undecided: readonly SerializedError[]
  }
> {
  const { rules: ruleSet } = loaded
  const { timeZone } = ruleSet
  const specialUse = locallyAnsweredNames(config)
  const policy = new Policy(compile(ruleSet, { generation: 0, random: () => 0, specialUse }))
  const mustResolve = [...(ruleSet.mustResolve ?? []), ...config.probe.control]
  const blocked = blockedMustResolve(mustResolve, policy.snapshot, now, timeZone)
  const blockedErrors = blocked.map(({ error }) => error)
  const { counts, origin } = policy.snapshot
  const { networks, rules, names } = counts
  const summary = { networks, rules, names, sha256: origin.sha256, serial: origin.bundle?.serial }
  const { tests, errors } = await loadPolicyTests(files, timeZone)
  if (errors.length > 0)
    return { errors: [...blockedErrors, ...errors], rules: summary, undecided: [] }
  const withoutLists = rulesWithoutLists(ruleSet, absentLists(loaded))
  const run = await runPolicyTests(tests, policy, config, { now, timeZone, withoutLists })
  const { passed, failed, undecided } = run
  return {
    errors: [...blockedErrors, ...failed.map(({ error }) => error)],
    rules: summary,
    tests: { passed, failed: failed.length, undecided: undecided.length },
    undecided: undecided.map(({ error }) => error)
  }
}

/** Errors in what the settings name: certificates, keys and other files, folders, and the API tokens. */
async function fileErrors(
  config: Config,
  certificates: CertificateFindings
): Promise<readonly SerializedError[]> {
  return [...certificates.errors, ...(await checkFiles(config)), ...tokenFileErrors(config.admin)]
}

function tokenFileErrors({ http, tokens }: Config['admin']): readonly SerializedError[] {
  try {
    if (http !== undefined && tokens !== undefined) readTokens(tokens)
    return []
  } catch (error) {
    return [error as InterdictError]
  }
}
