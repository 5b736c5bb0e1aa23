import { zoneOffsets } from '../../base/time/time-zone-offsets.js'
import { MS_PER_SECOND } from '../../base/units.js'
import { quoted } from './lookups-sql.js'

/** A column of a result: its name, and its type as DuckDB writes it. */
export interface ResultColumn {
  readonly name: string
  readonly type: string
}

/**
 * A text for each row.
 *
 * `object` a JSON object without the fields that are NULL
 * `full`   a JSON object with all fields, indented, and a comma
 * `array`  a JSON array
 * `csv`    cells, if they need neither quotes nor escapes; otherwise MARK and a JSON array
 */
export type LineFormat = 'object' | 'full' | 'array' | 'csv'

/** Begins a line whose cells need more than SQL does. */
export const MARK = 0x01
/** Between texts that are examined together. */
const SEPARATOR = 'chr(31)'
/** Quotes, commas, all but printable ASCII, and what a spreadsheet would take as a formula. */
const SPECIAL = String.raw`[",]|[^ -~\x1f]|(^|\x1f)\s*[=+\-@]`

const INTEGER = /^U?(TINY|SMALL|HUGE|BIG)?INT(EGER)?$/
const REAL = /^(DOUBLE|FLOAT|DECIMAL\(\d+,\s?\d+\))$/
const INSTANT = /^TIMESTAMP(_S|_MS|_NS)?$/
const MOST = Number.MAX_SAFE_INTEGER

/**
 * SQL that formats each row of a SELECT as a line of text without its end. Values are written as `JSON.stringify` does.
 *
 * @returns undefined if a column has another type, which only the program can format
 */
export function selectLines(
  sql: string,
  columns: readonly ResultColumn[],
  format: LineFormat,
  timeZone: string
): string | undefined {
  const values = columns.map(({ type }, i) => jsonValue(columnAt(i), type, timeZone))
  if (values.includes(undefined)) return undefined
  const aliases = columns.map((_, i) => columnAt(i)).join(', ')
  const line = lineOf(columns, values as string[], format)
  return `SELECT ${line} FROM (\n${sql.replace(/[;\s]+$/, '')}\n) AS result(${aliases})`
}

const columnAt = (index: number): string => `c${index}`

function lineOf(
  columns: readonly ResultColumn[],
  values: readonly string[],
  format: LineFormat
): string {
  // One function for all parts: each `||` would hold its part of all rows.
  const array = `concat('[', ${values.map(value => `coalesce(${value}, 'null')`).join(`, ',', `)}, ']')`
  const key = (i: number): string => JSON.stringify(columns[i]!.name)
  if (format === 'array') return array
  if (format === 'csv') return csvLine(columns, values, array)
  if (format === 'full') {
    const fields = values.map((value, i) => `${quoted(`${key(i)}:`)}, coalesce(${value}, 'null')`)
    return `concat('  {', ${fields.join(`, ',', `)}, '},')`
  }
  // Those that are NULL are left out.
  const fields = values.map((value, i) => `${quoted(`,${key(i)}:`)} || ${value}`)
  return `concat('{', substr(concat(${fields.join(', ')}), 2), '}')`
}

/** Few lines are special, so that one look at all texts of a row decides. */
function csvLine(
  columns: readonly ResultColumn[],
  values: readonly string[],
  array: string
): string {
  const texts = columns.flatMap(({ type }, i) => (type === 'VARCHAR' ? [columnAt(i)] : []))
  const cells = columns.map(({ type }, i) =>
    type === 'VARCHAR' ? columnAt(i) : `trim(${values[i]!}, '"')`
  )
  // The end of a line in CSV is CRLF: RFC 4180.
  const plain = `concat(${cells.join(`, ',', `)}, chr(13))`
  if (texts.length === 0) return plain
  const examined = `concat_ws(${SEPARATOR}, ${texts.join(', ')})`
  return `CASE WHEN regexp_matches(${examined}, ${quoted(SPECIAL)}) THEN concat(chr(${MARK}), ${array}) ELSE ${plain} END`
}

/** SQL of a value as JSON, NULL if it is; undefined for other types. */
function jsonValue(column: string, type: string, timeZone: string): string | undefined {
  if (type === 'VARCHAR') return `to_json(${column})::VARCHAR`
  if (type === 'BOOLEAN') return `${column}::VARCHAR`
  if (INTEGER.test(type)) return exactInteger(column, type)
  if (REAL.test(type)) {
    const shown = String.raw`regexp_replace(${column}::DOUBLE::VARCHAR, '\.0$', '')`
    return `CASE WHEN isfinite(${column}::DOUBLE) THEN ${shown} END`
  }
  if (type === 'DATE') return `'"' || strftime(${column}, '%Y-%m-%d') || 'T00:00:00.000Z"'`
  if (!INSTANT.test(type)) return undefined
  return instantText(`${column}::TIMESTAMP`, timeZone)
}

/** JSON readers round whole numbers beyond 2^53, so they are strings. */
function exactInteger(column: string, type: string): string {
  const text = `${column}::VARCHAR`
  if (!/BIG|HUGE/.test(type)) return text
  return `CASE WHEN ${column} BETWEEN ${-MOST} AND ${MOST} THEN ${text} ELSE '"' || ${text} || '"' END`
}

function instantText(column: string, timeZone: string): string {
  const shown = (local: string): string => `'"' || strftime(${local}, '%Y-%m-%dT%H:%M:%S.%g')`
  if (timeZone === 'UTC') return `${shown(column)} || 'Z"'`
  const { since, ahead } = zoneOffsets(timeZone)
  // The newest first, since most lookups are new; lookups are not of the future.
  const last = Date.now() / MS_PER_SECOND + 366 * 86_400
  const changes = since.flatMap((at, i) => (at <= last ? [[at, ahead[i]!] as const] : [])).reverse()
  const choose = (value: (seconds: number) => string): string => {
    const cases = changes.map(([at, seconds]) => {
      const instant = new Date(Math.max(at, 0) * MS_PER_SECOND).toISOString().slice(0, -1)
      return `WHEN ${column} >= TIMESTAMP '${instant}' THEN ${value(seconds)}`
    })
    return `CASE ${cases.join(' ')} ELSE ${value(ahead[0]!)} END`
  }
  const local = `(${column} + to_seconds(${choose(String)}))`
  return `${shown(local)} || ${choose(seconds => quoted(offsetText(seconds)))} || '"'`
}

/** `+01:00` */
function offsetText(seconds: number): string {
  const minutes = Math.abs(Math.round(seconds / 60))
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${seconds < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
