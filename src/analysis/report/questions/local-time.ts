import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { readInstant, shiftDays, startOfDay } from '../../../base/time/instant.js'
import { zoneOffsets } from '../../../base/time/time-zone-offsets.js'
import type { Log } from '../log.js'
import { sourceOf } from './lookup-source.js'
import { instant, type Selection } from './selection.js'

export const UTC = 'UTC'

/**
 * SQL for the local time of a column, with the offsets of `base/time`, so that a report never
 * contradicts `interdict explain`. DuckDB has time zones of another version.
 *
 * @returns undefined in UTC, where a column is its own local time
 */
export async function localTime(
  log: Log,
  selection: Selection
): Promise<((column: string) => string) | undefined> {
  const { timeZone } = selection
  if (timeZone === UTC) return undefined
  const { from, sql, parameters } = sourceOf(log, selection, 'client')
  const [row] = await log.rows<{ first: Date | null; last: Date | null }>(
    `SELECT min(first) AS first, max(last) AS last FROM ${from} WHERE ${sql}`,
    parameters
  )
  const { since, ahead } = zoneOffsets(timeZone)
  const last = Number(row?.last ?? 0) / MS_PER_SECOND
  const first = Number(row?.first ?? 0) / MS_PER_SECOND
  const start = Math.max(
    0,
    since.findLastIndex(at => at <= first)
  )
  const changes = since.flatMap((at, i) => (i > start && at <= last ? [i] : [])).reverse()
  return column => {
    const cases = changes.map(i => {
      return `WHEN ${column} >= ${instant(since[i]! * MS_PER_SECOND)} THEN ${ahead[i]!}`
    })
    const offset =
      cases.length === 0 ? `${ahead[start]!}` : `CASE ${cases.join(' ')} ELSE ${ahead[start]!} END`
    return `(${column} + to_seconds(${offset}))`
  }
}

/** The start of a local day, given as that of the same day in UTC. */
export function startOfLocalDay(day: Date, timeZone: string): Date {
  const date = day.toISOString().slice(0, 10)
  return new Date(readInstant(date, timeZone)! * MS_PER_SECOND)
}

/** The starts of all local days from the day of `first` to that of `last`. */
export function localDays(
  first: Milliseconds,
  last: Milliseconds,
  timeZone: string
): Milliseconds[] {
  const days: Milliseconds[] = []
  for (let at = startOfDay(first, timeZone); at <= last; at = shiftDays(at, 1, timeZone)) {
    days.push(at)
  }
  return days
}
