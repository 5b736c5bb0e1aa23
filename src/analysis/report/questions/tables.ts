import type { Milliseconds } from '../../../base/units.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import type { Log } from '../log.js'
import type { Chart, Series } from '../report.js'
import { formatValue } from '../output/format-value.js'
import { column, type Column, type Kind, type Table, type Value } from '../report.js'
import { localDays } from './local-time.js'
import type { Selection } from './selection.js'
import { TIME_KEYS, tally, type Key, type Tally } from './count-by-key.js'

/** Most bars in a chart: more are hard to read, and the table has the rest. */
const BARS = 15

/** A table of lookups by a key, and its texts. */
export interface TallyTable {
  readonly by: Key
  readonly id: string
  readonly title: string
  readonly description: string
  readonly emptyText: string
  readonly top: number
  /** Display titles for keys that are ids: `TikTok`. */
  readonly titles?: ReadonlyMap<string, string>
  /** False: the table without a chart. */
  readonly chart?: boolean
  /** For a time line: its hours or days, those without lookups included. Undefined: from the first to the last lookup. */
  readonly range?: TimelineRange | undefined
  /** All lookups, which the rows of a ranking are shares of. */
  readonly total: number
}

interface TimelineRange {
  readonly since: Milliseconds
  readonly until: Milliseconds
  /** What begins later is on the axis, and has no row. */
  readonly now: Milliseconds
}

export async function tallyTable(
  log: Log,
  wanted: TallyTable,
  selection: Selection
): Promise<Table> {
  const rows = await tally(log, wanted.by, selection, wanted.top)
  return rankingTable(rows, wanted, selection.timeZone)
}

/** A table of rows that are counted already. */
export function rankingTable(found: readonly Tally[], wanted: TallyTable, timeZone: string): Table {
  const { by, id, title, description, emptyText, total, range } = wanted
  const columns: Column[] = [{ key: by, title: by, kind: kindOf(by) }, ...countColumns(by)]
  const isFilled = range !== undefined && found.length > 0
  const rows: readonly Counted[] = isFilled ? fillGaps(found, by, timeZone, range) : found
  const past = isFilled ? rows.filter(({ key }) => Number(key) < range.now) : rows
  return {
    id,
    title,
    description,
    emptyText,
    columns,
    rows: past.map(row => {
      const values: Readonly<Record<string, Value>> = { ...row, share: row.lookups / total }
      return [row.key, ...columns.slice(1).map(({ key }) => values[key]!)]
    }),
    ...(rows.length === 0 || wanted.chart === false
      ? {}
      : { chart: chartOf(rows, wanted, timeZone) })
  }
}

function kindOf(by: Key): Kind {
  return by === 'hour' || by === 'day' ? by : 'text'
}

/** Depends on the key only, so that programs can rely on the columns. */
function countColumns(by: Key): Column[] {
  const columns: Column[] = [
    column('lookups', 'count'),
    column('share', 'share'),
    ...OUTCOMES.map(({ key, name }): Column => {
      return { key, title: name, kind: 'count', hideIfEmpty: key !== 'blocked' }
    }),
    column('clients', 'count'),
    column('last', 'time')
  ]
  const isTimeline = TIME_KEYS.includes(by)
  return columns.filter(({ key }) => {
    if (key === 'clients') return by !== 'client'
    return (key !== 'last' && key !== 'share') || !isTimeline
  })
}

/** Verdicts of rules, with their headings. */
export const OUTCOMES = [
  { key: 'blocked', name: 'blocked', tone: 'blocked' },
  { key: 'monitored', name: 'monitored', tone: 'monitored' },
  { key: 'allowed', name: 'allowed', tone: 'allowed' }
] as const

function chartOf(
  rows: readonly Counted[],
  { by, titles, range }: TallyTable,
  timeZone: string
): Chart {
  const isTimeline = TIME_KEYS.includes(by)
  const needsFill = isTimeline && range === undefined
  const shown = needsFill ? fillGaps(rows, by, timeZone) : isTimeline ? rows : rows.slice(0, BARS)
  const series: Series[] = [
    ...OUTCOMES.map(({ key, name, tone }) => ({ name, tone, values: shown.map(row => row[key]) })),
    { name: 'no rule', tone: 'other', values: shown.map(otherLookups) }
  ]
  return {
    kind: isTimeline ? 'timeline' : 'ranking',
    unit: 'lookups',
    labels: isTimeline
      ? timeLabels(
          shown.map(({ key }) => key as Date),
          by,
          timeZone
        )
      : shown.map(({ key }) => escapeControls(titles?.get(String(key)) ?? String(key))),
    series: series.filter(({ values }) => values.some(value => value > 0))
  }
}

type Counted = Pick<Tally, 'key' | 'lookups' | 'blocked' | 'monitored' | 'allowed' | 'clients'>

function otherLookups({ lookups, blocked, monitored, allowed }: Counted): number {
  return lookups - blocked - monitored - allowed
}

const HOUR: Milliseconds = 3_600_000

/**
 * Adds rows of 0 for hours or days without lookups, so that the time axis is even.
 *
 * @param range default: from the first row to the last
 */
function fillGaps(
  rows: readonly Counted[],
  by: Key,
  timeZone: string,
  range?: TimelineRange
): Counted[] {
  const known = new Map(rows.map(row => [Number(row.key), row]))
  const first = range?.since ?? Number(rows[0]!.key)
  const last = range === undefined ? Number(rows.at(-1)!.key) : range.until - 1
  const even = by === 'hour' ? hours(first, last) : localDays(first, last, timeZone)
  // Where clocks change by half an hour, some hours begin at other minutes.
  const times = new Set([...even, ...known.keys()])
  return [...times]
    .sort((a, b) => a - b)
    .map(at => {
      const nothing = { lookups: 0, blocked: 0, monitored: 0, allowed: 0, clients: 0 }
      return known.get(at) ?? { key: new Date(at), ...nothing }
    })
}

function hours(first: Milliseconds, last: Milliseconds): Milliseconds[] {
  const count = Math.floor((last - first) / HOUR) + 1
  return Array.from({ length: count }, (_, i) => first + i * HOUR)
}

/** Labels of a time axis; hours of a single day need no date. */
function timeLabels(times: readonly Date[], by: Key, timeZone: string): string[] {
  const texts = times.map(at => formatValue(at, 'hour', timeZone))
  const isOneDay = new Set(texts.map(text => text.slice(0, 10))).size === 1
  return texts.map(text =>
    by === 'day' ? text.slice(5, 10) : isOneDay ? text.slice(11) : text.slice(5)
  )
}
