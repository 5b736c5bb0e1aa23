import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { failure, InterdictError } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import { SELECT_JSON_LINES } from './as-lines.js'
import { openLogFiles, LogLayout, closeFiles, type LogFiles } from './log-layout.js'
import {
  createLinesTable,
  lookupViews,
  duckdbPath,
  duckdbPaths,
  quoted,
  readLines
} from './lookups-sql.js'
import { removeSpillFolder, createSpillFolder } from './spill-folder.js'
import {
  selectCounts,
  Tallies,
  type TimeRange,
  type LogWithTallies
} from './tallies/select-counts.js'
import type { CountedBy } from './tallies/tally.js'

export interface DatabaseOptions {
  /** What DuckDB may hold in memory; what is more than that goes to files of its own. */
  readonly memory: Octets
  readonly threads: number
  /** A folder for those, which must be there. Undefined: one of its own for as long as it is open. */
  readonly spillFolder?: string
  /** Rows of a statement that sorts none come in the order that they are read in: else in any. */
  readonly preserveOrder?: true
  /** Files are read once: DuckDB need not keep them, which takes the archive a thirtieth of its time. */
  readonly readOnce?: true
}

/** How many files of a query log there are, and the paths of those that are no Parquet at all. */
export interface LogExtent {
  readonly lines: number
  readonly parquet: number
  readonly broken: readonly string[]
}

/**
 * For what lookups are there.
 *
 * `once`   they are read once or twice
 * `often`  they are asked about again and again: lines are read once, and kept
 * `sealed` for SQL that others wrote: it reads these files only, and writes none. DuckDB knows them
 *          by their paths then, so that one that is renamed or removed meanwhile is ARCHIVE_SQL
 */
export type AccessPattern = 'once' | 'often' | 'sealed'

/** Of lines that are kept, as files; in memory they take about as much. */
const MAX_TABLE: Octets = 320 * 1024 * 1024
const LINES_TABLE = 'kept_lines'

/** A value as a row has it: integers as number where that is exact, TIMESTAMP as Date. */
export type Cell = string | number | bigint | boolean | Date | null | readonly Cell[]
export type Row = Readonly<Record<string, Cell>>
/** What stands for `$name` in SQL. */
export type Parameters = Readonly<Record<string, string | number | boolean | null>>

/**
 * DuckDB in memory. The package is optional, and it is large: it is loaded when a database is opened.
 *
 * @throws InterdictError ARCHIVE_NO_DUCKDB
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { DuckDBInstance } = await loadDuckdb()
  const own = options.spillFolder === undefined
  const temporary = options.spillFolder ?? createSpillFolder()
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.ceil(options.memory / 1024)}KiB`,
    threads: String(options.threads),
    // Empty: nothing beyond `memory`.
    temp_directory: temporary ?? '',
    preserve_insertion_order: String(options.preserveOrder ?? false),
    enable_external_file_cache: String(!(options.readOnce ?? false)),
    // Nothing is ever fetched from the network.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false'
  })
  const connection = await instance.connect()
  await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false')
  return new Database(instance, connection, own ? temporary : undefined)
}

async function loadDuckdb(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api')
  } catch (error) {
    throw failure('ARCHIVE_NO_DUCKDB', error instanceof Error ? error.message : String(error))
  }
}

export class Database {
  private readonly instance: DuckDBInstance
  private readonly connection: DuckDBConnection
  /** Removed at the end. */
  private readonly ownSpillFolder: string | undefined
  private files: LogFiles | undefined
  private logWithTallies: LogWithTallies | undefined
  /** Resolves when all statements until now have ended. */
  private queue: Promise<void> = Promise.resolve()
  private pending = 0

  constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    temporary: string | undefined
  ) {
    this.instance = instance
    this.connection = connection
    this.ownSpillFolder = temporary
  }

  /**
   * Makes the views `lookups` and `foreign_lines` of a query log: of the file being written, closed
   * ones and Parquet files, as they are now. They stay readable, and each lookup is counted once,
   * whatever the gateway renames, converts or removes meanwhile; lines written later to the file
   * that is being written may be seen or not.
   *
   * From then on no setting of the database can be changed.
   *
   * @param path of the file being written, `log.queries.file` of the settings
   * @returns how many files there are, and the paths of broken ones, which are left out
   * @throws InterdictError ARCHIVE_READ, ARCHIVE_SQL, ARCHIVE_LINE
   */
  async openLog(path: string, use: AccessPattern = 'once'): Promise<LogExtent> {
    const names = new LogLayout(path)
    const files = openFiles(names)
    this.files = files
    const lines =
      use === 'often' ? await this.loadLines(files) : readLines(duckdbPaths(files.lines))
    for (const view of lookupViews(files, lines)) await this.run(view)
    if (use === 'sealed') await this.restrictAccess(files)
    await this.run('SET lock_configuration = true')
    const tallies = use === 'often' ? Tallies.open(names, files) : new Tallies()
    this.logWithTallies = { files, tallies, lines }
    return { lines: files.lines.length, parquet: files.parquet.length, broken: files.broken }
  }

  /**
   * SQL for the lookups of a period, counted: it has a row for one or more of them that are the same
   * but for what is not counted by, with how many these are (`n`), and when the `first` and the `last`
   * was. With lookups there `often`, most are counted already, in tallies.
   */
  selectCounts(by: CountedBy, period: TimeRange): string {
    return selectCounts(by, period, this.logWithTallies!)
  }

  /** Paths of tallies that somebody altered, as far as they were needed: files were read instead. */
  get alteredTallies(): readonly string[] {
    return this.logWithTallies?.tallies.altered ?? []
  }

  /** What has the lines then, in SQL. What is more than memory should hold is read again each time. */
  private async loadLines({ lines }: LogFiles): Promise<string> {
    const octets = lines.reduce((sum, { descriptor }) => sum + fstatSync(descriptor).size, 0)
    if (lines.length === 0 || octets > MAX_TABLE) return readLines(duckdbPaths(lines))
    await this.run(createLinesTable(lines, LINES_TABLE))
    return LINES_TABLE
  }

  private async restrictAccess({ lines, parquet }: LogFiles): Promise<void> {
    const places = [...lines, ...parquet].map(file => quoted(duckdbPath(file)))
    await this.run(`SET allowed_paths = [${places.join(', ')}]`)
    await this.run('SET enable_external_access = false')
  }

  /**
   * The rows that one SELECT gives, all at once.
   *
   * @throws InterdictError ARCHIVE_SQL, with DuckDB's own words; ARCHIVE_SQL_WRITES for a statement
   * that is no SELECT
   */
  async rows<R extends Row = Row>(sql: string, parameters: Parameters = {}): Promise<R[]> {
    return (await this.runSelect(sql, parameters)).rows as R[]
  }

  /** As `rows`, with the names of the columns in their order, for SQL that others wrote. */
  async table(sql: string): Promise<{ columns: readonly string[]; rows: readonly Row[] }> {
    return this.runSelect(sql, {})
  }

  /**
   * Gives all lookups as lines, some thousands at a time, each with its line end.
   *
   * @throws InterdictError ARCHIVE_SQL, ARCHIVE_LINE, and what `take` throws
   */
  async lines(take: (octets: Buffer) => void): Promise<void> {
    await this.exclusive(async () => {
      const result = await this.connection.stream(SELECT_JSON_LINES)
      for (;;) {
        const chunk = await result.fetchChunk()
        if (chunk === null || chunk.rowCount === 0) return
        take(Buffer.from(`${chunk.getColumnValues(0).join('\n')}\n`))
      }
    })
  }

  /** How far the query that runs now has come, from 0 to 1; 0 when none does or none can tell. */
  get progress(): number {
    return Math.max(0, this.connection.progress.percentage) / 100
  }

  /** Ends the query that runs now: it fails with ARCHIVE_SQL. */
  interrupt(): void {
    this.connection.interrupt()
  }

  /** One statement of our own, of any kind. @throws InterdictError ARCHIVE_SQL */
  async run(sql: string): Promise<void> {
    await this.exclusive(() => this.connection.run(sql))
  }

  /** One COPY of our own. @returns how many rows it wrote @throws InterdictError ARCHIVE_SQL */
  async copy(sql: string): Promise<number> {
    const reader = await this.exclusive(() => this.connection.runAndReadAll(sql))
    return Number(reader.getRowsJS()[0]?.[0])
  }

  /** What runs still is interrupted, and fails; then all is closed. */
  close(): void {
    if (this.pending > 0) this.interrupt()
    void this.queue.finally(() => this.closeNow())
  }

  /** One statement at a time: DuckDB does not survive that its connection is closed under one. */
  private async exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.pending++
    const mine = this.queue.then(work)
    this.queue = mine.then(nothing, nothing)
    try {
      return await mine
    } catch (error) {
      throw this.asFailure(error)
    } finally {
      this.pending--
    }
  }

  private asFailure(error: unknown): Error {
    if (error instanceof InterdictError) return error
    const message = error instanceof Error ? error.message : String(error)
    const place = LINE_TOO_LONG.exec(message)?.[1]
    if (place === undefined) return failure('ARCHIVE_SQL', message)
    const path = this.files?.lines.find(file => duckdbPath(file) === place)?.path
    return failure('ARCHIVE_LINE', path ?? place)
  }

  private closeNow(): void {
    this.connection.closeSync()
    this.instance.closeSync()
    if (this.files !== undefined) closeFiles([...this.files.lines, ...this.files.parquet])
    this.logWithTallies?.tallies.close()
    if (this.ownSpillFolder !== undefined) removeSpillFolder(this.ownSpillFolder)
  }

  private async runSelect(
    sql: string,
    parameters: Parameters
  ): Promise<{ columns: readonly string[]; rows: readonly Row[] }> {
    const { StatementType } = await loadDuckdb()
    return this.exclusive(async () => {
      const statements = await this.connection.extractStatements(sql)
      if (statements.count !== 1) throw failure('ARCHIVE_SQL_WRITES')
      const statement = await statements.prepare(0)
      // No EXPLAIN: with ANALYZE it runs what it explains, and that may write.
      if (statement.statementType !== StatementType.SELECT) throw failure('ARCHIVE_SQL_WRITES')
      statement.bind({ ...parameters })
      const reader = await statement.runAndReadAll()
      const rows = reader.getRowObjectsJS() as Record<string, unknown>[]
      return { columns: reader.deduplicatedColumnNames(), rows: rows.map(toRow) }
    })
  }
}

/** @throws InterdictError ARCHIVE_READ */
function openFiles(names: LogLayout): LogFiles {
  try {
    return openLogFiles(names)
  } catch (error) {
    throw failure('ARCHIVE_READ', join(names.folder, names.liveName), (error as Error).message)
  }
}

const nothing = (): void => undefined

/** DuckDB passes over a line of up to twice this, and gives up at a longer one. */
const LINE_TOO_LONG = /"maximum_object_size" of \d+ bytes exceeded while reading file "(.*?)"/

function toRow(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toCell(value)]))
}

function toCell(value: unknown): Cell {
  if (typeof value !== 'bigint') return value as Cell
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
