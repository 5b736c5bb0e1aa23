import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { countOtherChanges, difference } from '../../../policy/diff/difference.js'
import { loadRules } from '../../../policy/rules/load.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { listCopiesFolder } from '../../../sources/http/list-copies.js'
import { checkTime, parseWholeNumber, resolveTime } from '../../args/parse.js'
import { ruleFilesAt } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { terminalWidth } from '../../output/columns.js'
import { toJson } from '../../output/rules/diff-json.js'
import { toText, type Compared } from '../../output/rules/diff-text.js'

export interface DiffOptions extends CommonOptions {
  readonly at?: string
  /** Ids of apps and lists, with commas between them. */
  readonly only?: string
  readonly examples: string
  readonly json?: boolean
}

/**
 * `interdict diff`: how the answers to clients change from one rules folder or bundle to another. The
 * exit code is 1 if anything changes; with `only`, if anything but that changes.
 */
export async function diff(
  old: string,
  now: string,
  options: DiffOptions,
  io: Io
): Promise<number> {
  const request = {
    ...{ old, new: now, at: options.at },
    only: options.only?.split(',').map(id => id.trim()),
    examples: parseExamples(options)
  }
  const compared = await performDiff(request, options)
  print(io, renderDifference(compared, options, io))
  return isAcceptable(compared) ? EXIT.success : EXIT.failure
}

/** @throws InterdictError as `ruleFilesAt` */
export async function performDiff(
  request: ParsedRequest<'diff'>,
  options: CommonOptions
): Promise<Compared> {
  const { old, new: now } = request
  checkTime(request.at)
  // Both with the current copies of downloaded lists.
  const config = await loadSettings(options)
  const copies = listCopiesFolder(config.state.folder)
  const { outsideFolders: outside } = config
  const [before, after] = [
    await loadRules(await ruleFilesAt(old, copies, outside, config)),
    await loadRules(await ruleFilesAt(now, copies, request.confined ? [] : outside, config))
  ]
  if (!before.ok || !after.ok) {
    const errors = [before, after].flatMap(loaded => (loaded.ok ? [] : loaded.errors))
    return rejectInput(errors)
  }
  const rules = { before: before.rules, after: after.rules }
  checkIds(request.only, rules.before, rules.after)
  return compare(rules, { ...request, now })
}

interface Comparing {
  readonly old: string
  readonly now: string
  /** Default: now. */
  readonly at?: string | undefined
  readonly only?: readonly string[] | undefined
  readonly examples: number
}

/** The difference between two rule sets from a time on. */
export function compare(
  rules: { readonly before: RuleSet; readonly after: RuleSet },
  { old, now, only, examples, ...options }: Comparing
): Compared {
  const { timeZone } = rules.after
  const at = resolveTime(options.at, timeZone)
  const changes = difference(rules, { at, examples, ...(only && { only }) })
  return { ...changes, old, now, rules, at, timeZone, only }
}

export const parseExamples = ({ examples }: { readonly examples: string }): number =>
  parseWholeNumber('--examples', examples, { max: 999_999 })

export function renderDifference(
  compared: Compared,
  { json }: { readonly json?: boolean },
  io: Io
): string {
  return json === true ? toJson(compared) : toText(compared, terminalWidth(io.stdout))
}

function isAcceptable(compared: Compared): boolean {
  const { changes, only } = compared
  if (countOtherChanges(compared) > 0) return false
  return only === undefined ? changes.length === 0 : !changes.some(({ outside }) => outside)
}

/** Apps and lists that may change: an id in neither set of rules is a usage error. */
function checkIds(only: readonly string[] = [], before: RuleSet, after: RuleSet): void {
  const sources = [...before.sources, ...after.sources].filter(({ kind }) => kind !== 'inline')
  const known = new Set(sources.map(({ id }) => id))
  for (const id of only) {
    if (!known.has(id)) usageError(`--only: neither OLD nor NEW has an app or list ${id}`)
  }
}
