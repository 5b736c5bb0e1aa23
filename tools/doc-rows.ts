import { readFileSync } from 'node:fs'

/** What a page of `docs/` says of keys: by heading, then by key. */
export type DocRows = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Reads the rows of all tables that say what keys are. */
export function docRows(page: string): DocRows {
  const found = new Map<string, Map<string, string>>()
  let heading = ''
  let column = -1
  // In what is between fences, `#` begins a comment.
  const text = readFileSync(page, 'utf8').replace(/^```[^]*?^```$/gm, '')
  for (const line of text.split('\n')) {
    heading = /^#+ (.*)/.exec(line)?.[1] ?? heading
    if (!line.startsWith('|')) column = -1
    const cells = line.split(/(?<!\\)\|/).map(cell => cell.trim())
    if (cells.includes('what it is')) column = cells.indexOf('what it is')
    const said = plain(cells[column] ?? '')
    const rows = found.get(heading) ?? new Map<string, string>()
    found.set(heading, rows)
    for (const [, key] of (cells[1] ?? '').matchAll(/`([^`]+)`/g)) {
      if (column > 0 && !rows.has(key!)) rows.set(key!, said)
    }
  }
  return found
}

/** Without what points elsewhere on the page, which nobody sees who edits a file. */
function plain(text: string): string {
  return text
    .replace(/,? see (?:below|\[[^\]]*\]\([^)]*\))/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('<code>&#124;&#124;', '||')
}
