import { createRequire } from 'node:module'
import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from '@duckdb/node-api'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ResultColumn } from './line-sql.js'
import { createSpillFolder, removeSpillFolder } from './spill-folder.js'

export interface DatabaseOptions {
  /** Memory limit of DuckDB; beyond it, DuckDB spills to disk. */
  readonly memory: Octets
  readonly threads: number
  /** An existing folder to spill to. Undefined: a temporary folder, removed on close. */
  readonly spillFolder?: string
  /** Keep the input order of rows in statements without ORDER BY. */
  readonly preserveOrder?: true
  /** What may be spilled to disk. */
  readonly maxSpill?: Octets
  /** Files are read once: without DuckDB's file cache, archiving takes a thirtieth less time. */
  readonly readOnce?: true
}

const INTERRUPT_INTERVAL: Milliseconds = 10

/** A value in a row: integers are numbers where exact, otherwise bigint; TIMESTAMP is a Date. */
export type Cell = string | number | bigint | boolean | Date | null | readonly Cell[]
export type Row = Readonly<Record<string, Cell>>
/** Values of `$name` in SQL. */
export type Parameters = Readonly<Record<string, string | number | boolean | null>>

/** An open in-memory DuckDB. */
export interface Opened {
  readonly instance: DuckDBInstance
  readonly connection: DuckDBConnection
  /** Removed on close. */
  readonly ownSpillFolder: string | undefined
}

/**
 * Opens an in-memory DuckDB. The optional package is large, so it is only loaded here.
 *
 * @throws InterdictError ARCHIVE_NO_DUCKDB
 */
export async function openDuckdb(options: DatabaseOptions): Promise<Opened> {
  const { DuckDBInstance } = loadDuckdb()
  const ownsFolder = options.spillFolder === undefined
  const spillFolder = options.spillFolder ?? createSpillFolder()
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.ceil(options.memory / 1024)}KiB`,
    threads: String(options.threads),
    // Empty: no spilling.
    temp_directory: spillFolder ?? '',
    ...(options.maxSpill !== undefined && {
      max_temp_directory_size: `${Math.ceil(options.maxSpill / 1024)}KiB`
    }),
    preserve_insertion_order: String(options.preserveOrder ?? false),
    enable_external_file_cache: String(!(options.readOnce ?? false)),
    // Never download anything.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false'
  })
  const connection = await instance.connect()
  await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false')
  return { instance, connection, ownSpillFolder: ownsFolder ? spillFolder : undefined }
}

const require = createRequire(import.meta.url)

/** Not by `import`, with which Node parses all of its files twice: that took half of the time of a small query. */
function loadDuckdb(): typeof import('@duckdb/node-api') {
  try {
    return require('@duckdb/node-api') as typeof import('@duckdb/node-api')
  } catch (error) {
    // Node adds a stack of files in further lines.
    const [why = ''] = String(error).split('\n')
    throw failure('ARCHIVE_NO_DUCKDB', why)
  }
}

/** Statements on a DuckDB, one at a time. */
export class Duckdb {
  /** Resolves when all statements submitted so far have ended. */
  private queue: Promise<void> = Promise.resolve()

  constructor(private readonly opened: Opened) {}

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
   * Passes the rows of a SELECT with one column as lines to `take`, some thousands at a time.
   *
   * @throws InterdictError ARCHIVE_SQL, ARCHIVE_LINE, and what `take` throws
   */
  protected async stream(sql: string, take: (octets: Buffer) => void): Promise<void> {
    await this.exclusive(async () => {
      const result = await this.opened.connection.stream(sql)
      for (;;) {
        const chunk = await result.fetchChunk()
        if (chunk === null || chunk.rowCount === 0) return
        take(Buffer.from(`${chunk.getColumnValues(0).join('\n')}\n`))
      }
    })
  }

  /**
   * The columns of one SELECT, and whether it reads, filters and passes on one row after another: sorting and grouping
   * are done by several threads and take more memory.
   *
   * @throws InterdictError as `rows`
   */
  async plan(sql: string): Promise<{ columns: readonly ResultColumn[]; isStreaming: boolean }> {
    return this.exclusive(async () => {
      const statement = await this.prepareSelect(sql, {})
      const columns = Array.from({ length: statement.columnCount }, (_, i) => {
        return { name: statement.columnName(i), type: String(statement.columnType(i)) }
      })
      const reader = await this.opened.connection.runAndReadAll(`EXPLAIN ${sql}`)
      const text = JSON.stringify(reader.getRowsJS())
      return { columns, isStreaming: !BLOCKING.test(text) }
    })
  }

  /** Passes the rows of one SELECT on in order, some thousands at a time; the next are read when `take` is done. */
  async batches(sql: string, take: (rows: readonly Row[]) => Promise<void>): Promise<void> {
    await this.exclusive(async () => {
      const statement = await this.prepareSelect(sql, {})
      const result = await statement.stream()
      for await (const rows of result.yieldRowObjectJs()) await take(rows.map(toRow))
    })
  }

  /** Progress of the running query from 0 to 1; 0 if unknown or if no query is running. */
  get progress(): number {
    return Math.max(0, this.opened.connection.progress.percentage) / 100
  }

  /** Cancels the running query, which fails with ARCHIVE_SQL. */
  interrupt(): void {
    this.opened.connection.interrupt()
  }

  /** Runs a trusted statement of any kind. @throws InterdictError ARCHIVE_SQL */
  async run(sql: string): Promise<void> {
    await this.exclusive(() => this.opened.connection.run(sql))
  }

  /** Runs a trusted COPY. @returns the number of rows written @throws InterdictError ARCHIVE_SQL */
  async copy(sql: string): Promise<number> {
    const reader = await this.exclusive(() => this.opened.connection.runAndReadAll(sql))
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

  /** Closes everything: no statement runs. */
  protected closeNow(): void {
    const { instance, connection, ownSpillFolder } = this.opened
    connection.closeSync()
    instance.closeSync()
    if (ownSpillFolder !== undefined) removeSpillFolder(ownSpillFolder)
  }

  /** The error for a message of DuckDB. */
  protected failureOf(message: string): InterdictError {
    return failure('ARCHIVE_SQL', message)
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
      if (error instanceof InterdictError) throw error
      const message = error instanceof Error ? error.message : String(error)
      throw this.failureOf(message.replace(PREFIX, ''))
    }
  }

  /**
   * Passes each row of one SELECT to `take`, which must not run a statement. They are never all in memory.
   *
   * @throws InterdictError as `rows`, and what `take` throws
   */
  async each(sql: string, parameters: Parameters, take: (row: Row) => void): Promise<void> {
    await this.exclusive(async () => {
      const statement = await this.prepareSelect(sql, parameters)
      const result = await statement.stream()
      for await (const rows of result.yieldRowObjectJs()) for (const row of rows) take(toRow(row))
    })
  }

  private async prepareSelect(
    sql: string,
    parameters: Parameters
  ): Promise<DuckDBPreparedStatement> {
    const { StatementType } = loadDuckdb()
    const statements = await this.opened.connection.extractStatements(sql)
    if (statements.count !== 1) throw failure('ARCHIVE_SQL_WRITES')
    const statement = await statements.prepare(0)
    // EXPLAIN is not allowed: EXPLAIN ANALYZE executes the statement, which could write.
    if (statement.statementType !== StatementType.SELECT) throw failure('ARCHIVE_SQL_WRITES')
    statement.bind({ ...parameters })
    return statement
  }

  private async runSelect(
    sql: string,
    parameters: Parameters
  ): Promise<{ columns: readonly string[]; rows: readonly Row[] }> {
    return this.exclusive(async () => {
      const statement = await this.prepareSelect(sql, parameters)
      const reader = await statement.runAndReadAll()
      const rows = reader.getRowObjectsJS() as Record<string, unknown>[]
      return { columns: reader.deduplicatedColumnNames(), rows: rows.map(toRow) }
    })
  }
}

/** Operators of a plan that read all rows before they return the first. */
const BLOCKING =
  /\b(ORDER_BY|TOP_N|WINDOW|\w*(GROUP_BY|AGGREGATE|JOIN)|CTE|RECURSIVE\w*|PIVOT|UNNEST)\b/

const nothing = (): void => undefined

/** What the package puts before DuckDB's message. */
const PREFIX = /^Failed to \w+ statements?: /

function toRow(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toCell(value)]))
}

function toCell(value: unknown): Cell {
  if (typeof value !== 'bigint') return value as Cell
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
