import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { Log } from '../log.js'
import type { Chart, Series } from '../output/chart.js'
import { column, type Column, type Kind, type Table, type Value } from '../report.js'
import type { Selection } from './selection.js'
import { TIME_KEYS, tally, type Key, type Tally } from './tally.js'

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
}

export async function tallyTable(
  log: Log,
  wanted: TallyTable,
  selection: Selection
): Promise<Table> {
  const rows = await tally(log, wanted.by, selection, wanted.top)
  return toTable(rows, wanted)
}

export function toTable(rows: readonly Tally[], wanted: TallyTable): Table {
  const { by, id, title, description, emptyText } = wanted
  const columns: Column[] = [{ key: by, title: by, kind: kindOf(by) }, ...countColumns(by)]
  return {
    id,
    title,
    description,
    emptyText,
    columns,
    rows: rows.map(row => [row.key, ...columns.slice(1).map(({ key }) => row[key]!)]),
    ...(rows.length === 0 || wanted.chart === false ? {} : { chart: chartOf(rows, wanted) })
  }
}

function kindOf(by: Key): Kind {
  return by === 'hour' || by === 'day' ? by : 'text'
}

/** Depends on the key only, so that programs can rely on the columns. */
function countColumns(by: Key): Column[] {
  const columns: Column[] = [
    column('lookups', 'count'),
    ...OUTCOMES.map(({ key, name }): Column => {
      return { key, title: name, kind: 'count', hideIfZero: key !== 'blocked' }
    }),
    column('clients', 'count'),
    column('last', 'time')
  ]
  const isTimeline = TIME_KEYS.includes(by)
  return columns.filter(({ key }) => {
    if (key === 'clients') return by !== 'client'
    return key !== 'last' || !isTimeline
  })
}

/** Verdicts of rules, with their headings. */
export const OUTCOMES = [
  { key: 'blocked', name: 'blocked', tone: 'blocked' },
  { key: 'monitored', name: 'monitored', tone: 'monitored' },
  { key: 'allowed', name: 'allowed', tone: 'allowed' }
] as const

function chartOf(rows: readonly Tally[], { by, titles }: TallyTable): Chart {
  const isTimeline = TIME_KEYS.includes(by)
  const shown = isTimeline ? fillGaps(rows, by) : rows.slice(0, BARS)
  const series: Series[] = [
    ...OUTCOMES.map(({ key, name, tone }) => ({ name, tone, values: shown.map(row => row[key]) })),
    { name: 'no rule', tone: 'other', values: shown.map(otherLookups) }
  ]
  return {
    kind: isTimeline ? 'timeline' : 'ranking',
    unit: 'lookups',
    labels: shown.map(({ key }) => labelOf(key, { by, titles, oneDay: isOneDay(shown) })),
    series: series.filter(({ values }) => values.some(value => value > 0))
  }
}

type Counted = Pick<Tally, 'lookups' | 'blocked' | 'monitored' | 'allowed'> & {
  readonly key: string | Date
}

function otherLookups({ lookups, blocked, monitored, allowed }: Counted): number {
  return lookups - blocked - monitored - allowed
}

const STEP = { hour: 3_600_000, day: 86_400_000 }

/** Adds rows of 0 for hours or days without lookups, so that the time axis is even. */
function fillGaps(rows: readonly Tally[], by: Key): Counted[] {
  const step = by === 'hour' ? STEP.hour : STEP.day
  const known = new Map(rows.map(row => [Number(row.key), row]))
  const first = Number(rows[0]!.key)
  const count = (Number(rows.at(-1)!.key) - first) / step + 1
  return Array.from({ length: count }, (_, i) => {
    const at = first + i * step
    return known.get(at) ?? { key: new Date(at), lookups: 0, blocked: 0, monitored: 0, allowed: 0 }
  })
}

interface Labelled {
  readonly by: Key
  readonly titles: ReadonlyMap<string, string> | undefined
  /** All rows are of one day, so labels need no date. */
  readonly oneDay: boolean
}

function labelOf(key: Value, { by, titles, oneDay }: Labelled): string {
  if (!(key instanceof Date)) return escapeControls(titles?.get(String(key)) ?? String(key))
  const text = key.toISOString()
  const [day, time] = [text.slice(5, 10), text.slice(11, 16)]
  if (by === 'day') return day
  return oneDay ? time : `${day} ${time}`
}

function isOneDay(rows: readonly Counted[]): boolean {
  const span = Number(rows.at(-1)?.key) - Number(rows[0]?.key)
  return span < STEP.day
}
