import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { CentralLog } from '../central/central-log.js'
import { OWN_CLIENT, selectCentral } from '../central/central-sql.js'
import { Duckdb, openDuckdb, type DatabaseOptions } from '../sql/duckdb.js'
import { openLogFiles, LogLayout, closeFiles, type LogFiles } from '../files/log-layout.js'
import {
  createLinesTable,
  duckdbPath,
  duckdbPaths,
  IS_OBSERVED,
  IS_OF_CLIENT,
  IS_PROBE,
  LOOKUP_COLUMNS,
  lookupViews,
  NO_FOREIGN_LINES,
  quotedList,
  readLines,
  SELECT_JUDGED_LINES
} from '../sql/lookups-sql.js'
import { filesWithNewest, type Newest } from '../sql/newest-files.js'
import { selectCounts, Tallies, type Selected } from '../sql/select-counts.js'
import { overlapsDay, timeConditions, type TimeRange } from '../sql/time-range.js'
import type { CountedBy } from '../sql/tally.js'

/** Number of files of a query log, and the paths of incomplete Parquet files. */
export interface LogExtent {
  readonly lines: number
  readonly parquet: number
  readonly broken: readonly string[]
}

/**
 * How lookups will be accessed.
 *
 * `once`    they are read once or twice
 * `often`   they are queried repeatedly: lines are read once into a table
 * `sealed`  for SQL written by others, which can read these files only and write none. DuckDB knows
 *           them by path, so a file renamed or removed meanwhile causes ARCHIVE_SQL
 */
export type AccessPattern = 'once' | 'often' | 'sealed'

/** How a query uses a log. */
export interface OpenQuery {
  /** Leaves out lookups in Parquet files that are older than so many. */
  readonly newest?: Newest | undefined
  /** Leaves out Parquet files of other days; conditions on the time are still needed. */
  readonly period?: TimeRange | undefined
  /** Opens the only path that may be written to; called each time a database is opened. */
  readonly output?: (() => string | undefined) | undefined
  /** Called when the views are there, before the configuration of the database is locked. */
  readonly beforeLock?: ((database: Database) => Promise<void>) | undefined
}

function pathOf(output: OpenQuery['output']): readonly string[] {
  const path = output?.()
  return path === undefined ? [] : [path]
}

/** Maximum file size of lines loaded into a table, which takes about as much memory. */
const MAX_TABLE: Octets = 320 * 1024 * 1024
const LINES_TABLE = 'kept_lines'

/** @throws InterdictError ARCHIVE_NO_DUCKDB */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return new Database(await openDuckdb(options))
}

/** Where questions get their lookups from. */
interface LookupSource {
  lookups(selected: Selected): string
  observed(selected: Selected): string
  counts(by: CountedBy, selected: Selected): string
}

/** A DuckDB with the lookups of one query log, or of a fleet. */
export class Database extends Duckdb {
  private files: LogFiles | undefined
  private tallies: Tallies | undefined
  /** The column that identifies a client of one gateway. */
  clientKey = 'client'
  /** Of a fleet; otherwise one, `undefined`. */
  gateways: readonly (string | undefined)[] = [undefined]
  private source: LookupSource | undefined

  /**
   * Creates the views `lookups` and `foreign_lines` over the files of a query log as they are now:
   * the live file, closed files and Parquet files. They stay readable, and each lookup is counted
   * once, whatever the gateway renames, converts or removes meanwhile. Lines appended to the live
   * file later may be seen or not.
   *
   * Afterwards the configuration of the database is locked.
   *
   * @param path of the live file, `log.queries.file` in the settings
   * @returns the number of files, and the paths of incomplete ones, which are skipped
   * @throws InterdictError ARCHIVE_READ, ARCHIVE_SQL, ARCHIVE_LINE
   */
  async openLog(
    path: string,
    use: AccessPattern = 'once',
    { newest, period, output, beforeLock }: OpenQuery = {}
  ): Promise<LogExtent> {
    const layout = new LogLayout(path)
    const files = openFiles(layout, period)
    this.files = files
    if (use === 'sealed')
      await this.restrictAccess([
        ...[...files.lines, ...files.parquet].map(duckdbPath),
        ...pathOf(output)
      ])
    const lines =
      use === 'often' ? await this.loadLines(files) : readLines(duckdbPaths(files.lines))
    const parquet = newest === undefined ? files.parquet : await this.filesWith(newest, files)
    for (const view of lookupViews({ ...files, parquet }, lines)) await this.run(view)
    await beforeLock?.(this)
    await this.run('SET lock_configuration = true')
    const tallies = use === 'often' ? Tallies.open(layout, files) : new Tallies()
    this.tallies = tallies
    this.source = {
      lookups: () => 'lookups',
      observed: () => 'validations',
      counts: (by, selected) => selectCounts(by, selected, { files, tallies, lines })
    }
    const found = files.parquet.length + files.skipped
    return { lines: files.lines.length, parquet: found, broken: files.broken }
  }

  /**
   * The same over the central folder of a fleet, with the columns `gateway` and `day`. With access `often` there are no
   * views: for reports, clients have the name of their gateway before them, as in `brussels-1/10.0.0.7`.
   *
   * @param isMixed whether files may lack columns, as files of earlier versions do; otherwise a query that reads such a
   *   file fails (`isOfMixedFiles`), but it opens only files of the days and gateways that it names
   * @throws InterdictError ARCHIVE_SQL
   */
  async openFleet(
    log: CentralLog,
    use: AccessPattern = 'once',
    isMixed = true,
    { period, output, beforeLock }: OpenQuery = {}
  ): Promise<void> {
    this.clientKey = OWN_CLIENT
    this.gateways = log.gateways
    this.source = log
    await this.run(`CREATE VIEW foreign_lines AS ${NO_FOREIGN_LINES}`)
    if (use !== 'often') {
      const files = log.all(period)
      const isAny = isMixed || !(await this.hasAllColumns(files.slice(0, 1)))
      for (const [view, which] of [
        ['lookups', IS_OF_CLIENT],
        ['probes', IS_PROBE],
        ['validations', IS_OBSERVED]
      ] as const)
        await this.run(`CREATE VIEW ${view} AS ${selectCentral(files, which, isAny)}`)
      if (use === 'sealed') await this.restrictAccess([...files, ...pathOf(output)])
      await beforeLock?.(this)
    }
    await this.run('SET lock_configuration = true')
  }

  /**
   * SQL source of lookups. Of a fleet, only files of the days and the gateway that are selected are read; conditions on
   * rows are still needed.
   */
  lookups(selected: Selected): string {
    return this.source!.lookups(selected)
  }

  /** SQL source of answers that were validated for networks with `dnssec: observe`; otherwise as `lookups`. */
  observed(selected: Selected): string {
    return this.source!.observed(selected)
  }

  /**
   * SQL that counts the lookups of a time range. Each row stands for one or more lookups that agree
   * in all columns counted by, with their number (`n`) and the time of the `first` and the `last`.
   * With access `often`, most counts come from tallies.
   */
  selectCounts(by: CountedBy, selected: Selected): string {
    return this.source!.counts(by, selected)
  }

  /**
   * Passes all lookups to `take` as JSON lines with the fields that a replay judges by, some thousands at a time.
   *
   * @param since only those from this time on
   * @param share from 0 to 1: only so many, chosen at random
   * @throws InterdictError ARCHIVE_SQL, ARCHIVE_LINE, and what `take` throws
   */
  lines(take: (octets: Buffer) => void, since?: Milliseconds, share = 1): Promise<void> {
    const conditions = [...timeConditions({ since }), ...(share < 1 ? [`random() < ${share}`] : [])]
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
    return this.stream(`${SELECT_JUDGED_LINES}${where}`, take)
  }

  /** The number of all lookups. @throws InterdictError ARCHIVE_SQL, ARCHIVE_LINE */
  async count(): Promise<number> {
    const [row] = await this.rows<{ n: number }>('SELECT count(*) AS n FROM lookups')
    return row?.n ?? 0
  }

  /** Paths of altered tallies found so far; the lookups themselves were read instead. */
  get alteredTallies(): readonly string[] {
    return this.tallies?.altered ?? []
  }

  protected override failureOf(message: string): InterdictError {
    const place = LINE_TOO_LONG.exec(message)?.[1]
    if (place === undefined) return super.failureOf(message)
    const path = this.files?.lines.find(file => duckdbPath(file) === place)?.path
    return failure('ARCHIVE_LINE', path ?? place)
  }

  protected override closeNow(): void {
    super.closeNow()
    if (this.files !== undefined) closeFiles([...this.files.lines, ...this.files.parquet])
    this.tallies?.close()
  }

  /**
   * The SQL source of all lines: a table, or the files themselves if they are too large for memory.
   */
  private async loadLines({ lines }: LogFiles): Promise<string> {
    const octets = lines.reduce((sum, { descriptor }) => sum + fstatSync(descriptor).size, 0)
    if (lines.length === 0 || octets > MAX_TABLE) return readLines(duckdbPaths(lines))
    await this.run(createLinesTable(lines, LINES_TABLE))
    return LINES_TABLE
  }

  private filesWith(newest: Newest, { parquet }: LogFiles): Promise<LogFiles['parquet']> {
    return filesWithNewest(sql => this.rows(sql), parquet, newest)
  }

  private async hasAllColumns(paths: readonly string[]): Promise<boolean> {
    if (paths.length === 0) return true
    const rows = await this.rows<{ column_name: string }>(
      `SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet(${quotedList(paths)}))`
    )
    const names = new Set(rows.map(({ column_name: name }) => name))
    return Object.keys(LOOKUP_COLUMNS).every(name => names.has(name))
  }

  private async restrictAccess(paths: readonly string[]): Promise<void> {
    await this.run(`SET allowed_paths = ${quotedList(paths)}`)
    await this.run('SET enable_external_access = false')
  }
}

/** @throws InterdictError ARCHIVE_READ */
function openFiles(layout: LogLayout, period: TimeRange = {}): LogFiles {
  try {
    return openLogFiles(layout, day => overlapsDay(period, day))
  } catch (error) {
    const path = join(layout.folder, layout.liveName)
    throw failure('ARCHIVE_READ', path, reasonOf(error, path))
  }
}

/** Whether a query failed as a file lacks a column that another has: see `openFleet`. */
export function isOfMixedFiles(error: unknown): boolean {
  return error instanceof InterdictError && error.message.includes(': schema mismatch in glob')
}

/** DuckDB skips a line of up to twice this size, and fails at a longer one. */
const LINE_TOO_LONG = /"maximum_object_size" of \d+ bytes exceeded while reading file "(.*?)"/
