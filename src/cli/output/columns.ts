import { escapeControls } from '../../querylog/record/terminal-line.js'
import { paint, type OutputStream, type Paint } from '../io.js'

const GAP = '  '
/** A terminal may be wider than lines are easy to read. */
const WIDEST = 120
const NARROWEST = 60
/** Where nobody says how wide it is: pipes. */
const USUAL = 80
/** No column is made narrower than this for the sake of others. */
const LEAST = 10

/** Lines of a cell, each as long as it likes, with the colour of each. */
export type Cell = readonly (string | readonly [how: Paint, text: string])[]

/** A row of cells, or lines that go across all of them, set in a little. */
export type Row = { readonly cells: readonly Cell[] } | { readonly across: Cell }

interface Line {
  readonly text: string
  readonly how?: Paint
}

export function terminalWidth({ columns }: OutputStream): number {
  return Math.min(WIDEST, Math.max(NARROWEST, columns ?? USUAL))
}

/** A table no wider than `width`: what is longer goes on below, by the word, in its own column. */
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

/** Rows may be more than a call has arguments. */
export function greatest<T>(rows: readonly T[], size: (row: T) => number): number {
  return rows.reduce((most, row) => Math.max(most, size(row)), 0)
}

/** A text by the word, in lines no longer than `width`; longer words are cut. */
export function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of escapeControls(text)
    .split(' ')
    .flatMap(word => pieces(word, width))) {
    const last = lines.at(-1)!
    if (last === '') lines[lines.length - 1] = word
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Cut behind a sign in the last half of a line, if there is one there. */
function pieces(word: string, width: number): string[] {
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

/** As wide as they like, if all find room; else the widest give way to the others. */
function fit(natural: readonly number[], room: number): number[] {
  let cap = Math.max(...natural)
  const total = (): number => natural.reduce((sum, width) => sum + Math.min(width, cap), 0)
  while (total() > room && cap > LEAST) cap--
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
