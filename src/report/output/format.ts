import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { Kind, Table, Value } from '../report.js'

/** A value as a reader sees it: `1,234`, `12.5%`, `2026-11-05 09:15`; control characters are escaped. */
export function formatValue(value: Value, kind: Kind): string {
  if (value === null) return '-'
  if (value instanceof Date) return formatInstant(value, kind)
  if (typeof value === 'string') return escapeControls(value)
  if (kind === 'share') return `${(100 * value).toFixed(1)}%`
  if (kind === 'change') return `${value > 0 ? '+' : ''}${(100 * value).toFixed(0)}%`
  return value.toLocaleString('en')
}

/** The part of RFC 3339 that the kind needs, in UTC. */
function formatInstant(at: Date, kind: Kind): string {
  const text = at.toISOString()
  return kind === 'day' ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)}`
}

/** A table for readers: without the columns of `hideIfZero` that are 0 in every row. */
export function withoutZeroColumns<T extends Pick<Table, 'columns' | 'rows'>>(table: T): T {
  const { columns, rows } = table
  const isShown = columns.map(
    ({ hideIfZero }, i) => hideIfZero !== true || rows.some(row => row[i] !== 0)
  )
  return {
    ...table,
    columns: columns.filter((_, i) => isShown[i]),
    rows: rows.map(row => row.filter((_, i) => isShown[i]))
  }
}

/** A machine-readable value: timestamps are RFC 3339 in UTC. */
export function rawValue(value: Value): string | number | null {
  return value instanceof Date ? value.toISOString() : value
}
