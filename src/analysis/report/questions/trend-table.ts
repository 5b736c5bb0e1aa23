import { column, type Table } from '../report.js'
import type { Log } from '../log.js'
import type { Selection } from './selection.js'
import { tally } from './count-by-key.js'

/** More keys than any catalogue of apps or list of networks has. */
const ALL = 100_000

/** Which keys changed most between two periods, those that came and went included. */
export async function trendTable(
  log: Log,
  by: 'app' | 'network',
  { now, before, top, of }: TrendQuery
): Promise<Table> {
  const [rows, earlier] = [await tally(log, by, now, ALL), await tally(log, by, before, ALL)]
  const [current, previous] = [rows, earlier].map(
    all => new Map(all.map(({ key, lookups }) => [String(key), lookups]))
  )
  const keys = [...new Set([...current!.keys(), ...previous!.keys()])]
  const all = keys.map(key => {
    const [lookups, was] = [current!.get(key) ?? 0, previous!.get(key) ?? 0]
    return { key, lookups, was }
  })
  const difference = ({ lookups, was }: { lookups: number; was: number }): number =>
    Math.abs(lookups - was)
  all.sort((a, b) => difference(b) - difference(a) || (a.key < b.key ? -1 : 1))
  return {
    id: `trend-${by}s`,
    title: by === 'app' ? 'Apps: change' : 'Networks: change',
    description: `Lookups that a rule matched, against the ${of} before; the greatest changes first.`,
    emptyText: 'No such lookups in either period.',
    columns: [
      column(by, 'text'),
      column('lookups', 'count'),
      column('before', 'count', `${of} before`),
      column('change', 'change')
    ],
    rows: all.slice(0, top).map(({ key, lookups, was }) => {
      return [key, lookups, was, was === 0 ? null : lookups / was - 1]
    })
  }
}

interface TrendQuery {
  readonly now: Selection
  readonly before: Selection
  readonly top: number
  /** `week` */
  readonly of: string
}
