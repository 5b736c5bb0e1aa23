import { join } from 'node:path'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import { holdWhole, tallyFile, type Held, type LogFiles, type LogNames } from '../folder.js'
import { placesOf, quoted, selectLookups } from '../lookups.js'
import { columnsOf, IS_COUNTED, nameOfTally, type CountedBy } from './tally.js'

/** The first instant that belongs to it, and the first that does not any more. */
export interface Period {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** The files of a log that is held, with the tallies of those that have one. */
export interface Tallied {
  readonly files: LogFiles
  readonly tallies: ReadonlyMap<Held, Held>
  /** What has all of its lines, in SQL. */
  readonly lines: string
}

/** Opens the tallies of files. They are of what is held, whatever has become of it meanwhile. */
export function holdTallies(names: LogNames, { parquet }: LogFiles): Map<Held, Held> {
  const tallies = new Map<Held, Held>()
  for (const file of parquet) {
    const name = nameOfTally(file.day, file.descriptor)
    const tally = holdWhole(join(names.folder, tallyFile(names, name)))
    if (tally !== undefined) tallies.set(file, tally)
  }
  return tallies
}

/**
 * SQL for the lookups of a period, counted by some columns: with a row for each tally's, and one for
 * each lookup that has to be looked at itself: in lines, in files without a tally, and on a day of
 * which only a part belongs to the period.
 */
export function selectCounted(by: CountedBy, period: Period, tallied: Tallied): string {
  const { since = -Infinity, until = Infinity } = period
  const { files, tallies, lines } = tallied
  const whole: Held[] = []
  const others = files.parquet.filter(file => {
    const tally = tallies.get(file)
    if (tally === undefined) return true
    // What has a tally has lookups of its day alone.
    const start = Date.parse(file.day)
    const end = start + MS_PER_DAY
    if (start >= since && end <= until) whole.push(tally)
    else return start < until && end > since
    return false
  })
  const columns = columnsOf(by)
  const rest = `SELECT ${columns}, 1::BIGINT AS n, time AS first, time AS last
    FROM (${selectLookups({ lines: files.lines, parquet: others }, lines)})
    WHERE ${[IS_COUNTED[by], ...within(period)].join(' AND ')}`
  if (whole.length === 0) return rest
  return `SELECT ${columns}, n, first, last FROM read_parquet(${placesOf(whole)})
    WHERE "by" = ${quoted(by)} UNION ALL ${rest}`
}

function within({ since, until }: Period): string[] {
  const at = (instant: Milliseconds): string =>
    `TIMESTAMP '${new Date(instant).toISOString().slice(0, -1)}'`
  return [
    ...(since === undefined ? [] : [`time >= ${at(since)}`]),
    ...(until === undefined ? [] : [`time < ${at(until)}`])
  ]
}
