import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { Kind, Value } from '../report.js'

/** A value for people: `1,234`, `12.5%`, `2026-11-05 09:15`; nothing that could be an order. */
export function shown(value: Value, kind: Kind): string {
  if (value === null) return '-'
  if (value instanceof Date) return shownInstant(value, kind)
  if (typeof value === 'string') return escapeControls(value)
  if (kind === 'share') return `${(100 * value).toFixed(1)}%`
  if (kind === 'change') return `${value > 0 ? '+' : ''}${(100 * value).toFixed(0)}%`
  return value.toLocaleString('en')
}

/** Of RFC 3339 as much as the kind has, in UTC. */
function shownInstant(at: Date, kind: Kind): string {
  const text = at.toISOString()
  return kind === 'day' ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)}`
}

/** A value for programs: instants as RFC 3339 in UTC. */
export function plain(value: Value): string | number | null {
  return value instanceof Date ? value.toISOString() : value
}
