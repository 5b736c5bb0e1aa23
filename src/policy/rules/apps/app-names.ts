/**
 * Reads the names of an app file without parsing the facts about each.
 *
 * The app files that ship with the program have 2,200 names, each with its role, evidence and the
 * date at which it was first seen. Most of that is for people; the gateway needs the names, and role,
 * confidence and number of sources, by which the probe knows the main ones. Parsing and checking 1,400 of
 * them takes a new process 100 ms of CPU, and 40 ms with this scanner, which knows the one form in which the
 * shipped files write an entry. A list with any other entry, such as one with `force`, is left to `readYaml`
 * as a whole, with the same result (`test/rules/app-names.test.ts` compares them).
 */
import { readPattern, type Pattern } from '../model/pattern.js'
import type { AtLine } from '../model/yaml-source.js'
import type { NameFacts } from './main-names.js'

export interface ScannedNames {
  readonly names: readonly AtLine<Pattern>[]
  /** Each name as text, without its cover sign. */
  readonly texts: readonly string[]
  readonly facts: readonly NameFacts[]
  /** The file with a single name, and all other lines at their line numbers. */
  readonly rest: string
}

/** Separator in an entry: a blank, or a line break and indentation. */
const GAP = String.raw`(?: |\n {6,8})`
const PLAIN_NAME = String.raw`[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?\.(?:[a-z]{2,}|xn--[a-z0-9-]*[a-z0-9])`
const NAME = String.raw`(?:=?${PLAIN_NAME}|'\*\.${PLAIN_NAME}')`
/** A calendar date or month; leap days are left to `readYaml`. */
const DAY =
  String.raw`(?:19|20)\d\d-(?:(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|1\d|2[0-8]))?` +
  '|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)'
/** A word that YAML reads as a string. */
const TEXT = String.raw`(?!(?:true|false|null|True|False|Null|TRUE|FALSE|NULL)\b)[A-Za-z]`
const TAG = String.raw`${TEXT}[\w-]*`
const WORD = String.raw`[\w./()+;-]+`
const QUOTED = String.raw`[!-&(-~\u00a1-\ud7ff]+`
const spaced = (word: string): string => `${word}(?:${GAP}${word})*`
const NOTE = `(?:(?=${TEXT})${spaced(WORD)}|'${spaced(QUOTED)}')`
const FACTS = [
  ['role', '(?<role>app|api|cdn|telemetry|web|shared)'],
  ['confidence', '(?<confidence>high|medium|low)'],
  ['first-seen', DAY],
  ['evidence', String.raw`\[(?<evidence>${TAG}(?:,${GAP}${TAG})*)\]`],
  ['note', NOTE]
].map(([key, value]) => `(?:,${GAP}${key!}: ${value!})?`)

const HEAD = /(?:^|\n)names:\n/g
const ENTRY = new RegExp(
  ` {2}- (?:\\{ name: (?<name>${NAME})${FACTS.join('')} \\}|(?<bare>${NAME}))\n`,
  'y'
)
type Entry = Pick<NameFacts, 'role' | 'confidence'> &
  Readonly<Partial<Record<'name' | 'bare' | 'evidence', string>>>
const COVER_SIGN = /^(?:=|\*\.)/
/** What may follow the list: another key, or the end. */
const TAIL = /[a-z]|$/y

/** The names of an app file; undefined if its list has any entry in another form. */
export function scanAppNames(text: string): ScannedNames | undefined {
  const [head, another] = text.matchAll(HEAD)
  if (head === undefined || another !== undefined) return undefined
  const start = head.index + head[0].length
  const names: AtLine<Pattern>[] = []
  const texts: string[] = []
  const facts: NameFacts[] = []
  let line = countLines(text, 0, start) + 1
  let at = start
  for (;;) {
    ENTRY.lastIndex = at
    const found = ENTRY.exec(text)
    if (found === null) break
    const { name, bare, role, confidence, evidence } = found.groups as Entry
    const written = (name ?? bare!).replaceAll("'", '')
    const value = patternOf(written)
    if (value === undefined) return undefined
    names.push({ value, line })
    texts.push(written.replace(COVER_SIGN, ''))
    facts.push({ line, role, confidence, evidence: evidence?.split(',').length ?? 0 })
    line += countLines(text, at, ENTRY.lastIndex)
    at = ENTRY.lastIndex
  }
  TAIL.lastIndex = at
  if (names.length === 0 || !TAIL.test(text)) return undefined
  const left = `  - a.example${'\n'.repeat(countLines(text, start, at))}`
  return { names, texts, facts, rest: text.slice(0, start) + left + text.slice(at) }
}

function patternOf(written: string): Pattern | undefined {
  try {
    return readPattern(written)
  } catch {
    return undefined
  }
}

function countLines(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) {
    count++
  }
  return count
}
