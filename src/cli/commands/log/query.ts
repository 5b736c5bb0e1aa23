import { bracketed, conditionError } from '../../../lookups/sql/condition.js'
import type { Cell, Row } from '../../../lookups/sql/duckdb.js'
import type { Newest } from '../../../lookups/sql/newest-files.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { csvLines } from '../../../analysis/report/output/csv.js'
import type { Table, Value } from '../../../analysis/report/report.js'
import type { LogOptions } from '../../args/log-path.js'
import { withLog, type OpenLog } from '../../args/open-log.js'
import { parseWholeNumber } from '../../args/parse.js'
import { EXIT, usageError } from '../../exit.js'
import { withoutColours, type Io } from '../../io.js'
import { fieldsOf, gridOf } from '../../output/log/report-text.js'
import { chooseFormat } from '../../args/output-format.js'
import { outputWidth, writeOutput } from '../../output/write-output.js'

export interface QueryOptions extends LogOptions {
  readonly json?: boolean
  readonly format?: string
  readonly output?: string
  readonly where?: string
  readonly latest?: string
  readonly skip?: string
}

const MAX_ROWS = 999_999_999
const FORMATS = ['table', 'json', 'csv']
/** Comments, white space and semicolons. */
const NO_SQL = /--[^\n]*|\/\*[^]*?\*\/|[\s;]/g
/** Lists the columns of the view, for a call without SQL. */
const COLUMNS = `SELECT column_name AS "column", data_type AS type FROM information_schema.columns
  WHERE table_name = 'lookups' ORDER BY ordinal_position`

/** `interdict query`: one DuckDB SELECT over the query log, which can read nothing else and write nothing. */
export async function query(
  sql: string | undefined,
  options: QueryOptions,
  io: Io
): Promise<number> {
  const { output, where } = options
  const format = chooseFormat(options, FORMATS)
  if (sql?.replaceAll(NO_SQL, '') === '') usageError('query: the SQL is empty')
  if (where?.replaceAll(NO_SQL, '') === '') usageError('--where: the condition is empty')
  const newest = newestOf(options)
  if (sql !== undefined && newest !== undefined)
    usageError('query: give SQL, or --latest, --where and --skip, not both')
  const answer = async (log: OpenLog): Promise<void> => {
    const { columns, rows } = await log.database.table(newest?.sql ?? sql ?? COLUMNS)
    // To find problems is to read all lines again.
    const found = newest === undefined ? await log.problems() : []
    log.hideProgress()
    writeOutput(render(columns, rows, format, outputWidth(output, io)), output, io)
    for (const problem of found) io.stderr.write(`${escapeControls(problem)}\n`)
  }
  try {
    await withLog(options, io, answer, { use: 'sealed', newest })
  } catch (error) {
    throw where === undefined ? error : conditionError(error, where)
  }
  return EXIT.success
}

/** The newest lookups that match a condition. Of the archive, only files with such lookups are read. */
function newestOf({ where, latest, skip }: QueryOptions): (Newest & { sql: string }) | undefined {
  if (where === undefined && latest === undefined && skip === undefined) return undefined
  const limit = parseWholeNumber('--latest', latest ?? '100', { max: MAX_ROWS })
  const offset = parseWholeNumber('--skip', skip ?? '0', { max: MAX_ROWS })
  const condition = where === undefined ? '' : ` WHERE ${bracketed(where)}`
  const sql = `SELECT * FROM lookups${condition} ORDER BY time DESC LIMIT ${limit} OFFSET ${offset}`
  return { where, count: limit + offset, sql }
}

function render(
  columns: readonly string[],
  rows: readonly Row[],
  format: string,
  width: number
): string {
  if (format === 'json') {
    const lines = rows.map(
      row => `  ${JSON.stringify(row, (_key, value: unknown) => exact(value))}`
    )
    return rows.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`
  }
  const cells = rows.map(row => columns.map(column => valueOf(row[column]!)))
  const numeric = columns.map((_, i) => cells.every(row => typeof row[i] === 'number'))
  const table: Table = {
    id: 'rows',
    title: '',
    description: '',
    emptyText: 'No rows.',
    columns: columns.map((key, i) => {
      return { key, title: key, kind: numeric[i] === true && rows.length > 0 ? 'count' : 'text' }
    }),
    rows: cells
  }
  if (format === 'csv') return csvLines([columns, ...cells])
  const grid = gridOf(table, width)
  const isTooWide = grid.some(line => withoutColours(line).length > width)
  return `${(isTooWide ? fieldsOf(table, width) : grid).join('\n')}\n`
}

function valueOf(cell: Cell): Value {
  if (cell === null || typeof cell === 'number') return cell
  if (typeof cell === 'string') return cell
  if (cell instanceof Date) return cell.toISOString()
  return JSON.stringify(cell, (_key, value: unknown) => exact(value))
}

/** JSON readers round whole numbers beyond 2^53, so they are strings. */
function exact(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
