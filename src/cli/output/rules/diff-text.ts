import type { Seconds } from '../../../base/units.js'
import { showRrtype } from '../../../wire/dns/registry/rrtype.js'
import type { Change, ChangeKind } from '../../../policy/diff/change-collector.js'
import type { ClientChange } from '../../../policy/diff/client-changes.js'
import type { AffectedClients, PrefixSet } from '../../../policy/diff/client-ranges.js'
import { countOtherChanges, type Difference, type Move } from '../../../policy/diff/difference.js'
import type { DnssecExceptionChange } from '../../../policy/diff/dnssec-changes.js'
import type { BeforeAfter } from '../../../policy/diff/name-groups.js'
import type { RuleVerdict } from '../../../policy/evaluate/evaluator.js'
import type { QtypeSet, RuleSet } from '../../../policy/rules/model/types.js'
import { showInstant } from '../../../base/time/instant.js'
import { paint, type Colour } from '../../io.js'
import { wrap } from '../columns.js'
import { describeRuleVerdict, sourceText } from './rule-verdict-text.js'
import { factLabel, formatCount, formatNumber } from '../format.js'
import { table, type StyledText } from '../layout.js'

/** The difference between two sets of rules, and what was compared. */
export interface Compared extends Difference {
  /** Paths of the rules as given. */
  readonly old: string
  readonly now: string
  readonly rules: BeforeAfter<RuleSet>
  readonly at: Seconds
  readonly timeZone: string
  readonly only: readonly string[] | undefined
}

const COLOURS: Readonly<Record<ChangeKind, Colour>> = {
  blocked: 'red',
  lifted: 'green',
  answer: 'yellow',
  record: 'yellow'
}

/** Width of the label of a line. */
const LABEL = 9
/** Most networks and prefixes that are spelt out. */
const MOST_PLACES = 8

/** @param width of the terminal, in columns */
export function toText(compared: Compared, width: number): string {
  const { old, now, at, timeZone, moves, renamed, ech, dnssec, recognized, changes } = compared
  const head = `From ${old} to ${now}, from ${showInstant(at, timeZone)} on`
  const lines = [
    paint('bold', head),
    ...renamed.map(({ before, after }) => `Network ${before} is renamed to ${after}.`),
    ...ech.map(
      ({ networks, ech }) => `Network ${networks.after}: ech ${ech.before} -> ${ech.after}.`
    ),
    ...dnssec.map(
      ({ networks, dnssec }) =>
        `Network ${networks.after}: dnssec ${dnssec.before} -> ${dnssec.after}.`
    ),
    ...exceptionLines(compared.dnssecExceptions),
    ...compared.trustAnchors.map(({ anchor, kind }) => `DNSSEC trust anchor ${kind}: ${anchor}.`),
    ...compared.resolution.map(
      ({ networks, key, values }) =>
        `Network ${networks.after}: ${key} ${values.before} -> ${values.after}.`
    ),
    ...recognizedLines(recognized),
    ...(moves.length === 0 ? [] : ['', ...movesTable(moves, width)]),
    ...(changes.length === 0 ? [] : ['', ...changesTable(changes, compared, width)]),
    '',
    summary(compared)
  ]
  return `${lines.join('\n')}\n`
}

/** DNSSEC exceptions: the first few of each kind by name. */
function exceptionLines(changes: readonly DnssecExceptionChange[]): string[] {
  return (['added', 'removed', 'changed'] as const).flatMap(kind => {
    const names = changes.filter(change => change.kind === kind).map(({ name }) => name)
    return names.length === 0 ? [] : [`DNSSEC exceptions ${kind}: ${few(names)}.`]
  })
}

/** Clients that are recognized: what was done to them, the first few of each kind by name. */
function recognizedLines(changes: readonly ClientChange[]): string[] {
  const groups = new Map<string, string[]>()
  for (const { what, id, kind, networks, keys } of changes) {
    const [was, is] = [networks.before ?? '', networks.after ?? '']
    const place = what === 'authority' ? '' : was === is || was === '' ? ` in ${is}` : ` in ${was}`
    const moved = was !== '' && is !== '' && was !== is ? `, now in ${is}` : ''
    const details = keys.length === 0 ? '' : ` (${keys.join(', ')})`
    const title = `${what === 'client' ? 'Clients' : 'Client authorities'} ${kind}${place}${moved}${details}`
    groups.set(title, [...(groups.get(title) ?? []), id])
  }
  return [...groups].map(([title, ids]) => `${title}: ${few(ids)}.`)
}

function movesTable(moves: readonly Move[], width: number): string[] {
  const rows = moves.flatMap(({ networks, ...prefixes }) => [
    [
      ['yellow', 'moved'] as const,
      `${networkText(networks.before)} -> ${networkText(networks.after)}`
    ],
    ...labelled('clients', prefixesText(prefixes), width)
  ])
  return table(['change', 'networks'], rows)
}

function changesTable(changes: readonly Change[], compared: Compared, width: number): string[] {
  const rows = changes.flatMap(change => [
    [[COLOURS[change.kind], change.kind] as const, sourceOf(change), formatNumber(change.names)],
    ...detailsOf(change, compared, width)
  ])
  return table(['change', 'source', 'names'], rows)
}

function sourceOf({ kind, verdicts }: Change): string {
  const { before, after } = verdicts
  const [first, second] = kind === 'lifted' ? [before, after] : [after, before]
  const claim = first.claim ?? second.claim
  return claim === undefined ? '' : sourceText(claim)
}

/** Labelled lines below the row of a change. */
function detailsOf(change: Change, { timeZone, only }: Compared, width: number): StyledText[][] {
  const texts = Object.entries(changeTexts(change, timeZone))
  return [
    ...(change.outside ? [[['red', `  outside  ${only!.join(', ')}`] as const]] : []),
    ...texts.flatMap(([label, text]) => labelled(label, text, width))
  ]
}

/** Each part of a change as text; empty: nothing to say. */
export function changeTexts(change: Change, timeZone: string) {
  const { clients, examples, names, qtypes } = change
  const more = names - examples.length
  const some = examples.join(', ')
  const [was, is] = verdictTexts(change)
  return {
    clients: few(clients.map(placeText)),
    was,
    is,
    when: whenText(change, timeZone),
    types: qtypes === undefined ? '' : typesText(qtypes),
    names: more > 0 ? `${some} and ${formatNumber(more)} more` : some
  }
}

function whenText({ from, until, hours }: Change, timeZone: string): string {
  const start = Number.isFinite(from) ? `from ${showInstant(from, timeZone)}` : ''
  const end = Number.isFinite(until) ? `until ${showInstant(until, timeZone)}` : ''
  const schedule = hours === undefined ? '' : `at certain hours (${hours})`
  return [start, end, schedule].filter(text => text !== '').join(' ')
}

function typesText({ types, except }: QtypeSet): string {
  return `${except ? 'all except ' : ''}${types.map(showRrtype).join(', ')}`
}

/** Both outcomes; where clients get the same answer, also every other difference. */
function verdictTexts({ kind, verdicts }: Change): [string, string] {
  const { before, after } = verdicts
  const [one, other] = [partsOf(before), partsOf(after)]
  const isMinor = kind === 'answer' || kind === 'record'
  const text = (parts: Parts, others: Parts): string => {
    const { what, by, ...more } = Object.fromEntries(parts)
    const shown = Object.entries(more).filter(
      ([key, value]) =>
        ALWAYS.includes(key) || (isMinor && others.size > 1 && others.get(key) !== value)
    )
    const head = by === undefined ? what! : `${what!} by ${by}`
    return [head, ...shown.map(([key, value]) => `${key} ${value}`)].join(', ')
  }
  return [text(one, other), text(other, one)]
}

type Parts = ReadonlyMap<string, string>

/** Parts that are shown even where both outcomes agree. */
const ALWAYS: readonly string[] = ['EDE', 'purpose', 'approved by']

function partsOf(ruleVerdict: RuleVerdict): Parts {
  const view = describeRuleVerdict(ruleVerdict)
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
    explain,
    kind,
    rule,
    facts = {}
  } = view
  const parts = {
    what:
      verdict === 'blocked' ? action : verdict === 'monitored' ? `${verdict} ${action}` : verdict,
    by: rule === undefined ? undefined : `${kind} ${rule}`,
    via: ruleVerdict.claim === undefined ? undefined : sourceText(ruleVerdict.claim),
    EDE: ede,
    text: text === undefined ? undefined : JSON.stringify(text),
    explain: explain && JSON.stringify(explain),
    TTL: ttl === undefined ? undefined : `${ttl} s`,
    A: ipv4,
    AAAA: ipv6,
    target,
    records: records?.join(' '),
    ...Object.fromEntries(Object.entries(facts).map(([key, value]) => [factLabel(key), value]))
  }
  return new Map(Object.entries(parts).filter((part): part is [string, string] => part[1] != null))
}

function placeText({ networks, prefixes, except }: AffectedClients): string {
  const { before, after } = networks
  const moved = `${networkText(before)} -> ${networkText(after)}`
  const network = before === after ? networkText(after) : moved
  return prefixes === undefined ? network : `${network} (${prefixesText({ prefixes, except })})`
}

export function prefixesText({ prefixes, except = [] }: PrefixSet): string {
  return except.length === 0 ? few(prefixes) : `${few(prefixes)} except ${few(except)}`
}

function networkText(network: string | undefined): string {
  return network ?? 'no network'
}

function few(texts: readonly string[]): string {
  const more = texts.length - MOST_PLACES
  const some = texts.slice(0, MOST_PLACES).join(', ')
  return more > 0 ? `${some} and ${formatNumber(more)} more` : some
}

/** Rows of one cell: a label and a wrapped text. None for an empty text. */
function labelled(label: string, text: string, width: number): StyledText[][] {
  if (text === '') return []
  const lines = wrap(text, width - LABEL - 2)
  return lines.map((line, i) => [`  ${(i === 0 ? label : '').padEnd(LABEL)}${line}`])
}

function summary(compared: Compared): string {
  const { changes, only } = compared
  const others = countOtherChanges(compared)
  const all = others + changes.length
  if (all === 0) return 'Nothing changes.'
  if (only === undefined) return `${formatCount(all, 'change')}.`
  const outside = others + changes.filter(change => change.outside).length
  const apps = only.join(', ')
  const outsideCount = outside === 0 ? 'none' : formatNumber(outside)
  return paint(
    outside === 0 ? 'green' : 'red',
    `${formatCount(all, 'change')}, ${outsideCount} outside ${apps}.`
  )
}
