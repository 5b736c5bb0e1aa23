import type { Seconds } from '../../base/units.js'
import { showRrtype } from '../../dns/registry/rrtype.js'
import type { AffectedClients } from '../../policy/diff/client-ranges.js'
import type { Change, ChangeKind, Difference, Move } from '../../policy/diff/difference.js'
import type { BeforeAfter } from '../../policy/diff/name-groups.js'
import type { Decision } from '../../policy/evaluate/decision.js'
import type { QtypeSet, RuleSet } from '../../rules/model/types.js'
import { showInstant } from '../../rules/time/instant.js'
import { paint, type Paint } from '../io.js'
import { table, type Painted } from './layout.js'
import { count, number } from './show.js'
import { shownStanding, sourceText } from './standing-text.js'

/** What a change of rules does, and what was compared. */
export interface Compared extends Difference {
  /** The two folders as they were given. */
  readonly old: string
  readonly now: string
  readonly rules: BeforeAfter<RuleSet>
  readonly at: Seconds
  readonly timeZone: string
  readonly only: readonly string[] | undefined
}

const COLOURS: Readonly<Record<ChangeKind, Paint>> = {
  blocked: 'red',
  lifted: 'green',
  answer: 'yellow',
  record: 'yellow'
}

/** Columns of a terminal that lines are wrapped for, and of what stands before them. */
const COLUMNS = 80
const LABEL = 9
/** Most networks and prefixes of clients that are spelt out. */
const MOST_PLACES = 8

/** For a terminal; colours only there. */
export function toText(compared: Compared): string {
  const { old, now, at, timeZone, moves, renamed, changes } = compared
  const head = `From ${old} to ${now}, from ${showInstant(at, timeZone)} on`
  const lines = [
    paint('bold', head),
    ...renamed.map(({ before, after }) => `The network ${before} is called ${after}.`),
    ...(moves.length === 0 ? [] : ['', ...movesTable(moves)]),
    ...(changes.length === 0 ? [] : ['', ...changesTable(changes, compared)]),
    '',
    summary(compared)
  ]
  return `${lines.join('\n')}\n`
}

function movesTable(moves: readonly Move[]): string[] {
  const rows = moves.flatMap(({ networks, prefixes }) => [
    [
      ['yellow', 'moved'] as const,
      `${networkText(networks.before)} -> ${networkText(networks.after)}`
    ],
    ...labelled('clients', few(prefixes))
  ])
  return table(['change', 'networks'], rows)
}

function changesTable(changes: readonly Change[], compared: Compared): string[] {
  const rows = changes.flatMap(change => [
    [[COLOURS[change.kind], change.kind] as const, ofText(change), number(change.names)],
    ...detailsOf(change, compared)
  ])
  return table(['change', 'of', 'names'], rows)
}

function ofText({ kind, decisions: standings }: Change): string {
  const { before, after } = standings
  const [first, second] = kind === 'lifted' ? [before, after] : [after, before]
  const claim = first.claim ?? second.claim
  return claim === undefined ? '' : sourceText(claim)
}

/** What stands below a row, a label and a text each. */
function detailsOf(change: Change, { timeZone, only }: Compared): Painted[][] {
  const { clients: places, examples, names, outside, qtypes } = change
  const more = names - examples.length
  const some = examples.join(', ')
  const [was, is] = standingTexts(change)
  return [
    ...(outside ? [[['red', `  outside  ${only!.join(', ')}`] as const]] : []),
    ...labelled('clients', few(places.map(placeText))),
    ...labelled('was', was),
    ...labelled('is', is),
    ...labelled('when', whenText(change, timeZone)),
    ...labelled('types', qtypes === undefined ? '' : typesText(qtypes)),
    ...labelled('names', more > 0 ? `${some} and ${number(more)} more` : some)
  ]
}

function whenText({ from, until, hours }: Change, timeZone: string): string {
  const start = Number.isFinite(from) ? `from ${showInstant(from, timeZone)}` : ''
  const end = Number.isFinite(until) ? `until ${showInstant(until, timeZone)}` : ''
  const turns = hours === undefined ? '' : `at times, by the hours ${hours}`
  return [start, end, turns].filter(text => text !== '').join(' ')
}

function typesText({ types, except }: QtypeSet): string {
  return `${except ? 'all but ' : ''}${types.map(showRrtype).join(', ')}`
}

/** What each comes to; and where clients notice no more than that, whatever else differs. */
function standingTexts({ kind, decisions: standings }: Change): [string, string] {
  const { before, after } = standings
  const [one, other] = [partsOf(before), partsOf(after)]
  const isFine = kind === 'answer' || kind === 'record'
  const text = (parts: Parts, others: Parts): string => {
    const { what, by, ...more } = Object.fromEntries(parts)
    const told = Object.entries(more).filter(
      ([key, value]) =>
        ALWAYS.includes(key) || (isFine && others.size > 1 && others.get(key) !== value)
    )
    const head = by === undefined ? what! : `${what!} by ${by}`
    return [head, ...told.map(([key, value]) => `${key} ${value}`)].join(', ')
  }
  return [text(one, other), text(other, one)]
}

type Parts = ReadonlyMap<string, string>

/** What is told of a standing even where the other one has the same. */
const ALWAYS: readonly string[] = ['EDE', 'purpose', 'approved by']

function partsOf(standing: Decision): Parts {
  const shown = shownStanding(standing)
  const {
    verdict,
    action,
    ttl,
    ipv4,
    ipv6,
    target,
    records,
    ede,
    text,
    kind,
    rule,
    facts = {}
  } = shown
  const parts = {
    what:
      verdict === 'blocked' ? action : verdict === 'monitored' ? `${verdict} ${action}` : verdict,
    by: rule === undefined ? undefined : `${kind} ${rule}`,
    through: standing.claim === undefined ? undefined : sourceText(standing.claim),
    EDE: ede,
    saying: text === undefined ? undefined : JSON.stringify(text),
    TTL: ttl === undefined ? undefined : `${ttl} s`,
    A: ipv4,
    AAAA: ipv6,
    target,
    records: records?.join(' '),
    ...Object.fromEntries(Object.entries(facts).map(([key, value]) => [spaced(key), value]))
  }
  return new Map(Object.entries(parts).filter((part): part is [string, string] => part[1] != null))
}

/** `legalBasis` as `legal basis`. */
function spaced(fact: string): string {
  return fact.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}

function placeText({ networks, prefixes, except }: AffectedClients): string {
  const { before, after } = networks
  const moved = `${networkText(before)} -> ${networkText(after)}`
  const network = before === after ? networkText(after) : moved
  if (prefixes === undefined) return network
  const but = except === undefined ? '' : ` but ${few(except)}`
  return `${network} (${few(prefixes)}${but})`
}

function networkText(network: string | undefined): string {
  return network ?? 'no network'
}

function few(texts: readonly string[]): string {
  const more = texts.length - MOST_PLACES
  const some = texts.slice(0, MOST_PLACES).join(', ')
  return more > 0 ? `${some} and ${number(more)} more` : some
}

/** Rows of one cell: a label and a text of as many lines as it takes. None without text. */
function labelled(label: string, text: string): Painted[][] {
  if (text === '') return []
  const lines = wrapped(text, COLUMNS - LABEL - 2)
  return lines.map((line, i) => [`  ${(i === 0 ? label : '').padEnd(LABEL)}${line}`])
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.pop()
    if (last === undefined) lines.push(word)
    else if (last.length + 1 + word.length <= width) lines.push(`${last} ${word}`)
    else lines.push(last, word)
  }
  return lines
}

function summary({ moves, changes, only }: Compared): string {
  const all = moves.length + changes.length
  if (all === 0) return 'Nothing changes.'
  if (only === undefined) return `${count(all, 'change')}.`
  const outside = moves.length + changes.filter(change => change.outside).length
  const apps = only.join(', ')
  const how = outside === 0 ? 'none' : number(outside)
  return paint(outside === 0 ? 'green' : 'red', `${count(all, 'change')}, ${how} outside ${apps}.`)
}
