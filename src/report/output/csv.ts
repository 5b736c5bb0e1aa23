import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { Report, Value } from '../report.js'
import { plain } from './shown.js'

/** RFC 4180: tables below each other, each with its head; of several, each below its title. */
export function toCsv({ tables }: Report): string {
  return tables
    .map(({ title, columns, rows }) => {
      const head = columns.map(({ key }) => key)
      const lines = csvLines([head, ...rows])
      return tables.length === 1 ? lines : `${csvLines([[title]])}${lines}`
    })
    .join('\r\n')
}

export function csvLines(rows: readonly (readonly Value[])[]): string {
  return rows.map(row => `${row.map(cell => csvCell(plain(cell))).join(',')}\r\n`).join('')
}

/**
 * A cell that a spreadsheet takes for a text or a number and nothing else: a text that begins like
 * a formula is put behind an apostrophe, which spreadsheets do not show.
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = escapeControls(value)
  const harmless = /^\s*[=+\-@]/.test(text) ? `'${text}` : text
  return /[",]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
