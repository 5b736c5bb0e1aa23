import type { Octets } from '../../base/units.js'
import { QUERY_FIELDS, SCHEMA_VERSION } from '../event/schema.js'
import type { OpenFile, LogFiles } from '../files/log-layout.js'

/**
 * The columns of the view `lookups`: every field of a line, in order. docs/reference/query-log.md
 * lists them; a test keeps both in step.
 */
export const LOOKUP_COLUMNS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(QUERY_FIELDS).map(([field, type]) => [field, columnType(field, type)])
)

function columnType(field: string, type: 'integer' | 'string'): string {
  if (field === 'time') return 'TIMESTAMP'
  return type === 'integer' ? 'BIGINT' : 'VARCHAR'
}

/** A line is a lookup if it has all mandatory fields in a known schema version. */
export const IS_LOOKUP =
  `v BETWEEN 1 AND ${SCHEMA_VERSION} AND time IS NOT NULL` +
  ` AND (client IS NOT NULL OR privacy = 'none') AND qname IS NOT NULL AND verdict IS NOT NULL`

/** Lookups of the gateway itself are in the files, but in no count and no report. */
export const IS_OF_CLIENT = `(verdict IS NULL OR verdict NOT IN ('probe', 'observed'))`
export const IS_PROBE = `verdict = 'probe'`
export const IS_OBSERVED = `verdict = 'observed'`

/**
 * Limits of DuckDB's `maximum_object_size`. DuckDB reads blocks of twice this size: it skips lines
 * longer than twice the maximum, and fails at others. With the minimum, sorting a file of 256 MB
 * takes a third of a second less than with the maximum, because reading interferes less with
 * sorting.
 */
const [LEAST, MOST]: [Octets, Octets] = [2 ** 20, 2 ** 24]

/** Fields are matched by name: a missing field is NULL, an unknown field is ignored. */
const LINE_COLUMNS = Object.entries(LOOKUP_COLUMNS)
  .map(([field, type]) => `${quoted(field)}: ${quoted(type)}`)
  .join(', ')

/** SQL source: those of clients and of the gateway itself. */
export const ALL_LOOKUPS = '(FROM lookups UNION ALL FROM probes UNION ALL FROM validations)'

/** Column list for SELECT. */
export const COLUMNS = Object.keys(LOOKUP_COLUMNS).map(identifier).join(', ')

/**
 * SQL that creates four views: `lookups`; with the same columns `probes`, lookups of the gateway itself, and `validations`, its
 * samples of answers with `dnssec: observe`; and `foreign_lines` with one column, `file`, and a row for each JSON Lines line that is not a lookup: incomplete,
 * foreign, or of a newer schema.
 *
 * @param from SQL source of all lines
 */
export function lookupViews({ lines, parquet }: LogFiles, from: string): readonly string[] {
  const foreign =
    lines.length > 0
      ? `SELECT ${originalPath(lines)} AS file FROM ${from} WHERE (${IS_LOOKUP}) IS NOT TRUE`
      : NO_FOREIGN_LINES
  return [
    `CREATE VIEW lookups AS ${selectLookups({ lines, parquet }, from)}`,
    `CREATE VIEW probes AS ${selectLookups({ lines, parquet }, from, IS_PROBE)}`,
    `CREATE VIEW validations AS ${selectLookups({ lines, parquet }, from, IS_OBSERVED)}`,
    `CREATE VIEW foreign_lines AS ${foreign}`
  ]
}

export const NO_FOREIGN_LINES = 'SELECT NULL::VARCHAR AS file WHERE false'

/**
 * SQL that selects the lookups of some files.
 *
 * @param from SQL source of all lines
 * @param which SQL condition; by default those of clients
 */
export function selectLookups(
  { lines, parquet }: Pick<LogFiles, 'lines' | 'parquet'>,
  from: string,
  which = IS_OF_CLIENT
): string {
  const sources = [
    ...(lines.length > 0 ? [`SELECT ${COLUMNS} FROM ${from} WHERE ${IS_LOOKUP} AND ${which}`] : []),
    ...(parquet.length > 0 ? [selectParquet(duckdbPaths(parquet), which)] : [])
  ]
  return sources.length > 0 ? sources.join(' UNION ALL ') : NO_ROWS
}

/** SQL that loads all lines into a table: parsing them is most of the cost. */
export function createLinesTable(lines: readonly OpenFile[], table: string): string {
  return `CREATE TEMP TABLE ${table} AS SELECT ${COLUMNS}, filename FROM ${readLines(duckdbPaths(lines))}`
}

/**
 * SQL source for the lines of files, given as an SQL list. A line that is not JSON is a row of
 * NULLs.
 *
 * @param longest length of the longest line, if known
 */
export function readLines(files: string, longest: Octets = MOST): string {
  const most = Math.min(MOST, Math.max(LEAST, longest))
  return (
    `read_json(${files}, format = 'newline_delimited', compression = 'uncompressed', ` +
    `ignore_errors = true, filename = true, maximum_object_size = ${most}, columns = {${LINE_COLUMNS}})`
  )
}

/** Adds ORDER BY time. */
export function orderByTime(rows: string): string {
  return `${rows} ORDER BY time`
}

/**
 * Column available in the condition of `selectParquet`: the file of a row, as it appears in the
 * list.
 */
export const FILE_COLUMN = 'of_file'

/**
 * Selects the rows of Parquet files, given as an SQL list. Columns are matched by name and typed as
 * in lines; a column missing in a file of an older schema is NULL.
 *
 * @param where SQL condition
 */
export function selectParquet(files: string, where?: string): string {
  const condition = where === undefined ? '' : ` WHERE ${where}`
  const named = where === undefined ? '' : `, filename = ${quoted(FILE_COLUMN)}`
  const read = `read_parquet(${files}, union_by_name = true${named})${condition}`
  const all = `${NO_ROWS} UNION ALL BY NAME SELECT * FROM ${read}`
  const columns = Object.entries(LOOKUP_COLUMNS).map(
    ([field, type]) => `${identifier(field)}::${type} AS ${identifier(field)}`
  )
  return `SELECT ${columns.join(', ')} FROM (${all})`
}

/** A table with these columns and no rows. */
export const NO_ROWS = `SELECT ${Object.entries(LOOKUP_COLUMNS)
  .map(([field, type]) => `NULL::${type} AS ${identifier(field)}`)
  .join(', ')} WHERE false`

/** SQL list of files by descriptor, so that renamed files are still found. */
export function duckdbPaths(files: readonly OpenFile[]): string {
  return quotedList(files.map(duckdbPath))
}

/** The path that DuckDB opens. */
export function duckdbPath({ descriptor, path }: OpenFile): string {
  return process.platform === 'linux' ? `/proc/self/fd/${descriptor}` : path
}

/** SQL that maps DuckDB's file name of a line to the original path. */
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

/** Quotes text as an SQL literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Version and time are generated, because the columns follow the current schema. */
const JSON_LINE_HEAD = `'{"v":${SCHEMA_VERSION},"time":"' || strftime(time, '%Y-%m-%dT%H:%M:%S.%g') || 'Z"'`

/** Fields that a lookup is judged by. `rule` ends the text that a reason is remembered by. */
const JUDGED_FIELDS = [
  ...(['generation', 'client', 'device', 'network', 'addressNetwork'] as const),
  ...(['protocol', 'qname', 'qtype', 'verdict', 'match', 'app', 'list'] as const),
  ...(['ban', 'exception', 'allow', 'block', 'rule'] as const)
] as const satisfies readonly (keyof typeof QUERY_FIELDS)[]

/**
 * SQL that formats lookups for a replay: JSON lines like the recorder's, with the fields that decide alone, since each
 * field costs as much as judging a lookup. One column, without line ends. Fields that a lookup does not have are
 * omitted; `us` ends what repeats from line to line.
 */
export const SELECT_JUDGED_LINES = `SELECT ${[JSON_LINE_HEAD, ...jsonFields()].join(' || ')} || ',"us":0}' FROM lookups`

function jsonFields(): string[] {
  return JUDGED_FIELDS.map(field => {
    const column = identifier(field)
    const value = QUERY_FIELDS[field] === 'integer' ? column : `to_json(${column})::VARCHAR`
    return `coalesce(',"${field}":' || ${value}, '')`
  })
}
