import { tame } from '../log/terminal-line.js'
import { paint, type Paint } from './paint.js'

/** Columns of a terminal that what we print is made for. */
const COLUMNS = 100
/** Columns of what stands before the lines of a section, and between the columns of a table. */
const LABEL = 13
const GAP = 2
const MARGIN = ' '.repeat(LABEL)
/** Columns of a table, from the first, that have words in them and not figures. */
const WORDS = 2

/** A text, and its colour if it has one. */
export type Painted = string | readonly [how: Paint, text: string]

/** Lines behind a label; long ones go on below, by the word. */
export function section(label: string, lines: readonly Painted[]): string[] {
  return lines
    .flatMap(line => wrap(line, COLUMNS - LABEL))
    .map((line, i) => (i === 0 ? paint('bold', label.padEnd(LABEL)) : MARGIN) + painted(line))
}

/**
 * Rows below a head; the first columns are at the left, the others at the right. A row of one cell
 * may be as long as it likes.
 */
export function table(head: readonly string[], rows: readonly (readonly Painted[])[]): string[] {
  const all = [head.map((text): Painted => ['bold', text]), ...rows]
  const whole = all.filter(row => row.length > 1)
  const widths = head.map((_, i) => Math.max(...whole.map(row => textOf(row[i] ?? '').length)))
  return all.map(row =>
    row
      .map((cell, i) => {
        const text = textOf(cell)
        const wide = i < WORDS ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)
        return painted(withText(cell, wide))
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  )
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
  return tame(typeof line === 'string' ? line : line[1])
}

function withText(line: Painted, text: string): Painted {
  return typeof line === 'string' ? text : [line[0], text]
}

function painted(line: Painted): string {
  return typeof line === 'string' ? line : paint(...line)
}
