import type { Cell, Row } from '../../querylog/archive/database.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { csvLines } from '../../report/output/csv.js'
import type { Table, Value } from '../../report/report.js'
import { openLog } from '../args/log-database.js'
import type { LogOptions } from '../args/log-path.js'
import { EXIT, usage } from '../exit.js'
import { type Io } from '../io.js'
import { terminalWidth } from '../output/columns.js'
import { gridOf } from '../output/report-text.js'
import { put } from './report.js'

export interface QueryOptions extends LogOptions {
  readonly format: string
  readonly output?: string
}

const FORMATS = ['table', 'json', 'csv']
/** Comments, and what stands between statements. */
const NO_SQL = /--[^\n]*|\/\*[^]*?\*\/|[\s;]/g
/** Without a question: what can be asked. */
const COLUMNS = `SELECT column_name AS "column", data_type AS type FROM information_schema.columns
  WHERE table_name = 'lookups' ORDER BY ordinal_position`

/** `interdict query`: one SELECT of DuckDB's over the query log; nothing can be written or read besides. */
export async function query(
  sql: string | undefined,
  options: QueryOptions,
  io: Io
): Promise<number> {
  const { format, output } = options
  if (!FORMATS.includes(format)) usage(`--format: ${format} is not one of ${FORMATS.join(', ')}`)
  if (sql?.replaceAll(NO_SQL, '') === '') usage('query: there is no SQL in what was given')
  const log = await openLog(options, io, { use: 'sealed' })
  try {
    const { columns, rows } = await log.database.table(sql ?? COLUMNS)
    const remarks = await log.remarks()
    log.quiet()
    put(shownAs(columns, rows, format, terminalWidth(io.stdout)), output, io)
    for (const remark of remarks) io.stderr.write(`${escapeControls(remark)}\n`)
  } finally {
    log.close()
  }
  return EXIT.success
}

function shownAs(
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
    emptyText: 'no row',
    columns: columns.map((key, i) => {
      return { key, title: key, kind: numeric[i] === true && rows.length > 0 ? 'count' : 'text' }
    }),
    rows: cells
  }
  if (format === 'csv') return csvLines([columns, ...cells])
  return `${gridOf(table, width).join('\n')}\n`
}

function valueOf(cell: Cell): Value {
  if (cell === null || typeof cell === 'number') return cell
  if (typeof cell === 'string') return cell
  if (cell instanceof Date) return cell.toISOString()
  return JSON.stringify(cell, (_key, value: unknown) => exact(value))
}

/** JSON has no whole numbers beyond 2^53. */
function exact(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
