import { readFileSync } from 'node:fs'

/** The meaning of each key in the tables of a page of `docs/`: by heading, then by key. */
export type DocRows = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Reads all tables that have a column `meaning`. */
export function docRows(page: string): DocRows {
  const found = new Map<string, Map<string, string>>()
  let heading = ''
  let column = -1
  // In fenced blocks `#` begins a comment, not a heading.
  const text = readFileSync(page, 'utf8').replace(/^```[^]*?^```$/gm, '')
  for (const line of text.split('\n')) {
    heading = /^#+ (.*)/.exec(line)?.[1] ?? heading
    if (!line.startsWith('|')) column = -1
    const cells = line.split(/(?<!\\)\|/).map(cell => cell.trim())
    if (cells.includes('meaning')) column = cells.indexOf('meaning')
    const meaning = plain(cells[column] ?? '')
    const rows = found.get(heading) ?? new Map<string, string>()
    found.set(heading, rows)
    for (const [, key] of (cells[1] ?? '').matchAll(/`([^`]+)`/g)) {
      if (column > 0 && !rows.has(key!)) rows.set(key!, meaning)
    }
  }
  return found
}

/** Removes references to other parts of the page, which an editor does not show. */
function plain(text: string): string {
  return text
    .replace(/,? see (?:below|\[[^\]]*\]\([^)]*\))/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('<code>&#124;&#124;', '||')
}
