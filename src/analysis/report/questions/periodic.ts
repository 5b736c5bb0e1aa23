import { MS_PER_DAY, type Milliseconds } from '../../../base/units.js'
import { shiftDays, startOfDay } from '../../../base/time/instant.js'
import type { Log } from '../log.js'
import { formatValue } from '../output/format-value.js'
import type { Report, Table } from '../report.js'
import { methodsTable } from './bypass.js'
import { periodFacts, sumFacts, lookupsWithoutRule } from './overview.js'
import { comparison, factOf, periodicTiles } from './periodic-tiles.js'
import type { RuleFacts } from './rule-facts.js'
import {
  changesTable,
  endingExceptionsTable,
  uncoveredTable,
  upcomingTable
} from './rule-tables.js'
import type { Selection } from './selection.js'
import { tallyTable, type TallyTable } from './tables.js'
import { sums, type Sums } from './count-by-key.js'
import { trendTable } from './trend-table.js'

/** `report daily`, `report weekly` and `report monthly`. */
export type PeriodKind = 'daily' | 'weekly' | 'monthly'

interface PeriodTexts {
  /** `week` */
  readonly of: string
  /** What it is compared with: people use the network otherwise on a Sunday than on other days. */
  readonly before: string
  readonly title: string
  /** What the time line counts by. */
  readonly by: 'hour' | 'day'
  /** How far the tables of coming dates look. */
  readonly horizon: Milliseconds
}

const TEXTS: Readonly<Record<PeriodKind, PeriodTexts>> = {
  daily: {
    ...{ of: 'day', before: 'same weekday of the week before' },
    ...{ title: 'Daily report', by: 'hour', horizon: 14 * MS_PER_DAY }
  },
  weekly: {
    ...{ of: 'week', before: 'week before' },
    ...{ title: 'Weekly report', by: 'day', horizon: 30 * MS_PER_DAY }
  },
  monthly: {
    ...{ of: 'month', before: 'month before' },
    ...{ title: 'Monthly report', by: 'day', horizon: 92 * MS_PER_DAY }
  }
}

export interface PeriodicOptions {
  /** Titles of apps, by id. */
  readonly titles: ReadonlyMap<string, string>
  /** Ids of all apps of kind `bypass` in the catalogue. */
  readonly bypassApps: readonly string[]
  readonly top: number
  /** Start of the week or month before; not used for a day. */
  readonly previous: Milliseconds
  /** Undefined: the rules could not be read. */
  readonly rules: RuleFacts | undefined
  /** Now: hours after it have no rows. */
  readonly now: Milliseconds
}

const DAYS_OF_WEEK = 7
/** A night may have no lookups. */
const QUIET_HOURS: Milliseconds = 9 * 3_600_000

type Bounded = Selection & { readonly since: Milliseconds; readonly until: Milliseconds }

/** `interdict report daily`, `weekly` and `monthly`: one page on a period. */
export async function periodic(
  log: Log,
  kind: PeriodKind,
  selection: Bounded,
  options: PeriodicOptions
): Promise<Report> {
  const { titles, top, rules, now } = options
  const { since, until, timeZone } = selection
  const { of, before: compareWith, title, by, horizon } = TEXTS[kind]
  // What comes next and what is overdue is seen from now if the period has not ended.
  const end = Math.min(until, now)
  const all = await sums(log, selection)
  const everything = await sums(log, { ...selection, all: true })
  // The day so far is compared with as much of the earlier day.
  const [start, beforeEnd] =
    kind === 'daily'
      ? [shiftDays(since, -DAYS_OF_WEEK, timeZone), shiftDays(end, -DAYS_OF_WEEK, timeZone)]
      : [options.previous, since]
  const beforeSelection = { ...selection, since: start, until: beforeEnd }
  const before = await sums(log, beforeSelection)
  const baseline = { blocked: before.blocked, text: compareWith }
  const compared = comparison(all, before, baseline)
  const tables: Table[] = []
  for (const table of [timeline(by), ...TABLES]) {
    const range = table.by === by ? { since, until, now } : undefined
    const total = all.lookups
    tables.push(await tallyTable(log, { top, ...table, titles, range, total }, selection))
  }
  const bypass = await methodsTable(log, { ...selection, all: true }, options.bypassApps)
  const trends: Table[] = []
  if (kind !== 'daily' && before.first !== null) {
    const query = { now: selection, before: beforeSelection, top, of }
    trends.push(await trendTable(log, 'app', query), await trendTable(log, 'network', query))
  }
  const tiles = periodicTiles({ all, everything, compared, bypass, rules, until: end, horizon })
  return {
    title: `${title}, ${showPeriod(kind, selection)}`,
    timeZone,
    tiles,
    facts: [
      ...periodFacts(selection, all),
      ...sumFacts(all),
      ['Compared', compared.text],
      ...tiles.slice(2).map(tile => factOf(tile, timeZone))
    ],
    tables: [
      ...tables.slice(0, 3),
      ...trends,
      ...tables.slice(3),
      bypassTable(bypass),
      ...(rules === undefined ? [] : ruleTables(kind, rules, { ...selection, until: end }))
    ],
    remarks: [
      ...(all.first === null ? await firstPeriodHint(log, kind, selection) : []),
      ...(await lookupsWithoutRule(log, selection, all)),
      ...shortBaseline(before, start, compareWith, timeZone, by),
      ...(rules === undefined
        ? ['The rules could not be read, so this report has the log only.']
        : [])
    ]
  }
}

/** Without the column that explains each method, which `report bypass` has. */
function bypassTable(table: Table): Table {
  return {
    ...table,
    id: 'bypass',
    title: 'Bypass attempts',
    columns: table.columns.slice(0, -1),
    rows: table.rows.map(row => row.slice(0, -1))
  }
}

function ruleTables(kind: PeriodKind, rules: RuleFacts, period: Bounded): Table[] {
  const { of, horizon } = TEXTS[kind]
  const { until } = period
  return [
    uncoveredTable(rules),
    ...(kind === 'daily' ? [] : [changesTable(rules, of, period)]),
    ...(kind === 'daily' ? [] : [upcomingTable(rules, until, horizon)]),
    endingExceptionsTable(rules, until, horizon)
  ]
}

/** If the log is younger than the period, as on a gateway's first day: when it starts, and how to report on that. */
async function firstPeriodHint(log: Log, kind: PeriodKind, selection: Bounded) {
  const { first } = await sums(log, { ...selection, since: undefined, until: undefined })
  if (first === null || Number(first) < selection.until) return []
  const { timeZone } = selection
  const { of } = TEXTS[kind]
  const begins = `The log has no lookups of that ${of}: it starts at ${formatValue(first, 'time', timeZone)}.`
  if (kind !== 'daily') return [begins]
  const end = new Date(shiftDays(startOfDay(Number(first), timeZone), 1, timeZone))
  const day = formatValue(end, 'day', timeZone)
  return [`${begins} For its first day so far, run: report daily --until ${day}.`]
}

/** `2026-11-10`; `2026-11-02 to 2026-11-08`; `2026-10`. */
function showPeriod(kind: PeriodKind, { since, until, timeZone }: Bounded): string {
  const isMidnight = since === startOfDay(since, timeZone)
  if (!isMidnight) return `from ${formatValue(new Date(since), 'time', timeZone)}`
  const first = formatValue(new Date(since), 'day', timeZone)
  if (kind === 'daily') return first
  const last = formatValue(new Date(until - 1), 'day', timeZone)
  const next = formatValue(new Date(until), 'day', timeZone)
  const isMonth = kind === 'monthly' && first.endsWith('-01') && next.endsWith('-01')
  return isMonth ? first.slice(0, 7) : `${first} to ${last}`
}

/** The log may begin within the period before, so that everything seems to grow. */
function shortBaseline(
  { first }: Sums,
  start: Milliseconds,
  before: string,
  timeZone: string,
  by: PeriodTexts['by']
) {
  const isQuiet = by === 'hour' ? QUIET_HOURS : MS_PER_DAY
  if (first === null || Number(first) < start + isQuiet) return []
  const at = formatValue(first, 'time', timeZone)
  return [`The ${before} is not complete: its first lookup is of ${at}.`]
}

const timeline = (by: 'hour' | 'day'): Omit<TallyTable, 'top' | 'total'> => ({
  by,
  id: `${by}s`,
  title: 'Timeline',
  description: `Lookups that a rule matched, per ${by}.`,
  emptyText: 'No rule matched a lookup.'
})

const TABLES: readonly Omit<TallyTable, 'top' | 'total'>[] = [
  {
    by: 'app',
    id: 'apps',
    title: 'Apps',
    description: 'The apps with most lookups, and how those were answered.',
    emptyText: 'No rule on an app matched a lookup.'
  },
  {
    by: 'network',
    id: 'networks',
    title: 'Networks',
    description: 'The networks of these lookups.',
    emptyText: 'No such lookups.'
  },
  {
    by: 'client',
    id: 'clients',
    title: 'Clients',
    description:
      'The clients with most such lookups. An installed app makes lookups all day, without its user.',
    emptyText: 'No such lookups.',
    chart: false
  },
  {
    by: 'name',
    id: 'names',
    title: 'Names',
    description: 'The names with most lookups that a rule matched.',
    emptyText: 'No such names.',
    chart: false
  },
  {
    by: 'exception',
    id: 'exceptions',
    title: 'Exceptions used',
    description: 'Lookups of banned names that an exception allowed.',
    emptyText: 'No exception was used.',
    chart: false
  }
]
