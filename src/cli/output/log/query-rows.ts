import { csvLines } from '../../../analysis/report/output/csv.js'
import type { Table, Value } from '../../../analysis/report/report.js'
import { showTime } from '../../../base/time/instant.js'
import type { Pipe } from '../../../base/system/pipe.js'
import { failure } from '../../../base/errors/error.js'
import { AS_PARQUET, copyThrough } from '../../../lookups/sql/copy-lines.js'
import { selectLines, type LineFormat, type ResultColumn } from '../../../lookups/sql/line-sql.js'
import type { Cell, Duckdb, Row } from '../../../lookups/sql/duckdb.js'
import { withoutColours } from '../../io.js'
import { LineBlocks, unmarked } from './row-writer.js'
import { fieldsOf, gridOf } from './report-text.js'

/** Rows of a table that share the widths of its columns. */
const TABLE_ROWS = 1_000

export interface QueryRows {
  readonly sql: string
  readonly columns: readonly ResultColumn[]
  /** `table`, `json`, `jsonl`, `csv` or `parquet`. */
  readonly format: string
  readonly timeZone: string
  /** Undefined: rows are formatted by this program, which takes longer and more memory. */
  readonly pipe: Pipe | undefined
}

type Write = (block: Buffer | string) => Promise<void>

const LINES: Readonly<Record<string, LineFormat>> = {
  table: 'array',
  json: 'full',
  jsonl: 'object',
  csv: 'csv'
}

/** Writes the rows of a SELECT as they come. @returns their number @throws InterdictError ARCHIVE_SQL, CLI_OUTPUT, what `write` throws */
export async function writeRows(
  database: Duckdb,
  rows: QueryRows,
  width: number,
  write: Write
): Promise<number> {
  const { sql, columns, format, timeZone, pipe } = rows
  if (format === 'parquet') {
    if (pipe === undefined) throw failure('CLI_OUTPUT', 'Parquet', 'needs Linux and koffi')
    return copyThrough(database, sql.replace(/[;\s]+$/, ''), pipe, write, AS_PARQUET)
  }
  const writer = writerOf(rows, width, write)
  const lines = selectLines(sql, columns, LINES[format]!, timeZone)
  let count = 0
  if (lines === undefined || pipe === undefined)
    await database.batches(sql, batch => {
      count += batch.length
      return writer.rows(batch)
    })
  else {
    const blocks = new LineBlocks(found => writer.lines(found))
    count = await copyThrough(database, lines, pipe, block => blocks.push(block))
  }
  await writer.end()
  return count
}

interface RowWriter {
  /** Whole lines that DuckDB wrote. */
  lines(found: Buffer): Promise<void>
  rows(batch: readonly Row[]): Promise<void>
  end(): Promise<void>
}

function writerOf(rows: QueryRows, width: number, write: Write): RowWriter {
  const { columns, format, timeZone } = rows
  if (format === 'table') return tableWriter(rows, width, write)
  if (format === 'json') return jsonWriter(timeZone, write)
  if (format === 'jsonl') {
    const lineOf = (row: Row): string => `${JSON.stringify(withoutNull(row), exact(timeZone))}\n`
    return {
      lines: write,
      rows: batch => write(batch.map(lineOf).join('')),
      end: () => Promise.resolve()
    }
  }
  const names = columns.map(({ name }) => name)
  let head = csvLines([names])
  const withHead = async (block: Buffer | string): Promise<void> => {
    if (head !== '') await write(head)
    head = ''
    if (block.length > 0) await write(block)
  }
  return {
    lines: found => withHead(unmarked(found)),
    rows: batch => withHead(csvLines(batch.map(row => valuesOf(row, timeZone)))),
    end: () => withHead('')
  }
}

/** One array, with a row in each line. */
function jsonWriter(timeZone: string, write: Write): RowWriter {
  const SEPARATOR = ',\n'
  let isFirst = true
  /** Lines, each with a comma, which the last one must not have. */
  const add = async (lines: Buffer): Promise<void> => {
    await write(isFirst ? '[\n' : SEPARATOR)
    isFirst = false
    await write(lines.subarray(0, -SEPARATOR.length))
  }
  const lineOf = (row: Row): string => `  ${JSON.stringify(row, exact(timeZone))}${SEPARATOR}`
  return {
    lines: add,
    rows: batch => add(Buffer.from(batch.map(lineOf).join(''))),
    end: () => write(isFirst ? '[]\n' : '\n]\n')
  }
}

function tableWriter({ columns, timeZone }: QueryRows, width: number, write: Write): RowWriter {
  const names = columns.map(({ name }) => name)
  let cells: (readonly Value[])[] = []
  let written = 0
  const flush = async (): Promise<void> => {
    const text = tableOf(names, cells, width, written)
    written += cells.length
    cells = []
    await write(text)
  }
  const add = async (more: readonly (readonly Value[])[]): Promise<void> => {
    for (const row of more) {
      cells.push(row)
      if (cells.length === TABLE_ROWS) await flush()
    }
  }
  return {
    lines: found =>
      add(
        found
          .toString()
          .trimEnd()
          .split('\n')
          .map(line => jsonCells(line))
      ),
    rows: batch => add(batch.map(row => valuesOf(row, timeZone))),
    end: async () => (written === 0 || cells.length > 0 ? flush() : undefined)
  }
}

function jsonCells(line: string): Value[] {
  return (JSON.parse(line) as (Value | boolean)[]).map(value =>
    typeof value === 'boolean' ? String(value) : value
  )
}

function tableOf(
  names: readonly string[],
  cells: readonly (readonly Value[])[],
  width: number,
  before: number
): string {
  const numeric = names.map((_, i) => cells.every(row => typeof row[i] === 'number'))
  const table: Table = {
    id: 'rows',
    title: '',
    description: '',
    emptyText: 'No rows.',
    columns: names.map((key, i) => {
      return { key, title: key, kind: numeric[i] === true && cells.length > 0 ? 'count' : 'text' }
    }),
    rows: cells
  }
  const grid = gridOf(table, width)
  const isTooWide = grid.some(line => withoutColours(line).length > width)
  // The head is above the first rows.
  const lines = isTooWide ? fieldsOf(table, width, before) : grid.slice(before === 0 ? 0 : 1)
  return `${lines.join('\n')}\n`
}

const valuesOf = (row: Row, timeZone: string): Value[] =>
  Object.values(row).map(cell => valueOf(cell, timeZone))

function valueOf(cell: Cell, timeZone: string): Value {
  if (cell === null || typeof cell === 'number') return cell
  if (typeof cell === 'string') return cell
  if (typeof cell === 'bigint') return String(cell)
  if (cell instanceof Date) return instantText(cell, timeZone)
  return JSON.stringify(cell, exact(timeZone))
}

const instantText = (at: Date, timeZone: string): string =>
  timeZone === 'UTC' ? at.toISOString() : showTime(Number(at), timeZone)

const withoutNull = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))

/** JSON readers round whole numbers beyond 2^53, so they are strings. */
function exact(timeZone: string) {
  return function (this: unknown, key: string, value: unknown): unknown {
    const found = (this as Record<string, unknown>)[key]
    if (found instanceof Date) return instantText(found, timeZone)
    return typeof value === 'bigint' ? String(value) : value
  }
}
