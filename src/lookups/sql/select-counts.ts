import { join } from 'node:path'
import { MS_PER_DAY } from '../../base/units.js'
import { digestDescriptor } from '../files/file-digest.js'
import {
  openParquet,
  closeFiles,
  tallyFiles,
  type OpenFile,
  type LogFiles,
  type LogLayout
} from '../files/log-layout.js'
import { duckdbPaths, quoted, selectLookups } from './lookups-sql.js'
import { timeConditions, type TimeRange } from './time-range.js'
import {
  columnsOf,
  countedByDevice,
  IS_COUNTED,
  nameMatchesContent,
  parseTallyStem,
  tallyStem,
  type CountedBy
} from './tally.js'

/** What of a log is asked about. */
export interface Selected extends TimeRange {
  /** Of a fleet. */
  readonly gateway?: string | undefined
}

/** The open files of a log and their tallies. */
export interface LogWithTallies {
  readonly files: LogFiles
  readonly tallies: Tallies
  /** SQL source of all lines. */
  readonly lines: string
}

/** Open tallies of open Parquet files. */
export class Tallies {
  private readonly byFile = new Map<OpenFile, OpenFile>()
  /** Whether the content of a tally matches its name; verified on first use. */
  private readonly verified = new Map<OpenFile, boolean>()

  /**
   * Opens the tallies of files that are already open, whatever happens to those files meanwhile.
   */
  static open(layout: LogLayout, { parquet }: LogFiles): Tallies {
    const held = new Tallies()
    const byStem = new Map(tallyFiles(layout).map(file => [parseTallyStem(file), file]))
    for (const file of parquet) {
      const name = byStem.get(tallyStem(file.day, file.descriptor))
      const tally = name === undefined ? undefined : openParquet(join(layout.folder, name))
      if (tally !== undefined) held.byFile.set(file, tally)
    }
    return held
  }

  /** Paths of altered tallies; their Parquet files were read instead. */
  get altered(): string[] {
    return [...this.verified].flatMap(([{ path }, isSound]) => (isSound ? [] : [path]))
  }

  has(file: OpenFile): boolean {
    return this.byFile.has(file)
  }

  /** Undefined without a valid tally. */
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
 * SQL that counts the lookups of a time range by some columns: one row per row of a tally, and one
 * row for each lookup that must be read itself: from lines, from files without a tally, and from
 * days only partly in the range.
 */
export function selectCounts(by: CountedBy, period: TimeRange, tallied: LogWithTallies): string {
  const { since = -Infinity, until = Infinity } = period
  const { files, tallies, lines } = tallied
  const whole: OpenFile[] = []
  const others = files.parquet.filter(file => {
    if (!tallies.has(file)) return true
    // A file with a tally only has lookups of its own day.
    const start = Date.parse(file.day)
    const end = start + MS_PER_DAY
    if (start < since || end > until) return start < until && end > since
    const tally = tallies.get(file)
    if (tally !== undefined) whole.push(tally)
    return tally === undefined
  })
  const columns = columnsOf(by)
  const rest = `SELECT ${columns}, 1::BIGINT AS n, time AS first, time AS last
    FROM (${countedByDevice(selectLookups({ lines: files.lines, parquet: others }, lines))})
    WHERE ${[IS_COUNTED[by], ...timeConditions(period)].join(' AND ')}`
  if (whole.length === 0) return rest
  return `SELECT ${columns}, n, first, last FROM read_parquet(${duckdbPaths(whole)})
    WHERE "by" = ${quoted(by)} UNION ALL ${rest}`
}
