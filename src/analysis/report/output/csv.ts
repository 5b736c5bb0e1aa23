import { escapeControls } from '../../../base/log/terminal-line.js'
import type { Report, Value } from '../report.js'
import { rawValue } from './format-value.js'

/** RFC 4180: one table after another, each with its header; with a title line each if there are several. */
export function toCsv({ tables, timeZone }: Report): string {
  return tables
    .map(({ title, columns, rows }) => {
      const head = columns.map(({ key }) => key)
      const lines = csvLines([head, ...rows], timeZone)
      return tables.length === 1 ? lines : `${csvLines([[title]], timeZone)}${lines}`
    })
    .join('\r\n')
}

/** @param timeZone of timestamps */
export function csvLines(rows: readonly (readonly Value[])[], timeZone = 'UTC'): string {
  return rows
    .map(row => `${row.map(cell => csvCell(rawValue(cell, timeZone))).join(',')}\r\n`)
    .join('')
}

/**
 * A cell that a spreadsheet reads as text or number, never as a formula: text that starts like one
 * gets an apostrophe in front, which spreadsheets do not show.
 */
function csvCell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = escapeControls(value)
  const harmless = /^\s*[=+\-@]/.test(text) ? `'${text}` : text
  return /[",]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
