/** Tables as files, made in the browser. */

export type FileRow = Readonly<Record<string, string | number | boolean | null | undefined>>

/** RFC 4180, with a head of all keys. */
export function csvOf(rows: readonly FileRow[]): string {
  const keys = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const cells = rows.map(row => keys.map(key => csvCell(row[key])))
  return [keys.map(csvCell), ...cells].map(line => `${line.join(',')}\r\n`).join('')
}

export function jsonLinesOf(rows: readonly FileRow[]): string {
  return rows.map(row => `${JSON.stringify(row)}\n`).join('')
}

/** Text that a spreadsheet would take as a formula gets an apostrophe in front, as in exports of commands. */
function csvCell(value: FileRow[string]): string {
  if (typeof value !== 'string') return String(value ?? '')
  const harmless = /^\s*[=+\-@]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
