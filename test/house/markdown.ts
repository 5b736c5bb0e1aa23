import { readFileSync } from 'node:fs'

/** The cells of a table after a heading, without its header rows. @param nth from 0 */
export function tableAfter(file: string, heading: string, nth = 0): string[][] {
  const text = readFileSync(file, 'utf8')
  const at = text.indexOf(`\n${heading}\n`)
  if (at === -1) throw new Error(`${file} has no heading ${heading}`)
  const after = text.slice(at + heading.length + 2)
  const table = [...after.matchAll(/(?:^\|.*\n?)+/gm)][nth]
  if (table === undefined) throw new Error(`${file} has no table ${nth} after ${heading}`)
  return table[0].trimEnd().split('\n').slice(2).map(cellsOf)
}

/** Every row of every table of a file: for pages that are one table per section. */
export const allRows = (file: string): string[][] => rowsOf(readFileSync(file, 'utf8'))

function rowsOf(text: string): string[][] {
  const lines = text.split('\n')
  return lines
    .filter((line, i) => line.startsWith('|') && !isHead(lines, i) && !isRule(line))
    .map(cellsOf)
}

/** Fenced blocks of one language: their text, and the line of the file they start at. */
export function fences(file: string, language: string): { text: string; line: number }[] {
  const text = readFileSync(file, 'utf8')
  const found: { text: string; line: number }[] = []
  for (const match of text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (match[1] !== language) continue
    found.push({ text: match[2]!, line: text.slice(0, match.index).split('\n').length + 1 })
  }
  return found
}

const isRule = (line: string): boolean => /^\|[\s:|-]+\|$/.test(line)
const isHead = (lines: readonly string[], i: number): boolean => isRule(lines[i + 1] ?? '')

function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|$/g, '')
    .split('|')
    .map(cell => cell.trim())
}
