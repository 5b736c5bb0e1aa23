import { difference, type Difference } from '../../../policy/diff/difference.js'
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
  const examples = parseWholeNumber('--examples', options.examples, { max: 999_999 })
  checkTime(options.at)
  // Both with the current copies of downloaded lists.
  const config = await loadSettings(options)
  const copies = listCopiesFolder(config.state.folder)
  const [before, after] = [
    await loadRules(await ruleFilesAt(old, copies, config)),
    await loadRules(await ruleFilesAt(now, copies, config))
  ]
  if (!before.ok || !after.ok) {
    const errors = [before, after].flatMap(loaded => (loaded.ok ? [] : loaded.errors))
    return rejectInput(errors)
  }
  const rules = { before: before.rules, after: after.rules }
  const only = onlyOf(options.only, rules.before, rules.after)
  const { timeZone } = rules.after
  const at = resolveTime(options.at, timeZone)
  const changes = difference(rules, { at, examples, ...(only && { only }) })
  const compared: Compared = { ...changes, old, now, rules, at, timeZone, only }
  print(io, options.json === true ? toJson(compared) : toText(compared, terminalWidth(io.stdout)))
  return isAcceptable(changes, only) ? EXIT.success : EXIT.failure
}

/** The difference between two rule sets from now on, as text or JSON. */
export function describeDifference(
  rules: { readonly before: RuleSet; readonly after: RuleSet },
  names: { readonly old: string; readonly now: string },
  options: { readonly examples: string; readonly json?: boolean },
  io: Io
): string {
  const examples = parseWholeNumber('--examples', options.examples, { max: 999_999 })
  const { timeZone } = rules.after
  const at = resolveTime(undefined, timeZone)
  const changes = difference(rules, { at, examples })
  const compared: Compared = { ...changes, ...names, rules, at, timeZone, only: undefined }
  return options.json === true ? toJson(compared) : toText(compared, terminalWidth(io.stdout))
}

function isAcceptable(
  { moves, ech, recognized, changes }: Difference,
  only: readonly string[] | undefined
): boolean {
  if (moves.length + ech.length + recognized.length > 0) return false
  return only === undefined ? changes.length === 0 : !changes.some(({ outside }) => outside)
}

/** The apps and lists that may change. An id in neither set of rules is a usage error. */
function onlyOf(
  text: string | undefined,
  before: RuleSet,
  after: RuleSet
): readonly string[] | undefined {
  if (text === undefined) return undefined
  const only = text.split(',').map(id => id.trim())
  const sources = [...before.sources, ...after.sources].filter(({ kind }) => kind !== 'inline')
  const known = new Set(sources.map(({ id }) => id))
  for (const id of only) {
    if (!known.has(id)) usageError(`--only: neither OLD nor NEW has an app or list ${id}`)
  }
  return only
}
