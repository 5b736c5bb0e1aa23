import { filterConditions } from '../../../lookups/sql/filter-condition.js'
import { LOOKUP_FILTERS, type LookupFilters } from '../../../lookups/sql/lookup-filters.js'
import { timeConditions } from '../../../lookups/sql/select-counts.js'
import { checkFilters } from '../../../analysis/views/record-filter.js'
import { bracketed, conditionError } from '../../../lookups/sql/condition.js'
import type { Cell, Row } from '../../../lookups/sql/duckdb.js'
import type { Newest } from '../../../lookups/sql/newest-files.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { csvLines } from '../../../analysis/report/output/csv.js'
import type { Table, Value } from '../../../analysis/report/report.js'
import type { LogOptions } from '../../args/log-path.js'
import { withLog, type OpenLog } from '../../args/open-log.js'
import { parseArgument, parseWholeNumber } from '../../args/parse.js'
import { parsePeriod, type PeriodOptions } from '../../args/period-options.js'
import { EXIT, usageError } from '../../exit.js'
import { withoutColours, type Io } from '../../io.js'
import { fieldsOf, gridOf } from '../../output/log/report-text.js'
import { chooseFormat } from '../../args/output-format.js'
import { outputWidth, writeOutput } from '../../output/write-output.js'

export interface QueryOptions extends LogOptions, LookupFilters, PeriodOptions {
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
  const { output } = options
  const format = chooseFormat(options, FORMATS)
  const request = requestOf(sql, options)
  const { columns, rows, problems } = await performQuery(request, options, io)
  writeOutput(render(columns, rows, format, outputWidth(output, io)), output, io)
  for (const problem of problems) io.stderr.write(`${escapeControls(problem)}\n`)
  return EXIT.success
}

function requestOf(sql: string | undefined, options: QueryOptions): ParsedRequest<'query'> {
  const { where, latest, skip, verdict } = options
  const filters = conditionsOf(options)
  if (filters === undefined && [where, latest, skip].every(one => one === undefined))
    return { sql: sql ?? COLUMNS }
  const search = {
    where,
    filters,
    ...(verdict?.includes('probe') === true && { probes: true }),
    latest: parseWholeNumber('--latest', latest ?? '100', { max: MAX_ROWS }),
    skip: parseWholeNumber('--skip', skip ?? '0', { max: MAX_ROWS })
  }
  if (sql === undefined) return search
  return usageError('query: give SQL, or filters, --latest, --where and --skip, not both')
}

/** The SQL condition of the filters and the period; undefined: none is given. */
function conditionsOf(options: QueryOptions): string | undefined {
  checkFilters(options, parseArgument)
  const period = timeConditions(parsePeriod(options, 'UTC'))
  const conditions = [...filterConditions(options), ...period]
  const isGiven = LOOKUP_FILTERS.some(filter => options[filter] !== undefined)
  if (conditions.length > 0) return conditions.join(' AND ')
  // Filters that every lookup matches, such as the verdict `all`.
  return isGiven ? 'true' : undefined
}

export interface FoundRows {
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  /** In the files that were read; unknown, so none, of a search: to find them is to read all lines again. */
  readonly problems: readonly string[]
}

/** @throws InterdictError ARCHIVE_SQL, and as `withLog` */
export async function performQuery(
  request: ParsedRequest<'query'>,
  options: LogOptions,
  io: Io
): Promise<FoundRows> {
  const newest = 'sql' in request ? undefined : newestOf(request)
  const { sql } = newest ?? (request as { readonly sql: string })
  const where = 'sql' in request ? undefined : request.where
  if (sql.replaceAll(NO_SQL, '') === '') usageError('query: the SQL is empty')
  if (where?.replaceAll(NO_SQL, '') === '') usageError('--where: the condition is empty')
  const answer = async (log: OpenLog): Promise<FoundRows> => {
    const found = await log.database.table(sql)
    return { ...found, problems: newest === undefined ? await log.problems() : [] }
  }
  try {
    return await withLog(options, io, answer, { use: 'sealed', newest })
  } catch (error) {
    throw where === undefined ? error : conditionError(error, where)
  }
}

type Search = Exclude<ParsedRequest<'query'>, { readonly sql: string }>

/** The newest lookups that match a condition. Of the archive, only files with such lookups are read. */
function newestOf({
  where,
  filters,
  latest,
  skip,
  probes
}: Search): Newest & { readonly sql: string } {
  const condition = bothOf(where, filters)
  const from = probes === true ? '(FROM lookups UNION ALL FROM probes)' : 'lookups'
  const rows = `SELECT * FROM ${from}${condition === undefined ? '' : ` WHERE ${bracketed(condition)}`}`
  const sql = `${rows} ORDER BY time DESC LIMIT ${latest} OFFSET ${skip}`
  return { where: condition, count: latest + skip, sql }
}

/** The condition of the user begins the text, to be in brackets, so that errors name its lines. */
function bothOf(where: string | undefined, filters: string | undefined): string | undefined {
  return where === undefined || filters === undefined
    ? (where ?? filters)
    : `${where}\n) AND (${filters}`
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
