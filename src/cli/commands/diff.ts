import { difference, type Difference } from '../../policy/diff/difference.js'
import { loadRules } from '../../rules/load.js'
import type { RuleSet } from '../../rules/model/types.js'
import { copiesFolder } from '../../sources/http/copies.js'
import { checkAt, secondsAt } from '../args/given.js'
import { ruleFiles } from '../args/rule-files.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, refuse, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { toJson } from '../output/diff-json.js'
import { toText, type Compared } from '../output/diff-text.js'

export interface DiffOptions extends CommonOptions {
  readonly at?: string
  /** Ids of apps and lists, with commas between them. */
  readonly only?: string
  readonly examples: string
  readonly json?: boolean
}

/**
 * `interdict diff`: what becomes of names and clients when one rules folder, or bundle, takes another's place.
 * Exit code 1 if anything changes; with `only`, if anything else does.
 */
export async function diff(
  old: string,
  now: string,
  options: DiffOptions,
  io: Io
): Promise<number> {
  const examples = wholeNumber('--examples', options.examples)
  checkAt(options.at)
  // Both with the copies of fetched lists that are here.
  const copies = copiesFolder((await settings(options)).state.folder)
  const [before, after] = [
    await loadRules(await ruleFiles(old, copies)),
    await loadRules(await ruleFiles(now, copies))
  ]
  if (!before.ok || !after.ok) {
    const errors = [before, after].flatMap(loaded => (loaded.ok ? [] : loaded.errors))
    return refuse(errors)
  }
  const rules = { before: before.rules, after: after.rules }
  const only = onlyOf(options.only, rules.before, rules.after)
  const { timeZone } = rules.after
  const at = secondsAt(options.at, timeZone)
  const found = difference(rules, { at, examples, ...(only && { only }) })
  const compared: Compared = { ...found, old, now, rules, at, timeZone, only }
  print(io, options.json === true ? toJson(compared) : toText(compared))
  return isFine(found, only) ? EXIT.success : EXIT.failure
}

/** What changes from now on from some rules to others, as text or JSON. */
export function showDifference(
  rules: { readonly before: RuleSet; readonly after: RuleSet },
  names: { readonly old: string; readonly now: string },
  options: { readonly examples: string; readonly json?: boolean }
): string {
  const examples = wholeNumber('--examples', options.examples)
  const { timeZone } = rules.after
  const at = secondsAt(undefined, timeZone)
  const found = difference(rules, { at, examples })
  const compared: Compared = { ...found, ...names, rules, at, timeZone, only: undefined }
  return options.json === true ? toJson(compared) : toText(compared)
}

function isFine({ moves, changes }: Difference, only: readonly string[] | undefined): boolean {
  if (moves.length > 0) return false
  return only === undefined ? changes.length === 0 : !changes.some(({ outside }) => outside)
}

/** The apps and lists that alone may change; one that is in neither folder is a misspelt one. */
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
    if (!known.has(id)) usage(`--only: neither OLD nor NEW has an app or list ${id}`)
  }
  return only
}

function wholeNumber(argument: string, text: string): number {
  return /^\d{1,6}$/.test(text) ? Number(text) : usage(`${argument}: ${text} is no whole number`)
}
