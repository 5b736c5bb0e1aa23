import { InterdictError } from '../../base/errors/error.js'

/**
 * SQL of a condition that the user wrote, to be put behind one line of SQL. It has lines of its own: a comment at its
 * end hides nothing, and DuckDB shows the wrong line without our SQL around it.
 */
export function bracketed(condition: string): string {
  return `(\n${condition}\n)`
}

/** What DuckDB appends to a message: the number of a line, as much of it as fits, and a mark below. */
const PLACE = /^(LINE (\d+): )(.*)\n( *)\^/m
/** What follows the condition, in a message about a string or comment without an end. */
const OURS = /\n\).*"(?=\n\nLINE )/s
/** What DuckDB found instead of the rest of the condition. */
const BRACKET = 'at or near ")"'

/** What is shown of a long line, as DuckDB does. */
const SHOWN = 72

/** An error of a query with `bracketed(condition)`; its place is named as one in the option `--where`. */
export function conditionError(error: unknown, condition: string): unknown {
  if (!(error instanceof InterdictError) || error.code !== 'ARCHIVE_SQL') return error
  const message = error.message.replace(OURS, '"')
  const found = PLACE.exec(message)
  if (found === null) return error
  const lines = condition.split('\n')
  const [all, label = '', number, shown = '', indent = ''] = found
  const line = Number(number) - 1
  if (line > lines.length) {
    const last = lines.at(-1)!
    const end = last.length > SHOWN ? `...${last.slice(-SHOWN)}` : last
    return placed(message.replace(BRACKET, 'at the end'), lines.length, end, end.length)
  }
  return placed(message, line, shown, indent.length - label.length)

  function placed(text: string, line: number, shown: string, column: number): InterdictError {
    const label = lines.length === 1 ? '--where: ' : `--where, line ${line}: `
    const place = `${label}${shown}\n${' '.repeat(label.length + column)}^`
    return new InterdictError(
      'ARCHIVE_SQL',
      text.replace(all, () => place)
    )
  }
}
