/** An error or warning of `interdict check`. */
export interface CheckProblem {
  readonly code: string
  readonly message: string
  readonly file?: string
  readonly line?: number
  readonly column?: number
}

/** A problem at a place in a rule file. */
export interface PlacedProblem {
  readonly file: string
  /** Both count from 1. */
  readonly line: number
  readonly column: number
  readonly severity: 'error' | 'warning'
  readonly code: string
  /** Without the position. */
  readonly message: string
}

/** Problems that have a position; others concern no line. */
export function placedProblems(check: {
  readonly errors: readonly CheckProblem[]
  readonly warnings: readonly CheckProblem[]
}): readonly PlacedProblem[] {
  const placed =
    (severity: 'error' | 'warning') =>
    ({ code, message, file, line, column }: CheckProblem): PlacedProblem[] => {
      if (file === undefined || line === undefined || column === undefined) return []
      const position = `${file}:${line}:${column}: `
      const text = message.startsWith(position) ? message.slice(position.length) : message
      return [{ ...{ file, line, column, severity, code }, message: text }]
    }
  return [...check.errors.flatMap(placed('error')), ...check.warnings.flatMap(placed('warning'))]
}

/** The word at a position, of at least one character where the line has one: `end` is exclusive. */
export function rangeOf(line: string, column: number): readonly [start: number, end: number] {
  const start = Math.min(Math.max(column - 1, 0), Math.max(line.length - 1, 0))
  const word = /^(?:"[^"]*"|'[^']*'|[^\s,\]}#]+)/.exec(line.slice(start))?.[0].length ?? 1
  return [start, Math.min(line.length, start + word)]
}
