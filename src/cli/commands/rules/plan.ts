import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import { packageVersion } from '../../../base/package.js'
import type { Milliseconds, Seconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import { fetchRulesInForce } from '../../../gateway/socket/admin-client.js'
import { unpackRulesInForce } from '../../../gateway/status/read-rules-in-force.js'
import { compileBoth, countOtherChanges, difference } from '../../../policy/diff/difference.js'
import { loadRules } from '../../../policy/rules/load.js'
import type { RuleFiles } from '../../../policy/rules/model/folder.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { loadPolicyTests } from '../../../policy/rules/tests/policy-tests.js'
import { parseMilliseconds, parseWholeNumber } from '../../args/parse.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import type { CheckResult } from '../../output/rules/check-text.js'
import { terminalWidth } from '../../output/columns.js'
import { jsonOf, toText, type PlannedRules, type PlanResult } from '../../output/rules/plan-text.js'
import { checkLoaded, filesToCheck } from './check.js'
import { forecast } from './forecast.js'

export interface PlanOptions extends CommonOptions {
  readonly timeout: string
  readonly examples: string
  readonly json?: boolean
}

/** Exit codes besides those of every command; the first that applies. */
export const PLAN_EXIT = {
  /** A policy test fails. */
  tests: 3,
  /** Lookups of the last day would newly be blocked or refused. */
  blocks: 4,
  /** The effect of the rules changes. */
  changes: 5,
  /** There are warnings, and nothing changes. */
  warnings: 6
} as const

/**
 * `interdict plan`: what rules would change against those that the running gateway has in force.
 *
 * @param path rules folder or bundle, instead of the configured one
 */
export async function plan(
  path: string | undefined,
  options: PlanOptions,
  io: Io
): Promise<number> {
  const examples = parseWholeNumber('--examples', options.examples, { max: 999_999 })
  const timeout = parseMilliseconds('--timeout', options.timeout)
  const result = await performPlan({ path, examples, timeout }, options, io)
  const code = planExit(result)
  if (options.json === true) printJson(io, jsonOf(result, code))
  else print(io, toText(result, terminalWidth(io.stdout)))
  return code
}

interface PlanRequest {
  /** Rules folder or bundle, instead of the configured one. */
  readonly path?: string | undefined
  readonly examples: number
  /** How long to wait for the running gateway. */
  readonly timeout: Milliseconds
}

/** Compares rules with those that the running gateway has in force. */
export async function performPlan(
  { path, examples, timeout }: PlanRequest,
  options: CommonOptions,
  io: Io
): Promise<PlanResult> {
  const config = await loadSettings(options)
  const { socket } = config.admin
  if (socket === undefined) throw failure('ADMIN_OFF')
  const { facts, parts } = await fetchRulesInForce([...socket.paths].reverse(), timeout)
  if (facts.version !== packageVersion())
    throw failure('PLAN_VERSION', facts.version, packageVersion())
  const { files, rejected } = await filesToCheck(path, config)
  const { version, sha256, generation } = facts
  const from = { inForce: { version, sha256, generation }, rules: path ?? config.rules }
  const now = epochSeconds(systemClock)
  const found =
    files === undefined
      ? { check: { errors: rejected, warnings: [] } }
      : await comparePlanned(
          files,
          unpackRulesInForce(parts),
          { names: 'the rules in force', config, now, examples, options },
          io
        )
  const { check } = found
  return { ...from, ...found, check: { ...check, errors: [...rejected, ...check.errors] } }
}

interface Context {
  /** What the rules are compared with, in the text. */
  readonly names: string
  readonly config: Config
  readonly now: Seconds
  readonly examples: number
  readonly options: CommonOptions
  /** Whose lookups are judged; default: the last one. */
  readonly days?: number
}

/** Checks rules, and compares them with others. */
export async function comparePlanned(
  files: RuleFiles,
  before: RuleSet,
  { names: old, config, now, examples, options, days }: Context,
  io: Io
): Promise<Omit<PlannedRules, 'rules'>> {
  const loaded = await loadRules(files)
  if (!loaded.ok) {
    const { errors } = await loadPolicyTests(files, 'UTC')
    return { check: { errors: [...loaded.errors, ...errors], warnings: [] } }
  }
  const { rules: after } = loaded
  const { ownSha256: planned, timeZone } = after
  // Before the tests, which read more files.
  const check = await checkLoaded(loaded, files, config, now)
  const rules = { before, after }
  const snapshots = compileBoth(rules)
  const changes = difference(rules, { at: now, examples }, snapshots)
  const names = { old, now: files.displayName('').replace(/\/$/, '') }
  const compared = { ...changes, ...names, rules, at: now, timeZone, only: undefined }
  const expected = await forecast(rules, snapshots, { config, now, options, days }, io)
  return { planned, check, compared, forecast: expected }
}

export function planExit({ check, compared, forecast }: Omit<PlannedRules, 'rules'>): number {
  const failed = check.tests?.failed ?? 0
  if (check.errors.length > failed || isInvalid(check)) return EXIT.failure
  if (failed > 0) return PLAN_EXIT.tests
  if (forecast !== undefined && 'changes' in forecast) {
    const { blocked, refused } = forecast.changes
    if (blocked.lookups + refused.lookups > 0) return PLAN_EXIT.blocks
  }
  if (compared !== undefined && hasChanges(compared)) return PLAN_EXIT.changes
  return check.warnings.length > 0 ? PLAN_EXIT.warnings : EXIT.success
}

/** The rules or their tests cannot be read. */
const isInvalid = ({ rules, tests }: CheckResult): boolean =>
  rules === undefined || tests === undefined

const hasChanges = (compared: NonNullable<PlanResult['compared']>): boolean =>
  countOtherChanges(compared) + compared.renamed.length + compared.changes.length > 0
