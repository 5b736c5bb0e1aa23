/** A line of a file, without its line break. */
export interface TextLine {
  readonly text: string
  /** Offset of its first character in the file. */
  readonly offset: number
}

/** Longer lines are cut for the search of mistakes, which can take time quadratic in their length. */
export const MAX_SEARCHED = 1000

/** The lines of a file. Only needed to explain errors. */
export function textLines(text: string): readonly TextLine[] {
  const lines: TextLine[] = []
  let offset = 0
  for (const line of text.split('\n')) {
    lines.push({ text: line.endsWith('\r') ? line.slice(0, -1) : line, offset })
    offset += line.length + 1
  }
  return lines
}

/** Index of the line that contains `offset`. */
export function lineAt(lines: readonly TextLine[], offset: number): number {
  let [low, high] = [0, lines.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (lines[middle]!.offset <= offset) low = middle
    else high = middle - 1
  }
  return low
}

/** A mistake in a file: where it is, and what is wrong. */
export interface Cause {
  readonly offset: number
  readonly problem: string
}

/** `; likewise in 3 more lines`, or an empty string. */
export function moreLines(count: number): string {
  return count === 0 ? '' : `; likewise in ${count} more ${count === 1 ? 'line' : 'lines'}`
}
