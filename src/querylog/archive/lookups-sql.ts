import type { Octets } from '../../base/units.js'
import { QUERY_FIELDS, SCHEMA_VERSION } from '../record/schema.js'
import type { OpenFile, LogFiles } from './log-layout.js'

/**
 * The columns of the view `lookups`: every field of a line, in its order. docs/reference/query-log.md has them, and
 * a test holds it to it.
 */
export const LOOKUP_COLUMNS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(QUERY_FIELDS).map(([field, type]) => [field, columnType(field, type)])
)

function columnType(field: string, type: 'integer' | 'string'): string {
  if (field === 'time') return 'TIMESTAMP'
  return type === 'integer' ? 'BIGINT' : 'VARCHAR'
}

/** A line is a lookup if it has what every lookup has, in a schema that is known here. */
export const IS_LOOKUP =
  `v BETWEEN 1 AND ${SCHEMA_VERSION} AND time IS NOT NULL` +
  ` AND (client IS NOT NULL OR privacy = 'none') AND qname IS NOT NULL AND verdict IS NOT NULL`

/**
 * DuckDB reads so much at once, twice: it passes over lines that are longer than twice the most, and
 * gives up at others. With the least, a file of 256 MB is sorted in a third of a second less than with
 * the most, for what is read is not in the way of what is sorted.
 */
const [LEAST, MOST]: [Octets, Octets] = [2 ** 20, 2 ** 24]

/** Fields are found by name: one that a line does not have is NULL, one unknown here is ignored. */
const LINE_COLUMNS = Object.entries(LOOKUP_COLUMNS)
  .map(([field, type]) => `${quoted(field)}: ${quoted(type)}`)
  .join(', ')

/** Their names, for SELECT. */
export const COLUMNS = Object.keys(LOOKUP_COLUMNS).map(identifier).join(', ')

/**
 * SQL that makes two views of files: `lookups`, and `foreign_lines`, which has one column, `file`,
 * and a row for each line of JSON Lines that is no lookup: torn, foreign, or of a newer schema.
 *
 * @param from what reads all of the lines, or has them
 */
export function lookupViews({ lines, parquet }: LogFiles, from: string): readonly string[] {
  const foreign =
    lines.length > 0
      ? `SELECT ${originalPath(lines)} AS file FROM ${from} WHERE (${IS_LOOKUP}) IS NOT TRUE`
      : 'SELECT NULL::VARCHAR AS file WHERE false'
  return [
    `CREATE VIEW lookups AS ${selectLookups({ lines, parquet }, from)}`,
    `CREATE VIEW foreign_lines AS ${foreign}`
  ]
}

/** SQL for the lookups of some files. @param from what reads all of the lines, or has them */
export function selectLookups(
  { lines, parquet }: Pick<LogFiles, 'lines' | 'parquet'>,
  from: string
): string {
  const sources = [
    ...(lines.length > 0 ? [`SELECT ${COLUMNS} FROM ${from} WHERE ${IS_LOOKUP}`] : []),
    ...(parquet.length > 0 ? [selectParquet(duckdbPaths(parquet))] : [])
  ]
  return sources.length > 0 ? sources.join(' UNION ALL ') : NO_ROWS
}

/** SQL that reads all lines, and keeps what it finds: reading is most of the work with them. */
export function createLinesTable(lines: readonly OpenFile[], table: string): string {
  return `CREATE TEMP TABLE ${table} AS SELECT ${COLUMNS}, filename FROM ${readLines(duckdbPaths(lines))}`
}

/**
 * Lines of files, a list in SQL. What is no JSON at all is a row of NULLs.
 *
 * @param longest line of theirs, where it is known
 */
export function readLines(files: string, longest: Octets = MOST): string {
  const most = Math.min(MOST, Math.max(LEAST, longest))
  return (
    `read_json(${files}, format = 'newline_delimited', compression = 'uncompressed', ` +
    `ignore_errors = true, filename = true, maximum_object_size = ${most}, columns = {${LINE_COLUMNS}})`
  )
}

/** SQL for rows in the order of time. */
export function orderByTime(rows: string): string {
  return `${rows} ORDER BY time`
}

/** In what `selectParquet` is asked for: the file that a row is of, as the list has it. */
export const FILE_COLUMN = 'of_file'

/**
 * Rows of Parquet files, a list in SQL: columns by name, typed as in lines; one that a file of an
 * older schema does not have is NULL.
 *
 * @param where that is asked for, in SQL
 */
export function selectParquet(files: string, where?: string): string {
  const wanted = where === undefined ? '' : ` WHERE ${where}`
  const named = where === undefined ? '' : `, filename = ${quoted(FILE_COLUMN)}`
  const read = `read_parquet(${files}, union_by_name = true${named})${wanted}`
  const all = `${NO_ROWS} UNION ALL BY NAME SELECT * FROM ${read}`
  const typed = Object.entries(LOOKUP_COLUMNS).map(
    ([field, type]) => `${identifier(field)}::${type} AS ${identifier(field)}`
  )
  return `SELECT ${typed.join(', ')} FROM (${all})`
}

/** A table of these columns without rows. */
const NO_ROWS = `SELECT ${Object.entries(LOOKUP_COLUMNS)
  .map(([field, type]) => `NULL::${type} AS ${identifier(field)}`)
  .join(', ')} WHERE false`

/** By their descriptors, so that a file is found wherever it is by then. */
export function duckdbPaths(files: readonly OpenFile[]): string {
  return quotedList(files.map(duckdbPath))
}

/** What DuckDB is told to open. */
export function duckdbPath({ descriptor, path }: OpenFile): string {
  return process.platform === 'linux' ? `/proc/self/fd/${descriptor}` : path
}

/** The path of the file that a line is in, from what DuckDB calls it. */
function originalPath(files: readonly OpenFile[]): string {
  const cases = files.map(file => `WHEN ${quoted(duckdbPath(file))} THEN ${quoted(file.path)}`)
  return `CASE filename ${cases.join(' ')} END`
}

export function identifier(name: string): string {
  return `"${name}"`
}

export function quotedList(texts: readonly string[]): string {
  return `[${texts.map(quoted).join(', ')}]`
}

/** Text as a value in SQL. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
