import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'

/** From `since` inclusive to `until` exclusive. */
export interface TimeRange {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** True if a UTC day, `2026-11-26`, has a part of the range. */
export function overlapsDay(
  { since = -Infinity, until = Infinity }: TimeRange,
  day: string
): boolean {
  const start = Date.parse(day)
  return start + MS_PER_DAY > since && start < until
}

/** SQL conditions on the column `time`. */
export function timeConditions({ since, until }: TimeRange): string[] {
  const at = (instant: Milliseconds): string =>
    `TIMESTAMP '${new Date(instant).toISOString().slice(0, -1)}'`
  return [
    ...(since === undefined ? [] : [`time >= ${at(since)}`]),
    ...(until === undefined ? [] : [`time < ${at(until)}`])
  ]
}
