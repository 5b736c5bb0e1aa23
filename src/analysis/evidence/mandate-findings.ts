import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { evaluateMandates } from '../../policy/rules/mandates/evaluate-mandates.js'
import type { Mandate } from '../../policy/rules/mandates/mandate.js'
import { shortfallErrors } from '../../policy/rules/mandates/shortfall-errors.js'
import type { RuleSet, Term } from '../../policy/rules/model/types.js'
import type { StoredMandate } from '../../sources/mandates/mandate-store.js'
import { column, type Fact, type Table, type Tile } from '../report/report.js'
import { gatewayColumn } from './fleet-tables.js'
import type { Gateway, Segment, Version } from './rule-segments.js'

/** An issue of a mandate that was in force at the gateway, and its file. */
export interface EvidenceMandate {
  readonly mandate: Mandate
  readonly stored: StoredMandate
  /** The signed file. */
  readonly octets: Uint8Array
  /** It was not replaced, and the settings name no mandates now: until when it was in force is not known. */
  readonly isDropped: boolean
}

/** Whether the rules satisfied a mandate. `not running` includes times without any lookups. */
export type MandateStatus = 'satisfied' | 'not satisfied' | 'not known' | 'not running'

/** A period in which a mandate was in force, and whether the rules satisfied it. */
export interface MandateSpan {
  readonly from: Milliseconds
  readonly until: Milliseconds
  readonly status: MandateStatus
  readonly why: string
}

/** Mandates over a period, for a pack. */
export interface MandateFindings {
  readonly table: Table
  readonly tile: Tile
  readonly facts: readonly Fact[]
  readonly files: readonly (readonly [path: string, content: string | Uint8Array])[]
}

interface Period {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

/** The mandates of a gateway, and what was in force there. */
export interface GatewayMandates {
  readonly gateway: Gateway
  readonly mandates: readonly EvidenceMandate[]
  /** In order. */
  readonly segments: readonly Segment[]
}

/** A mandate at a gateway. */
interface JudgedMandate {
  readonly gateway: Gateway
  readonly one: EvidenceMandate
  readonly spans: readonly MandateSpan[]
}

/** @param rulesOf returns undefined if they are not available */
export function mandateFindings(
  gateways: readonly GatewayMandates[],
  period: Period,
  rulesOf: (version: Version) => RuleSet | undefined
): MandateFindings {
  const judged = gateways.flatMap(({ gateway, mandates, segments }) =>
    mandates.map((one): JudgedMandate => {
      const spans = spansOf(one, segments, period, rulesOf)
      return { gateway, one, spans: one.isDropped ? spans.map(withoutEnd) : spans }
    })
  )
  return findingsOf(
    judged.filter(({ spans }) => spans.length > 0),
    gateways.map(({ gateway }) => gateway)
  )
}

function findingsOf(
  judged: readonly JudgedMandate[],
  gateways: readonly Gateway[]
): MandateFindings {
  const rows = judged.flatMap(({ gateway, one: { mandate }, spans }) =>
    spans.map(({ from, until, status, why }) => [
      ...(gateway === undefined ? [] : [gateway]),
      ...[mandate.id, new Date(mandate.issued * MS_PER_SECOND), new Date(from), new Date(until)],
      ...[status, why]
    ])
  )
  const statuses = judged.flatMap(({ spans }) => spans.map(({ status }) => status))
  const minutes = Math.ceil(openTime(judged.flatMap(({ spans }) => spans)) / 60_000)
  const issues = byIssue(judged)
  const anywhere = gateways.includes(undefined) ? '' : `, at any of ${gateways.length} gateways`
  return {
    table: {
      ...TABLE,
      columns: [...gatewayColumn(gateways), ...TABLE.columns],
      rows,
      marks: statuses.map(status => MARKS[status])
    },
    tile: {
      ...{ key: 'mandateMinutes', title: 'Minutes without a mandated ban', value: minutes },
      ...{ kind: 'count', note: `of ${issues.length} mandates${anywhere}`, warn: minutes > 0 }
    },
    facts: issues.map((issue): Fact =>
      issue[0]!.gateway === undefined
        ? factOf(issue[0]!.one, issue[0]!.spans)
        : fleetFact(issue, gateways)
    ),
    files: [
      [
        'mandates.json',
        `${JSON.stringify({ v: 1, mandates: judged.map(jsonOf) }, undefined, 1)}\n`
      ],
      ...issues.map(([first]) => [pathOf(first!.one), first!.one.octets] as const)
    ]
  }
}

function byIssue(judged: readonly JudgedMandate[]): readonly (readonly JudgedMandate[])[] {
  const issues = new Map<string, JudgedMandate[]>()
  for (const one of judged) {
    const { sha256 } = one.one.mandate
    issues.set(sha256, [...(issues.get(sha256) ?? []), one])
  }
  return [...issues.values()]
}

const MARKS: Readonly<Record<MandateStatus, string | null>> = {
  satisfied: null,
  'not satisfied': 'not satisfied',
  'not known': 'not known',
  'not running': null
}

const TABLE: Omit<Table, 'rows'> = {
  id: 'mandates',
  title: 'Mandates',
  description:
    'Each period in which a mandate was in force at the gateway, and whether the rules satisfied it: an enforced ban applied to every client in its scope. The signed texts are in mandates/.',
  emptyText: 'No mandate was in force.',
  columns: [
    column('mandate', 'text'),
    column('issued', 'time'),
    column('from', 'time'),
    column('until', 'time'),
    column('status', 'text'),
    column('why', 'text')
  ]
}

/** The time in which some mandate was not satisfied. */
function openTime(spans: readonly MandateSpan[]): Milliseconds {
  const open = spans.filter(({ status }) => status === 'not satisfied')
  let [sum, end] = [0, -Infinity]
  for (const { from, until } of open.toSorted((a, b) => a.from - b.from)) {
    sum += Math.max(0, until - Math.max(from, end))
    end = Math.max(end, until)
  }
  return sum
}

const DROPPED =
  "the gateway's settings name no mandates now: until when it was in force is not known"

const withoutEnd = (span: MandateSpan): MandateSpan => {
  return { ...span, why: span.why === '' ? DROPPED : `${span.why}; ${DROPPED}` }
}

function factOf(
  { mandate, stored, isDropped }: EvidenceMandate,
  spans: readonly MandateSpan[]
): Fact {
  const accepted = new Date(stored.accepted * MS_PER_SECOND).toISOString()
  const here = isDropped
    ? `accepted here at ${accepted}; ${DROPPED}`
    : `in force here since ${accepted}`
  const result = RESULTS[worstOf(spans)]
  return [
    `Mandate ${mandate.id}`,
    orderOf(mandate),
    `${result}; ${here}; signed by ${mandate.signers.join(', ')}`
  ]
}

const RESULTS = {
  'not satisfied': 'not satisfied at all times',
  'not known': 'satisfied where it is known',
  satisfied: 'satisfied over the period'
} as const

function worstOf(spans: readonly MandateSpan[]): keyof typeof RESULTS {
  const has = (status: MandateStatus): boolean => spans.some(one => one.status === status)
  return has('not satisfied') ? 'not satisfied' : has('not known') ? 'not known' : 'satisfied'
}

function orderOf({ authority, reference, referenceUrl }: Mandate): string {
  return `${authority}: ${reference}${referenceUrl === undefined ? '' : `, ${referenceUrl}`}`
}

/** Most gateways that a fact names. */
const NAMED = 20

/** How many gateways have satisfied one issue of a mandate, and which have not. */
function fleetFact(issue: readonly JudgedMandate[], gateways: readonly Gateway[]): Fact {
  const { mandate } = issue[0]!.one
  const having = new Set(issue.map(({ gateway }) => gateway))
  const absent = gateways.filter(gateway => !having.has(gateway))
  const by = (worst: keyof typeof RESULTS): Gateway[] =>
    issue.filter(({ spans }) => worstOf(spans) === worst).map(({ gateway }) => gateway)
  const named = (what: string, list: readonly Gateway[]): string[] => {
    const more = list.length > NAMED ? ` and ${list.length - NAMED} more` : ''
    return list.length === 0 ? [] : [`${what}: ${list.slice(0, NAMED).join(', ')}${more}`]
  }
  return [
    `Mandate ${mandate.id}`,
    orderOf(mandate),
    `satisfied over the period at ${by('satisfied').length} of ${gateways.length} gateways; signed by ${mandate.signers.join(', ')}`,
    ...named('not satisfied at all times', by('not satisfied')),
    ...named('satisfied where it is known', by('not known')),
    ...named('not in force, as far as is known here', absent)
  ]
}

const pathOf = ({ mandate: { id, sha256 } }: EvidenceMandate): string =>
  `mandates/${id}-${sha256.slice(0, 12)}.yaml`

function jsonOf({ gateway, one, spans }: JudgedMandate): object {
  const { id, sha256, signers } = one.mandate
  const { issued, accepted, replaced } = one.stored
  const what = { id, sha256, path: pathOf(one), signers, issued, accepted, replaced, spans }
  return gateway === undefined ? what : { gateway, ...what }
}

function spansOf(
  { mandate, stored }: EvidenceMandate,
  segments: readonly Segment[],
  { since, until }: Period,
  rulesOf: (version: Version) => RuleSet | undefined
): MandateSpan[] {
  const begin = Math.max(since, stored.accepted * MS_PER_SECOND)
  const end = Math.min(until, stored.replaced === null ? Infinity : stored.replaced * MS_PER_SECOND)
  const terms = mandate.bans.map(ban => milliseconds(ban))
  const known = new Map<string, RuleStatus>()
  const statusOf = (version: Version): RuleStatus => {
    const key = JSON.stringify(version)
    const found = known.get(key) ?? ruleStatus(mandate, rulesOf(version), begin)
    known.set(key, found)
    return found
  }
  const spans: MandateSpan[] = []
  for (const segment of segments) {
    const part = { from: Math.max(segment.from, begin), until: Math.min(segment.until, end) }
    const open = segment.kind === 'rules' ? statusOf(segment.version).open : []
    const cuts = [part.from, part.until, ...[...terms, ...open].flatMap(it => [it.from, it.until])]
    const bounds = [...new Set(cuts)].filter(at => part.from <= at && at <= part.until)
    bounds.sort((a, b) => a - b)
    for (const [i, from] of bounds.slice(0, -1).entries()) {
      if (!terms.some(term => isWithin(from, term))) continue
      add(spans, { from, until: bounds[i + 1]!, ...judge(segment, from, statusOf) })
    }
  }
  return spans
}

/** The openings that rules leave in a mandate; `isKnown`: the rules are available. */
interface RuleStatus {
  readonly isKnown: boolean
  readonly open: readonly (Term & { readonly why: string })[]
}

function ruleStatus(mandate: Mandate, rules: RuleSet | undefined, begin: Milliseconds): RuleStatus {
  if (rules === undefined) return { isKnown: false, open: [] }
  const now = Math.floor(begin / MS_PER_SECOND)
  const { shortfalls } = evaluateMandates([mandate], rules, now, {})
  const open = shortfallErrors(shortfalls).map(({ error, ...term }) => {
    return { ...milliseconds(term), why: error.message.replace(/^.*? mandate [^:]*: /, '') }
  })
  return { isKnown: true, open }
}

type Judged = Pick<MandateSpan, 'status' | 'why'>

function judge(
  segment: Segment,
  at: Milliseconds,
  statusOf: (version: Version) => RuleStatus
): Judged {
  if (segment.kind === 'restart') return { status: 'not running', why: '' }
  if (segment.kind === 'unknown') return { status: 'not known', why: segment.why }
  if (segment.kind === 'rules') return under(segment.version, at, statusOf)
  const [before, after] = [segment.before, segment.after].map(one => under(one, at, statusOf))
  if (before!.status === after!.status) return before!
  return { status: 'not known', why: 'the rules changed at an unknown time within' }
}

function under(
  version: Version,
  at: Milliseconds,
  statusOf: (version: Version) => RuleStatus
): Judged {
  const { isKnown, open } = statusOf(version)
  if (!isKnown) return { status: 'not known', why: `rules ${version.sha256} are not at hand` }
  const why = [...new Set(open.filter(term => isWithin(at, term)).map(one => one.why))]
  if (why.length === 0) return { status: 'satisfied', why: '' }
  return { status: 'not satisfied', why: `rules ${version.sha256}: ${why.join('; ')}` }
}

function add(spans: MandateSpan[], span: MandateSpan): void {
  const last = spans.at(-1)
  if (last?.until === span.from && last.status === span.status && last.why === span.why)
    spans[spans.length - 1] = { ...last, until: span.until }
  else spans.push(span)
}

const isWithin = (at: Milliseconds, { from, until }: Term): boolean => from <= at && at < until

const milliseconds = ({ from, until }: Term): Term => ({
  from: from * MS_PER_SECOND,
  until: until * MS_PER_SECOND
})
