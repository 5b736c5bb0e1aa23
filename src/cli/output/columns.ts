import { escapeControls } from '../../base/log/terminal-line.js'
import { paint, type OutputStream, type Colour } from '../io.js'

const GAP = '  '
/** Longer lines are hard to read, however wide the terminal is. */
const WIDEST = 120
const NARROWEST = 60
/** Columns are not shrunk below this. */
const MIN_COLUMN = 10

/** Lines of a cell, of any length, each with an optional colour. */
export type Cell = readonly (string | readonly [how: Colour, text: string])[]

/** A row of cells, or indented lines across all columns. */
export type Row = { readonly cells: readonly Cell[] } | { readonly across: Cell }

interface Line {
  readonly text: string
  readonly how?: Colour
}

/**
 * Width of lines; unlimited where the output is not a terminal: programs such as `grep` need whole
 * names and rows.
 */
export function terminalWidth({ columns }: OutputStream): number {
  return columns === undefined ? Infinity : Math.min(WIDEST, Math.max(NARROWEST, columns))
}

/** A table no wider than `width`; longer texts are wrapped within their column. */
export function columns(head: readonly string[], rows: readonly Row[], width: number): string[] {
  const cells = rows.flatMap(row => ('cells' in row ? [row.cells] : []))
  const all = [head.map((text): Cell => [['bold', text]]), ...cells]
  const natural = head.map((_, i) => greatest(all, row => longest(row[i]!)))
  const widths = fit(natural, width - GAP.length * (head.length - 1))
  return [{ cells: all[0]! }, ...rows].flatMap(row => {
    if ('across' in row) return linesOf(row.across, width - 2).map(line => `  ${painted(line)}`)
    return sideBySide(row.cells, widths)
  })
}

/** `Math.max` over more rows than a call may have arguments. */
export function greatest<T>(rows: readonly T[], size: (row: T) => number): number {
  return rows.reduce((most, row) => Math.max(most, size(row)), 0)
}

/** Wraps a text at spaces into lines no longer than `width`; longer words are split. */
export function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of escapeControls(text)
    .split(' ')
    .flatMap(word => split(word, width))) {
    const last = lines.at(-1)!
    if (last === '') lines[lines.length - 1] = word
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Splits a word, if possible after a punctuation mark in the second half of a line. */
function split(word: string, width: number): string[] {
  const cut: string[] = []
  let at = 0
  while (word.length - at > width) {
    const line = word.slice(at, at + width)
    const sign = line.search(/[-/+._,:][^-/+._,:]*$/) + 1
    const length = sign > width / 2 ? sign : width
    cut.push(line.slice(0, length))
    at += length
  }
  return [...cut, word.slice(at)]
}

/** Natural widths if they fit; otherwise the widest columns shrink first. */
function fit(natural: readonly number[], room: number): number[] {
  let cap = Math.max(...natural)
  const total = (): number => natural.reduce((sum, width) => sum + Math.min(width, cap), 0)
  while (total() > room && cap > MIN_COLUMN) cap--
  return natural.map(width => Math.min(width, cap))
}

function sideBySide(cells: readonly Cell[], widths: readonly number[]): string[] {
  const wrapped = cells.map((cell, i) => linesOf(cell, widths[i]!))
  const height = Math.max(...wrapped.map(({ length }) => length))
  return Array.from({ length: height }, (_, at) =>
    wrapped
      .map((lines, i) => {
        const line = lines[at] ?? { text: '' }
        return painted(line) + ' '.repeat(widths[i]! - line.text.length)
      })
      .join(GAP)
      .trimEnd()
  )
}

function linesOf(cell: Cell, width: number): Line[] {
  return cell.flatMap(line => {
    if (typeof line === 'string') return wrap(line, width).map(text => ({ text }))
    const [how, text] = line
    return wrap(text, width).map(text => ({ text, how }))
  })
}

function longest(cell: Cell): number {
  return Math.max(
    0,
    ...cell.map(line => escapeControls(typeof line === 'string' ? line : line[1]).length)
  )
}

function painted({ text, how }: Line): string {
  return how === undefined ? text : paint(how, text)
}
