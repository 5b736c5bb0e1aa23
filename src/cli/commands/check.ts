import { InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import { checkRetentionNetworks, checkPrivacyNetworks } from '../../config/check-networks.js'
import type { Config } from '../../config/config.js'
import { loadConfig } from '../../config/load.js'
import { checkPrimaries } from '../../config/zone-primaries.js'
import { checkChainKey } from '../../daemon/querylog/chain-key.js'
import { locallyAnsweredNames } from '../../daemon/reload/locally-answered.js'
import { loadPrimaries } from '../../daemon/sources/primaries.js'
import type { SerializedError } from '../../daemon/threads/serialized-error.js'
import { loadCookieSecrets } from '../../daemon/workers/cookie-secrets.js'
import { compile } from '../../policy/compile/compile.js'
import { Policy } from '../../policy/evaluate/policy.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { ListReport } from '../../rules/lists/list-types.js'
import { sharedInLists } from '../../rules/lists/shared-in-lists.js'
import { loadRules, type RulesResult } from '../../rules/load.js'
import type { RuleFiles } from '../../rules/model/folder.js'
import type { RuleSet } from '../../rules/model/types.js'
import { loadPolicyTests } from '../../rules/tests/policy-tests.js'
import { copiesFolder } from '../../sources/http/copies.js'
import { checkAt, secondsAt } from '../args/given.js'
import { ownFiles } from '../args/read-rules.js'
import { ruleFiles } from '../args/rule-files.js'
import type { CommonOptions } from '../args/settings.js'
import { EXIT } from '../exit.js'
import { print, type Io } from '../io.js'
import { listJson, listLines } from '../output/list-report.js'
import { ageLine } from '../output/lists-text.js'
import { viewLists, type ListView } from '../output/lists-view.js'
import { count } from '../output/show.js'
import { whereOf } from './lists.js'
import { standingClock } from './one-query.js'
import { runPolicyTests } from './policy-tests.js'

export interface CheckOptions extends CommonOptions {
  readonly at?: string
  readonly json?: boolean
}

/** Everything that `interdict check` says; its JSON form is public. */
export interface Checked {
  readonly errors: readonly SerializedError[]
  readonly warnings: readonly SerializedError[]
  /** What each file of a list was found to be; undefined where the rules are wrong. */
  readonly lists?: readonly ListReport[]
  /** Lists that are fetched: how old the copies are. */
  readonly fetched?: readonly ListView[]
  /** What the rules come to; undefined where they are wrong. */
  readonly rules?: Rules
  /** Policy tests, if the rules and all of the tests can be read. */
  readonly tests?: { readonly passed: number; readonly failed: number }
}

type Rules = Readonly<
  Record<'networks' | 'rules' | 'names', number> & { sha256: string; serial?: number | undefined }
>

/** @param path of rules in place of those that the settings name: a folder or a bundle */
async function look(path: string | undefined, { config, at }: CheckOptions): Promise<Checked> {
  const read = await loadConfig(config)
  if (!read.ok) return { errors: read.errors, warnings: [] }
  const secrets = [...(await secretErrors(read.config)), ...checkChainKey(read.config)]
  try {
    const { files, refused } = await placeOf(path, read.config)
    const errors = [...secrets, ...refused]
    if (files === undefined) return { errors, warnings: [] }
    const checked = await judge(files, read.config, at)
    return { ...checked, errors: [...errors, ...checked.errors] }
  } catch (error) {
    if (error instanceof InterdictError) return { errors: [...secrets, error], warnings: [] }
    throw error
  }
}

/** What was asked for; else what is to be in force, and what is wrong with the bundle that is offered. */
async function placeOf(
  path: string | undefined,
  config: Config
): Promise<{
  readonly files: RuleFiles | undefined
  readonly refused: readonly SerializedError[]
}> {
  if (path !== undefined)
    return { files: await ruleFiles(path, copiesFolder(config.state.folder)), refused: [] }
  const { files, refused } = await ownFiles(config)
  return { files: files[0], refused }
}

/** `interdict check`: reads everything as `serve` would, runs the tests, says all that is wrong. */
export async function check(
  path: string | undefined,
  options: CheckOptions,
  io: Io
): Promise<number> {
  checkAt(options.at)
  const checked = await look(path, options)
  print(io, options.json === true ? toJson(checked) : toText(checked))
  return checked.errors.length === 0 ? EXIT.success : EXIT.failure
}

/** Reads rules, compiles them, and holds them against their tests. */
export async function judge(
  files: RuleFiles,
  config: Config,
  at: string | undefined
): Promise<Checked> {
  const { loaded, now } = await load(files, at)
  if (loaded.ok) {
    const { rules, warnings, lists } = loaded
    const proven = await prove(rules, files, config, now)
    const shared = sharedInLists(rules.sources, file => files.displayName(file))
    const networks = rules.networks.map(({ id }) => id)
    const { privacy, retention: keep } = config.log.queries
    const strange = [
      ...checkPrivacyNetworks(privacy, networks),
      ...checkRetentionNetworks(keep, networks)
    ]
    const asked = checkPrimaries(config.transfers, loaded.transfers)
    const all = [...strange, ...asked, ...warnings, ...shared]
    const fetched = (await viewLists(loaded, whereOf(config))).filter(
      ({ state }) => state !== 'local'
    )
    return { ...proven, warnings: all, lists, fetched }
  }
  const { errors } = await loadPolicyTests(files, 'UTC')
  return { errors: [...loaded.errors, ...errors], warnings: [] }
}

/** The rules, and the time at which they are looked at. */
async function load(
  files: RuleFiles,
  at: string | undefined
): Promise<{ loaded: RulesResult; now: Seconds }> {
  const loaded = await loadRules(files)
  const now = secondsAt(at, loaded.ok ? loaded.rules.timeZone : 'UTC')
  // In what zone the time is, the rules say; what has ended by then, the next reading.
  if (at === undefined || !loaded.ok) return { loaded, now }
  return { loaded: await loadRules(files, standingClock(now * MS_PER_SECOND)), now }
}

/** Compiles the rules and holds them against their tests. */
async function prove(
  ruleSet: RuleSet,
  files: RuleFiles,
  config: Config,
  now: Seconds
): Promise<Omit<Checked, 'warnings' | 'lists' | 'fetched'>> {
  const { timeZone } = ruleSet
  const localNames = locallyAnsweredNames(config)
  const policy = new Policy(
    compile(ruleSet, { generation: 0, random: () => 0, specialUse: localNames })
  )
  const { counts, origin } = policy.snapshot
  const { networks, rules, names } = counts
  const sums = { networks, rules, names, sha256: origin.sha256, serial: origin.bundle?.serial }
  const { tests, errors } = await loadPolicyTests(files, timeZone)
  if (errors.length > 0) return { errors, rules: sums }
  const failures = await runPolicyTests(tests, policy, config, { now, timeZone })
  const failed = failures.length
  return { errors: failures, rules: sums, tests: { passed: tests.length - failed, failed } }
}

/** What is wrong with the files of secrets: those of cookies, and of keys for transfers. */
async function secretErrors({ cookies, transfers }: Config): Promise<readonly SerializedError[]> {
  const read = await Promise.allSettled([loadCookieSecrets(cookies), loadPrimaries(transfers)])
  return read.flatMap(it => {
    if (it.status === 'fulfilled') return []
    const { reason } = it as { reason: unknown }
    if (reason instanceof AggregateError) return reason.errors as SerializedError[]
    throw reason
  })
}

export function toText({
  errors,
  warnings,
  lists = [],
  fetched = [],
  rules,
  tests
}: Checked): string {
  const warned = warnings.map(warning => `warning: ${show(warning)}`)
  const lines = [
    ...lists.flatMap(listLines),
    ...fetched.flatMap(ageLine),
    ...warned,
    ...errors.map(show)
  ]
  if (tests !== undefined && tests.passed + tests.failed > 0) lines.push(passed(tests))
  if (errors.length > 0) lines.push(count(errors.length, 'error'))
  else if (rules !== undefined) lines.push(...sumsOf(rules))
  return `${lines.join('\n')}\n`
}

function passed({ passed, failed }: NonNullable<Checked['tests']>): string {
  const others = failed > 0 ? `, ${count(failed, 'fails', 'fail')}` : ''
  return `${count(passed, 'policy test passes', 'policy tests pass')}${others}`
}

function sumsOf({ networks, rules, names, sha256, serial }: Rules): string[] {
  const sums = [count(networks, 'network'), count(rules, 'rule'), count(names, 'name')]
  return [
    `${sums.join(', ')}: all good`,
    `SHA-256 ${sha256}${serial === undefined ? '' : `, serial ${serial}`}`
  ]
}

function toJson({ errors, warnings, lists, fetched, rules, tests }: Checked): string {
  const said = {
    ok: errors.length === 0,
    rules: rules ?? null,
    tests: tests ?? null,
    lists: lists?.map(listJson) ?? null,
    fetched: fetched ?? null,
    errors: errors.map(placed),
    warnings: warnings.map(placed)
  }
  return `${JSON.stringify(said, undefined, 2)}\n`
}

function placed(trouble: SerializedError): object {
  const { code, message } = trouble
  const position = trouble instanceof InterdictError ? trouble.position : undefined
  return { code, message, ...position }
}

const show = ({ code, message }: SerializedError): string => `${escapeControls(message)} (${code})`
