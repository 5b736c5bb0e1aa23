import type { SerializedError } from '../../base/errors/serialized-error.js'
import { escapeControls } from '../../base/log/terminal-line.js'
import { paint, type Colour } from '../io.js'
import { formatNumber } from './format.js'

/** Width of lines on a terminal; narrower terminals get shorter lines. */
const COLUMNS = 100

/** Width of the labels of sections, and of the gap between table columns. */
const LABEL = 13
const GAP = 2
const MARGIN = ' '.repeat(LABEL)
/** Number of left-aligned table columns, which come first. */
const TEXT_COLUMNS = 2
/** Truncated texts keep at least this width. */
const NARROWEST = 8

/** A text with an optional colour. */
export type StyledText = string | readonly [how: Colour, text: string]

/**
 * Lines behind a label; long ones are wrapped on a terminal.
 *
 * @param columns of the terminal; other output has lines of any length
 */
export function section(label: string, lines: readonly StyledText[], columns = Infinity): string[] {
  const width = Number.isFinite(columns) ? Math.min(COLUMNS, columns) : Infinity
  return lines
    .flatMap(line => wrap(line, width - LABEL))
    .map((line, i) => (i === 0 ? paint('bold', label.padEnd(LABEL)) : MARGIN) + painted(line))
}

/**
 * A table. The first columns are left-aligned, the others right-aligned. A row of a single cell may be
 * of any length.
 *
 * @param textColumns number of left-aligned columns
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly StyledText[])[],
  textColumns = TEXT_COLUMNS
): string[] {
  const all = [head.map((text): StyledText => ['bold', text]), ...rows]
  const whole = all.filter(row => row.length > 1)
  const widths = head.map((_, i) => Math.max(...whole.map(row => textOf(row[i] ?? '').length)))
  return all.map(row =>
    row
      .map((cell, i) => {
        const text = textOf(cell)
        const wide = i < textColumns ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)
        return painted(withText(cell, wide))
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  )
}

/**
 * Truncates cells so that a table fits the terminal. Output that goes elsewhere keeps its texts.
 *
 * @param cuttable indexes of the columns whose texts may be truncated
 * @param columns of the terminal
 */
export function fit(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  cuttable: readonly number[],
  columns = Infinity
): string[][] {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => row[i]!.length)))
  const excess = (): number => widths.reduce((sum, width) => sum + width + GAP, -GAP) - columns
  while (excess() > 0) {
    const widest = cuttable.reduce((a, b) => (widths[b]! > widths[a]! ? b : a))
    if (widths[widest]! <= NARROWEST) break
    widths[widest]!--
  }
  return rows.map(row => row.map((text, i) => cut(text, widths[i]!)))
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

function wrap(line: StyledText, width: number): StyledText[] {
  const lines = ['']
  for (const word of textOf(line).split(' ')) {
    const last = lines.at(-1)!
    if (last === '') lines[lines.length - 1] = word
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map(text => withText(line, text))
}

/** Control characters are escaped, so that a terminal cannot interpret them. */
function textOf(line: StyledText): string {
  return escapeControls(typeof line === 'string' ? line : line[1])
}

function withText(line: StyledText, text: string): StyledText {
  return typeof line === 'string' ? text : [line[0], text]
}

function painted(line: StyledText): string {
  return typeof line === 'string' ? line : paint(...line)
}

/** The first errors, and the number of further ones. */
export function errorLines(result: {
  readonly errors: number
  readonly first: readonly SerializedError[]
}): StyledText[] {
  const more = result.errors - result.first.length
  return [
    ...result.first.map(({ code, message }): StyledText => `${message} (${code})`),
    ...(more > 0 ? [`and ${formatNumber(more)} more; see the service log`] : [])
  ]
}
