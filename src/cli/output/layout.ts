import { escapeControls } from '../../querylog/record/terminal-line.js'
import { paint, type Paint } from '../io.js'

/** Columns of a terminal that what we print is made for; a narrower one gets shorter lines. */
const COLUMNS = 100

/** Columns of what stands before the lines of a section, and between the columns of a table. */
const LABEL = 13
const GAP = 2
const MARGIN = ' '.repeat(LABEL)
/** Columns of a table, from the first, that have words in them and not figures. */
const WORDS = 2
/** Columns of what is left of texts that are cut. */
const NARROWEST = 8

/** A text, and its colour if it has one. */
export type Painted = string | readonly [how: Paint, text: string]

/** Lines behind a label; long ones go on below, by the word. */
export function section(
  label: string,
  lines: readonly Painted[],
  columns: number | undefined
): string[] {
  return lines
    .flatMap(line => wrap(line, Math.min(COLUMNS, columns ?? COLUMNS) - LABEL))
    .map((line, i) => (i === 0 ? paint('bold', label.padEnd(LABEL)) : MARGIN) + painted(line))
}

/**
 * Rows below a head; the first columns are at the left, the others at the right. A row of one cell
 * may be as long as it likes.
 *
 * @param words how many columns, from the first, have words in them and not figures
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly Painted[])[],
  words = WORDS
): string[] {
  const all = [head.map((text): Painted => ['bold', text]), ...rows]
  const whole = all.filter(row => row.length > 1)
  const widths = head.map((_, i) => Math.max(...whole.map(row => textOf(row[i] ?? '').length)))
  return all.map(row =>
    row
      .map((cell, i) => {
        const text = textOf(cell)
        const wide = i < words ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)
        return painted(withText(cell, wide))
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  )
}

/**
 * The cells of some columns cut, so that a table fits the terminal. What is not for a terminal is
 * left as it is.
 *
 * @param cuttable numbers of the columns whose texts may lose their end
 */
export function fit(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  cuttable: readonly number[],
  columns = Infinity
): string[][] {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => row[i]!.length)))
  const over = (): number => widths.reduce((sum, width) => sum + width + GAP, -GAP) - columns
  while (over() > 0) {
    const widest = cuttable.reduce((a, b) => (widths[b]! > widths[a]! ? b : a))
    if (widths[widest]! <= NARROWEST) break
    widths[widest]!--
  }
  return rows.map(row => row.map((text, i) => cut(text, widths[i]!)))
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

function wrap(line: Painted, width: number): Painted[] {
  const lines = ['']
  for (const word of textOf(line).split(' ')) {
    const last = lines.at(-1)!
    if (last === '') lines[lines.length - 1] = word
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map(text => withText(line, text))
}

/** As a terminal shows it, and never as an order to it. */
function textOf(line: Painted): string {
  return escapeControls(typeof line === 'string' ? line : line[1])
}

function withText(line: Painted, text: string): Painted {
  return typeof line === 'string' ? text : [line[0], text]
}

function painted(line: Painted): string {
  return typeof line === 'string' ? line : paint(...line)
}
