import { csvOf, jsonLinesOf, type FileRow } from '../web/table-file.js'
import { t } from './state.js'

/** Has the browser save a file. */
export function saveFile(href: string, name: string): void {
  const link = document.createElement('a')
  link.href = href
  link.download = name
  link.click()
}

export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  saveFile(url, name)
  // The browser reads it later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

const FORMATS = [
  ['csv', 'CSV', 'text/csv', csvOf],
  ['jsonl', 'JSON lines', 'application/jsonl', jsonLinesOf]
] as const

/** Saves the rows of a table. */
export function ExportButtons({
  name,
  rows
}: {
  readonly name: string
  readonly rows: () => readonly FileRow[]
}) {
  return (
    <details class="export no-print" data-export={name}>
      <summary class="note">{t('export')}</summary>
      {FORMATS.map(([ending, label, type, textOf]) => (
        <button
          key={ending}
          type="button"
          class="link note"
          onClick={() => saveBlob(new Blob([textOf(rows())], { type }), `${name}.${ending}`)}
        >
          {label}
        </button>
      ))}
    </details>
  )
}
