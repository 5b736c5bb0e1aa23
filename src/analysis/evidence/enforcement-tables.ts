import { networkStateText } from '../report/questions/ban.js'
import { exceptionsTable, type UsedException } from '../report/questions/exceptions-table.js'
import { rankingTable, type TallyTable } from '../report/questions/tables.js'
import { column, type Table, type Value } from '../report/report.js'
import { OUTCOMES, versionKey } from './enforcement.js'
import { talliesOf } from './enforcement-tally.js'
import type { Judged } from './judged.js'
import { minutesTable, windowsTable } from './time-tables.js'

const NO_LOOKUPS = 'No lookups.'
/** Rows of rankings: all. */
const ALL = 1_000_000

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
  exempt: 'exempted by an exception to the ban',
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

/** Networks of the rules in their order, then networks that occur only in the log. */
function coverageTable({ enforcement, tally, facts }: Judged): Table {
  const known = new Map(facts?.networks.map(one => [one.network, one]))
  const ordered = enforcement.networks
  const ids = new Set([...known.keys(), ...ordered, ...tally.networks.keys()])
  const rows = [...ids].map((id): Value[] => {
    const row = tally.networks.get(id)
    const network = known.get(id)
    const absent = facts === undefined ? 'unknown' : 'not in the current rules'
    return [
      id,
      network === undefined ? absent : networkStateText(network),
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
      'Status of the ban in each network under the current rules, and all logged lookups of its names. A network of its declared scope that does not ban all of it is a gap; without a declared scope, gaps are not known. Lookups of networks without the ban are not in the headline.',
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
    marks: rows.map(([id]) => (known.get(String(id))?.isGap === true ? 'not covered' : null))
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

export function sumOf(numbers: Iterable<number>): number {
  let sum = 0
  for (const one of numbers) sum += one
  return sum
}
