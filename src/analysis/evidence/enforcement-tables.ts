import type { Milliseconds } from '../../base/units.js'
import { formatValue } from '../report/output/format-value.js'
import { NOT_BANNED, type BanFacts } from '../report/questions/ban.js'
import { exceptionsTable, type UsedException } from '../report/questions/exceptions-table.js'
import { rankingTable, type TallyTable } from '../report/questions/tables.js'
import { column, type Table, type Tile, type Value } from '../report/report.js'
import type { Enforcement, Status, Window } from './enforcement.js'
import { OUTCOMES, minutesByStatus, STATUSES, versionKey, windowsOf } from './enforcement.js'
import { talliesOf, type EnforcementTally } from './enforcement-tally.js'
import { gatewayColumn } from './fleet-tables.js'

/** What lookups of the log are known, since `log.queries.which` selects them. */
export interface Completeness {
  /** Lookups whatever the verdict are logged since then; Infinity: they are not. */
  readonly since: Milliseconds
  /** Why, for the page. */
  readonly text: string
}

/** Everything that tables are made of. */
export interface Judged {
  readonly enforcement: Enforcement
  readonly tally: EnforcementTally
  /** The rules as they are when the pack is made. */
  readonly facts: BanFacts | undefined
  readonly completeness: Completeness
  readonly timeZone: string
}

const NO_LOOKUPS = 'No lookups.'
/** Rows of rankings: all. */
const ALL = 1_000_000

/** The headline: what share of the lookups was blocked, and whether that is known. */
export function enforcementTiles({ enforcement, tally, completeness, timeZone }: Judged): Tile[] {
  const { since } = completeness
  const sums = tally.ofOrdered()
  const total = sumOf(sums.values())
  const of = (outcome: (typeof OUTCOMES)[number]): number => sums.get(outcome) ?? 0
  const isKnown = since <= enforcement.period.since
  const isUnknown = since === Infinity
  const seen = sumOf([...tally.networks.values()].map(({ lookups }) => lookups))
  const isPartly = !isKnown && !isUnknown
  const partly = isPartly
    ? `; before ${formatValue(new Date(since), 'time', timeZone)} not known`
    : ''
  const clients = new Set(
    enforcement.networks.flatMap(network => [...(tally.networks.get(network)?.clients ?? [])])
  )
  const minutes = minutesByStatus(enforcement.period, enforcement.stretches())
  const off = minutes.get('not in force')!
  const unknown = (['restart', 'log missing', 'not known'] as const).map(one => minutes.get(one)!)
  const count = (n: number): string => n.toLocaleString('en')
  return [
    {
      ...{ key: 'lookups', title: 'Attempts', kind: 'count' },
      value: isUnknown ? seen : total,
      note: isUnknown ? 'logged lookups of banned names' : `lookups of banned names${partly}`
    },
    {
      ...{ key: 'blockedShare', title: 'Blocked', kind: 'share' },
      value: isUnknown || total === 0 ? null : of('blocked') / total,
      note: isUnknown
        ? 'not known: answered lookups were not logged'
        : `${count(of('blocked'))} of ${count(total)} lookups${partly}`,
      warn: !isKnown || total - of('blocked') - of('exempt') - of('refused') > 0
    },
    {
      ...{ key: 'exemptShare', title: 'Exempt', kind: 'share' },
      value: isUnknown || total === 0 ? null : of('exempt') / total,
      note: isUnknown ? 'not known' : `${count(of('exempt'))} lookups, by exceptions`
    },
    {
      ...{ key: 'minutesNotInForce', title: 'Minutes not in force', value: off, kind: 'count' },
      note: `of ${count(sumOf(minutes.values()))}; ${count(sumOf(unknown))} not known`,
      warn: off + sumOf(unknown) > 0
    },
    {
      ...{ key: 'clients', title: 'Clients', value: clients.size, kind: 'count' },
      note: `in ${count(enforcement.networks.length)} networks with the ban`
    }
  ]
}

export function enforcementTables(judged: Judged): Table[] {
  const { tally, timeZone } = judged
  const ranking = (
    wanted: Omit<TallyTable, 'top' | 'total' | 'emptyText'>,
    map: typeof tally.days
  ) => {
    const rows = talliesOf(map, wanted.by === 'day')
    const total = sumOf(rows.map(({ lookups }) => lookups))
    return rankingTable(rows, { ...wanted, emptyText: NO_LOOKUPS, top: ALL, total }, timeZone)
  }
  return [
    outcomesTable(judged),
    windowsTable(judged),
    minutesTable(judged),
    coverageTable(judged),
    ranking(DAYS, tally.days),
    ranking(NAMES, tally.names),
    ranking(MATCHES, tally.matches),
    exceptionsTable(usedExceptions(judged), judged.facts?.exceptions),
    versionsTable(judged)
  ]
}

const DAYS = {
  by: 'day',
  ...{ id: 'days', title: 'Lookups over time' },
  description: 'Logged lookups of banned names per day, in all networks, whatever became of them.'
} as const
const NAMES = {
  by: 'name',
  ...{ id: 'names', title: 'Names looked up', chart: false },
  description: 'The banned names with most lookups.'
} as const
const MATCHES = {
  by: 'match',
  ...{ id: 'matches', title: 'What matched', chart: false },
  description:
    'qname: the name of the query; cname, dname, svcb: a name in the answer; address: an address in the answer. Empty: not recorded.'
} as const

const MEANING: Readonly<Record<(typeof OUTCOMES)[number], string>> = {
  blocked: 'by the ban or another rule',
  exempt: 'let through by an exception to the ban',
  monitored: 'answered: a rule in monitor mode would have blocked it',
  refused: 'got no records: a kind of query that is never forwarded',
  absent: 'answered: the rules in force did not have the ban in this network',
  'outside dates': 'answered: before the ban began, or after it ended',
  'outside hours': 'answered: the ban was outside its hours',
  other:
    'answered although the ban was in force, which did not cover the name, the query or the client',
  'not known': 'answered, under rules that are not at hand'
}

function outcomesTable({ tally, completeness }: Judged): Table {
  const sums = tally.ofOrdered()
  const total = sumOf(sums.values())
  const rows = OUTCOMES.map(outcome => {
    const lookups = sums.get(outcome) ?? 0
    return [outcome, lookups, total === 0 ? null : lookups / total, MEANING[outcome]]
  })
  const isUnknown = completeness.since === Infinity
  return {
    id: 'outcomes',
    title: 'What became of the lookups',
    description: `Lookups of banned names in networks that have the ban. ${completeness.text}`,
    emptyText: NO_LOOKUPS,
    columns: [
      column('outcome', 'text'),
      column('lookups', 'count'),
      column('share', 'share'),
      column('meaning', 'text')
    ],
    rows: isUnknown ? [] : rows,
    marks: isUnknown
      ? []
      : rows.map(([outcome, lookups]) =>
          ['blocked', 'exempt', 'refused'].includes(String(outcome)) || lookups === 0
            ? null
            : 'not blocked'
        )
  }
}

function windowsTable({ enforcement, tally }: Judged): Table {
  const windows = windowsOf(enforcement.stretches())
  const gateways = [...new Set(enforcement.segments.map(({ gateway }) => gateway))]
  return {
    id: 'not-in-force',
    title: 'Times in which the ban was not in force',
    description:
      'Each time in which a network of the ban was without it, or in which nobody can know, with the rules that caused it and the lookups that were answered.',
    emptyText: 'The ban was in force all the time.',
    columns: [
      ...gatewayColumn(gateways),
      column('from', 'time'),
      column('until', 'time'),
      column('minutes', 'count'),
      column('status', 'text'),
      column('cause', 'text'),
      column('rules', 'text'),
      column('networks', 'text'),
      column('answered', 'count')
    ],
    rows: windows.map(window => {
      const { gateway, from, until, status, cause, version, networks } = window
      const cells = [
        ...[new Date(from), new Date(until), Math.ceil((until - from) / 60_000), status, cause],
        ...[version === undefined ? null : nameOf(version), networks.join(', ')],
        answeredIn(window, tally)
      ]
      return gateway === undefined ? cells : [gateway, ...cells]
    }),
    marks: windows.map(({ status }) => status)
  }
}

function answeredIn(
  { gateway, from, until, networks }: Window,
  { answered }: EnforcementTally
): number {
  // Binary search for the first one: there may be many of both.
  let low = 0
  for (let high = answered.length; low < high;) {
    const middle = (low + high) >> 1
    if (answered[middle]!.at < from) low = middle + 1
    else high = middle
  }
  let count = 0
  for (; low < answered.length && answered[low]!.at < until; low++) {
    const one = answered[low]!
    if (one.gateway === gateway && networks.includes(one.network)) count++
  }
  return count
}

const STATUS_MEANING: Readonly<Record<Status, string>> = {
  'in force':
    'in all networks that have the ban, under rules that are at hand or that blocked lookups',
  'not known': 'rules changed without a lookup in the log, or are not at hand',
  restart: 'the gateway started again: it was not running, or nothing was looked up',
  'log missing': 'a file of the log is not there',
  'not in force': 'in one network that has the ban at least'
}

function minutesTable({ enforcement }: Judged): Table {
  const minutes = minutesByStatus(enforcement.period, enforcement.stretches())
  const rows = STATUSES.map(status => [status, minutes.get(status)!, STATUS_MEANING[status]])
  return {
    id: 'minutes',
    title: 'Minutes',
    description:
      'Every minute of the period, by its worst moment. The worst status is the last one.',
    emptyText: 'None.',
    columns: [column('status', 'text'), column('minutes', 'count'), column('meaning', 'text')],
    rows,
    marks: rows.map(([status, count]) =>
      status === 'in force' || count === 0 ? null : String(status)
    )
  }
}

/** Networks of the rules in their order, then networks that occur only in the log. */
function coverageTable({ enforcement, tally, facts }: Judged): Table {
  const known = facts?.networks ?? new Map<string, string>()
  const ordered = enforcement.networks
  const ids = new Set([...known.keys(), ...ordered, ...tally.networks.keys()])
  const rows = [...ids].map((id): Value[] => {
    const row = tally.networks.get(id)
    return [
      id,
      known.get(id) ?? (facts === undefined ? 'unknown' : 'not in the current rules'),
      ...(['lookups', 'blocked', 'monitored', 'answered'] as const).map(key => row?.[key] ?? 0),
      row?.clients.size ?? 0,
      row === undefined ? null : new Date(row.first),
      row === undefined ? null : new Date(row.last),
      ordered.includes(id) ? 'yes' : 'no'
    ]
  })
  return {
    id: 'networks',
    title: 'Coverage by network',
    description:
      'Status of the ban in each network under the current rules, and all logged lookups of its names. A network without the ban is a gap; its lookups are not in the headline.',
    emptyText: NO_LOOKUPS,
    columns: [
      column('network', 'text'),
      column('ban', 'text'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      column('monitored', 'count'),
      column('answered', 'count'),
      column('clients', 'count'),
      column('first', 'time'),
      column('last', 'time'),
      column('inPeriod', 'text', 'has the ban in the period')
    ],
    rows,
    marks: rows.map(([, state]) => (state === NOT_BANNED ? 'not covered' : null))
  }
}

function usedExceptions({ tally }: Judged): UsedException[] {
  return talliesOf(tally.exceptions).map(({ key, lookups, clients, last }) => {
    const [exception, network] = String(key).split('\n') as [string, string]
    return { exception, network, lookups, clients, last }
  })
}

/** Every version of the rules that the log has in the period. */
function versionsTable({ enforcement, tally }: Judged): Table {
  const seen = new Map<
    string,
    { sha256: string; serial: number | null; from: number; until: number }
  >()
  for (const segment of enforcement.segments) {
    if (segment.kind !== 'rules') continue
    const key = versionKey(segment.version)
    const known = seen.get(key) ?? { ...segment.version, from: segment.from, until: segment.until }
    seen.set(key, { ...known, until: segment.until })
  }
  const isAtHand = (key: string): boolean => enforcement.states.has(key)
  return {
    id: 'generations',
    title: 'Rules in force',
    description:
      'Every version of the rules that the log has in the period: the first digits of the SHA-256 of all rule files, the serial of the bundle if there was one, whether their text is in this pack, the first and the last time, and the lookups of banned names under them.',
    emptyText: 'The log names no rules.',
    columns: [
      column('sha256', 'text', 'SHA-256 of the rules'),
      column('serial', 'count'),
      column('text', 'text', 'in this pack'),
      column('first', 'time'),
      column('last', 'time'),
      column('lookups', 'count'),
      column('blocked', 'count'),
      column('answered', 'count')
    ],
    rows: [...seen].map(([key, { sha256, serial, from, until }]) => {
      const count = tally.versions.get(key)
      const counts = (['lookups', 'blocked', 'answered'] as const).map(one => count?.[one] ?? 0)
      const times = [new Date(from), new Date(until)]
      return [sha256, serial, isAtHand(key) ? 'yes' : 'no', ...times, ...counts]
    }),
    marks: [...seen.keys()].map(key => (isAtHand(key) ? null : 'not at hand'))
  }
}

const nameOf = ({ sha256, serial }: { sha256: string; serial: number | null }): string =>
  serial === null ? sha256 : `${serial} (${sha256})`

function sumOf(numbers: Iterable<number>): number {
  let sum = 0
  for (const one of numbers) sum += one
  return sum
}
