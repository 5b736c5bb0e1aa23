import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { DURATION_BOUNDS } from '../../resolver/context/lookup-counters.js'
import type { Minute, Trend } from './minute-trend.js'

/** After a crash, so much of the trend is missing. */
export const WRITE_INTERVAL: Milliseconds = 5 * 60_000
/** `at`, the six sums, and durations. */
const LENGTH = 7 + DURATION_BOUNDS.length + 1

/** Where the trend is stored: a gateway that restarts goes on with it. */
export const trendFile = (state: string): string => join(state, 'trend.json')

/** Minutes that were stored. None where the file is absent or invalid: it is statistics only. */
export function readTrend(path: string): Minute[] {
  try {
    const rows: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(rows) ? rows.filter(isRow).map(minuteOf) : []
  } catch {
    return []
  }
}

export function writeTrend(path: string, trend: Trend, log: ServiceLog): void {
  const rows = trend.stored.map(
    ({ at, responses, blocked, stale, failed, hits, misses, durations }) => [
      at,
      responses,
      blocked,
      stale,
      failed,
      hits,
      misses,
      ...durations
    ]
  )
  try {
    writeFileAtomic(path, JSON.stringify(rows), { folderMode: 0o700 })
  } catch (error) {
    log.warn({ path, error: reasonOf(error) }, 'cannot store the trend')
  }
}

const isRow = (row: unknown): row is number[] =>
  Array.isArray(row) && row.length === LENGTH && row.every(one => Number.isFinite(one))

function minuteOf(row: readonly number[]): Minute {
  const [at, responses, blocked, stale, failed, hits, misses, ...durations] = row as [
    ...[number, number, number, number, number, number, number],
    ...number[]
  ]
  return { at, responses, blocked, stale, failed, hits, misses, durations }
}
