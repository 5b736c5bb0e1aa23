import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { failure, InterdictError } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { listCentral, type CentralFiles } from './central/central-files.js'
import { CENTRAL_CLIENT, selectCentral, selectCentralCounts } from './central/central-sql.js'
import { openLogFiles, LogLayout, closeFiles, type LogFiles } from './log-layout.js'
import {
  createLinesTable,
  duckdbPath,
  duckdbPaths,
  lookupViews,
  IS_PROBE,
  NO_FOREIGN_LINES,
  quotedList,
  readLines,
  SELECT_JSON_LINES
} from './lookups-sql.js'
import { filesWithNewest, type Newest } from './newest-files.js'
import { removeSpillFolder, createSpillFolder } from './spill-folder.js'
import { selectCounts, Tallies, type TimeRange } from './tallies/select-counts.js'
import type { CountedBy } from './tallies/tally.js'

export interface DatabaseOptions {
  /** Memory limit of DuckDB; beyond it, DuckDB spills to disk. */
  readonly memory: Octets
  readonly threads: number
  /** An existing folder to spill to. Undefined: a temporary folder, removed on close. */
  readonly spillFolder?: string
  /** Keep the input order of rows in statements without ORDER BY. */
  readonly preserveOrder?: true
  /** Files are read once: without DuckDB's file cache, archiving takes a thirtieth less time. */
  readonly readOnce?: true
}

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

/** Maximum file size of lines loaded into a table, which takes about as much memory. */
const MAX_TABLE: Octets = 320 * 1024 * 1024
const LINES_TABLE = 'kept_lines'
const INTERRUPT_INTERVAL: Milliseconds = 10

/** A value in a row: integers are numbers where exact, otherwise bigint; TIMESTAMP is a Date. */
export type Cell = string | number | bigint | boolean | Date | null | readonly Cell[]
export type Row = Readonly<Record<string, Cell>>
/** Values of `$name` in SQL. */
export type Parameters = Readonly<Record<string, string | number | boolean | null>>

/**
 * Opens an in-memory DuckDB. The optional package is large, so it is only loaded here.
 *
 * @throws InterdictError ARCHIVE_NO_DUCKDB
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { DuckDBInstance } = await loadDuckdb()
  const ownsFolder = options.spillFolder === undefined
  const spillFolder = options.spillFolder ?? createSpillFolder()
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.ceil(options.memory / 1024)}KiB`,
    threads: String(options.threads),
    // Empty: no spilling.
    temp_directory: spillFolder ?? '',
    preserve_insertion_order: String(options.preserveOrder ?? false),
    enable_external_file_cache: String(!(options.readOnce ?? false)),
    // Never download anything.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false'
  })
  const connection = await instance.connect()
  await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false')
  return new Database(instance, connection, ownsFolder ? spillFolder : undefined)
}

async function loadDuckdb(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api')
  } catch (error) {
    // Node adds a stack of files in further lines.
    const [why = ''] = String(error).split('\n')
    throw failure('ARCHIVE_NO_DUCKDB', why)
  }
}

export class Database {
  private readonly instance: DuckDBInstance
  private readonly connection: DuckDBConnection
  /** Removed on close. */
  private readonly ownSpillFolder: string | undefined
  private files: LogFiles | undefined
  private tallies: Tallies | undefined
  /** Columns that identify a client; the first is NULL without one. */
  clientKey: readonly string[] = ['client']
  private countsOf: (by: CountedBy, period: TimeRange) => string = () => ''
  /** Resolves when all statements submitted so far have ended. */
  private queue: Promise<void> = Promise.resolve()

  constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    spillFolder: string | undefined
  ) {
    this.instance = instance
    this.connection = connection
    this.ownSpillFolder = spillFolder
  }

  /**
   * Creates the views `lookups` and `foreign_lines` over the files of a query log as they are now:
   * the live file, closed files and Parquet files. They stay readable, and each lookup is counted
   * once, whatever the gateway renames, converts or removes meanwhile. Lines appended to the live
   * file later may be seen or not.
   *
   * Afterwards the configuration of the database is locked.
   *
   * @param path of the live file, `log.queries.file` in the settings
   * @param newest leaves out lookups in Parquet files that are older than so many
   * @returns the number of files, and the paths of incomplete ones, which are skipped
   * @throws InterdictError ARCHIVE_READ, ARCHIVE_SQL, ARCHIVE_LINE
   */
  async openLog(path: string, use: AccessPattern = 'once', newest?: Newest): Promise<LogExtent> {
    const layout = new LogLayout(path)
    const files = openFiles(layout)
    this.files = files
    if (use === 'sealed')
      await this.restrictAccess([...files.lines, ...files.parquet].map(duckdbPath))
    const lines =
      use === 'often' ? await this.loadLines(files) : readLines(duckdbPaths(files.lines))
    const parquet = newest === undefined ? files.parquet : await this.filesWith(newest, files)
    for (const view of lookupViews({ ...files, parquet }, lines)) await this.run(view)
    await this.run('SET lock_configuration = true')
    const tallies = use === 'often' ? Tallies.open(layout, files) : new Tallies()
    this.tallies = tallies
    this.countsOf = (by, period) => selectCounts(by, period, { files, tallies, lines })
    return { lines: files.lines.length, parquet: files.parquet.length, broken: files.broken }
  }

  /**
   * The same over the central folder of a fleet, with the columns `gateway` and `day`. For reports, clients have the
   * name of their gateway before them, as in `brussels-1/10.0.0.7`.
   *
   * @param leftOut relative paths of files that are not read
   * @throws InterdictError FLEET_FOLDER, ARCHIVE_SQL
   */
  async openFleet(
    folder: string,
    use: AccessPattern = 'once',
    leftOut?: ReadonlySet<string>
  ): Promise<CentralFiles> {
    const files = listCentral(folder, leftOut)
    const { parquet } = files
    const named = use !== 'sealed'
    await this.run(`CREATE VIEW lookups AS ${selectCentral(parquet, named)}`)
    await this.run(`CREATE VIEW probes AS ${selectCentral(parquet, named, IS_PROBE)}`)
    await this.run(`CREATE VIEW foreign_lines AS ${NO_FOREIGN_LINES}`)
    if (use === 'sealed') await this.restrictAccess(parquet)
    await this.run('SET lock_configuration = true')
    this.clientKey = CENTRAL_CLIENT
    this.countsOf = (by, period) => selectCentralCounts(by, period, files)
    return files
  }

  /**
   * SQL that counts the lookups of a time range. Each row stands for one or more lookups that agree
   * in all columns counted by, with their number (`n`) and the time of the `first` and the `last`.
   * With access `often`, most counts come from tallies.
   */
  selectCounts(by: CountedBy, period: TimeRange): string {
    return this.countsOf(by, period)
  }

  /** Paths of altered tallies found so far; the lookups themselves were read instead. */
  get alteredTallies(): readonly string[] {
    return this.tallies?.altered ?? []
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

  private async restrictAccess(paths: readonly string[]): Promise<void> {
    await this.run(`SET allowed_paths = ${quotedList(paths)}`)
    await this.run('SET enable_external_access = false')
  }

  /**
   * Runs one SELECT and returns all its rows.
   *
   * @throws InterdictError ARCHIVE_SQL with DuckDB's message; ARCHIVE_SQL_WRITES for any statement
   *   other than SELECT
   */
  async rows<R extends Row = Row>(sql: string, parameters: Parameters = {}): Promise<R[]> {
    return (await this.runSelect(sql, parameters)).rows as R[]
  }

  /** As `rows`, with the column names in order, for SQL written by others. */
  async table(sql: string): Promise<{ columns: readonly string[]; rows: readonly Row[] }> {
    return this.runSelect(sql, {})
  }

  /**
   * Passes all lookups as JSON lines to `take`, some thousands at a time.
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

  /** Progress of the running query from 0 to 1; 0 if unknown or if no query is running. */
  get progress(): number {
    return Math.max(0, this.connection.progress.percentage) / 100
  }

  /** Cancels the running query, which fails with ARCHIVE_SQL. */
  interrupt(): void {
    this.connection.interrupt()
  }

  /** Runs a trusted statement of any kind. @throws InterdictError ARCHIVE_SQL */
  async run(sql: string): Promise<void> {
    await this.exclusive(() => this.connection.run(sql))
  }

  /** Runs a trusted COPY. @returns the number of rows written @throws InterdictError ARCHIVE_SQL */
  async copy(sql: string): Promise<number> {
    const reader = await this.exclusive(() => this.connection.runAndReadAll(sql))
    return Number(reader.getRowsJS()[0]?.[0])
  }

  /** Interrupts all statements submitted so far, which fail, then closes everything. */
  close(): void {
    // Repeatedly: DuckDB forgets an interrupt that comes before a statement runs.
    const interrupts = setInterval(() => this.interrupt(), INTERRUPT_INTERVAL)
    void this.queue.finally(() => {
      clearInterval(interrupts)
      this.closeNow()
    })
  }

  /**
   * Runs one statement at a time: DuckDB crashes if its connection is closed during a statement.
   */
  private async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.queue.then(work)
    this.queue = mine.then(nothing, nothing)
    try {
      return await mine
    } catch (error) {
      throw this.asFailure(error)
    }
  }

  private asFailure(error: unknown): Error {
    if (error instanceof InterdictError) return error
    const message = error instanceof Error ? error.message : String(error)
    const place = LINE_TOO_LONG.exec(message)?.[1]
    if (place === undefined) return failure('ARCHIVE_SQL', message.replace(PREFIX, ''))
    const path = this.files?.lines.find(file => duckdbPath(file) === place)?.path
    return failure('ARCHIVE_LINE', path ?? place)
  }

  private closeNow(): void {
    this.connection.closeSync()
    this.instance.closeSync()
    if (this.files !== undefined) closeFiles([...this.files.lines, ...this.files.parquet])
    this.tallies?.close()
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
      // EXPLAIN is not allowed: EXPLAIN ANALYZE executes the statement, which could write.
      if (statement.statementType !== StatementType.SELECT) throw failure('ARCHIVE_SQL_WRITES')
      statement.bind({ ...parameters })
      const reader = await statement.runAndReadAll()
      const rows = reader.getRowObjectsJS() as Record<string, unknown>[]
      return { columns: reader.deduplicatedColumnNames(), rows: rows.map(toRow) }
    })
  }
}

/** @throws InterdictError ARCHIVE_READ */
function openFiles(layout: LogLayout): LogFiles {
  try {
    return openLogFiles(layout)
  } catch (error) {
    throw failure('ARCHIVE_READ', join(layout.folder, layout.liveName), (error as Error).message)
  }
}

const nothing = (): void => undefined

/** What the package puts before DuckDB's message. */
const PREFIX = /^Failed to \w+ statements?: /
/** DuckDB skips a line of up to twice this size, and fails at a longer one. */
const LINE_TOO_LONG = /"maximum_object_size" of \d+ bytes exceeded while reading file "(.*?)"/

function toRow(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toCell(value)]))
}

function toCell(value: unknown): Cell {
  if (typeof value !== 'bigint') return value as Cell
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
