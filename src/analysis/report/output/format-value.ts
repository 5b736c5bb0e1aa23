import { escapeControls } from '../../../base/log/terminal-line.js'
import { showTime } from '../../../base/time/instant.js'
import type { Kind, Table, Value } from '../report.js'

/** A value as a reader sees it: `1,234`, `12.5%`, `2026-11-05 09:15`; control characters are escaped. */
export function formatValue(value: Value, kind: Kind, timeZone: string): string {
  if (value === null) return '-'
  if (value instanceof Date) return formatInstant(value, kind, timeZone)
  if (typeof value === 'string') return escapeControls(value)
  if (kind === 'share') return `${(100 * value).toFixed(1)}%`
  if (kind === 'change') return `${value > 0 ? '+' : ''}${(100 * value).toFixed(0)}%`
  return value.toLocaleString('en')
}

/** The part of RFC 3339 that the kind needs, in local time. */
function formatInstant(at: Date, kind: Kind, timeZone: string): string {
  const text = showTime(Number(at), timeZone)
  return kind === 'day' ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)}`
}

/** A table for readers: without the columns of `hideIfEmpty` that have 0 or nothing in every row. */
export function withoutZeroColumns<T extends Pick<Table, 'columns' | 'rows'>>(table: T): T {
  const { columns, rows } = table
  const isShown = columns.map(
    ({ hideIfEmpty }, i) =>
      hideIfEmpty !== true || rows.some(row => row[i] !== 0 && row[i] !== null)
  )
  return {
    ...table,
    columns: columns.filter((_, i) => isShown[i]),
    rows: rows.map(row => row.filter((_, i) => isShown[i]))
  }
}

/** A machine-readable value: timestamps are RFC 3339, with the offset of the time zone. */
export function rawValue(value: Value, timeZone: string): string | number | null {
  return value instanceof Date ? showTime(Number(value), timeZone) : value
}
