import { join } from 'node:path'
import { MS_PER_DAY, type Milliseconds } from '../../../base/units.js'
import { digestDescriptor } from '../digest.js'
import {
  openParquet,
  closeFiles,
  tallyFiles,
  type OpenFile,
  type LogFiles,
  type LogLayout
} from '../log-layout.js'
import { duckdbPaths, quoted, selectLookups } from '../lookups-sql.js'
import {
  columnsOf,
  IS_COUNTED,
  nameMatchesContent,
  parseTallyStem,
  tallyStem,
  type CountedBy
} from './tally.js'

/** The first instant that belongs to it, and the first that does not any more. */
export interface TimeRange {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** The files of a log that is held, with the tallies of those that have one. */
export interface LogWithTallies {
  readonly files: LogFiles
  readonly tallies: Tallies
  /** What has all of its lines, in SQL. */
  readonly lines: string
}

/** Tallies that are held open, of files that are. */
export class Tallies {
  private readonly byFile = new Map<OpenFile, OpenFile>()
  /** Whether what is in them is what they are named after; each is looked at when it is needed. */
  private readonly verified = new Map<OpenFile, boolean>()

  /** They are of what is held, whatever has become of it meanwhile. */
  static open(names: LogLayout, { parquet }: LogFiles): Tallies {
    const held = new Tallies()
    const byStem = new Map(tallyFiles(names).map(file => [parseTallyStem(file), file]))
    for (const file of parquet) {
      const name = byStem.get(tallyStem(file.day, file.descriptor))
      const tally = name === undefined ? undefined : openParquet(join(names.folder, name))
      if (tally !== undefined) held.byFile.set(file, tally)
    }
    return held
  }

  /** Paths of those that somebody altered: what they are of was read itself. */
  get altered(): string[] {
    return [...this.verified].flatMap(([{ path }, isSound]) => (isSound ? [] : [path]))
  }

  has(file: OpenFile): boolean {
    return this.byFile.has(file)
  }

  /** Undefined: there is none that can be believed. */
  get(file: OpenFile): OpenFile | undefined {
    const tally = this.byFile.get(file)
    if (tally === undefined) return undefined
    const isSound =
      this.verified.get(tally) ?? nameMatchesContent(tally.path, digestDescriptor(tally.descriptor))
    this.verified.set(tally, isSound)
    return isSound ? tally : undefined
  }

  close(): void {
    closeFiles([...this.byFile.values()])
  }
}

/**
 * SQL for the lookups of a period, counted by some columns: with a row for each tally's, and one for
 * each lookup that has to be looked at itself: in lines, in files without a tally, and on a day of
 * which only a part belongs to the period.
 */
export function selectCounts(by: CountedBy, period: TimeRange, tallied: LogWithTallies): string {
  const { since = -Infinity, until = Infinity } = period
  const { files, tallies, lines } = tallied
  const whole: OpenFile[] = []
  const others = files.parquet.filter(file => {
    if (!tallies.has(file)) return true
    // What has a tally has lookups of its day alone.
    const start = Date.parse(file.day)
    const end = start + MS_PER_DAY
    if (start < since || end > until) return start < until && end > since
    const tally = tallies.get(file)
    if (tally !== undefined) whole.push(tally)
    return tally === undefined
  })
  const columns = columnsOf(by)
  const rest = `SELECT ${columns}, 1::BIGINT AS n, time AS first, time AS last
    FROM (${selectLookups({ lines: files.lines, parquet: others }, lines)})
    WHERE ${[IS_COUNTED[by], ...timeConditions(period)].join(' AND ')}`
  if (whole.length === 0) return rest
  return `SELECT ${columns}, n, first, last FROM read_parquet(${duckdbPaths(whole)})
    WHERE "by" = ${quoted(by)} UNION ALL ${rest}`
}

function timeConditions({ since, until }: TimeRange): string[] {
  const at = (instant: Milliseconds): string =>
    `TIMESTAMP '${new Date(instant).toISOString().slice(0, -1)}'`
  return [
    ...(since === undefined ? [] : [`time >= ${at(since)}`]),
    ...(until === undefined ? [] : [`time < ${at(until)}`])
  ]
}
