import { InterdictError } from '../base/error.js'
import { tame } from '../querylog/record/terminal-line.js'

/** What a process says when it ends: the same for every command. */
export const EXIT = {
  /** All is well. */
  fine: 0,
  /** It found something: errors in files, a server that does not answer, a port in use. */
  found: 1,
  /** It was called with words that it does not know. */
  usage: 2
} as const

/**
 * Ends the process when all that it has said is taken: a pipe holds 64 KiB, and what waits for who
 * reads it would be lost.
 */
export async function end(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>(resolve => stream.write('', () => resolve()))
  }
  process.exit(code)
}

/** Ends the process: it was called with words that it does not know. */
export function usage(message: string): never {
  process.stderr.write(`error: ${message}\n`)
  process.exit(EXIT.usage)
}

/** DuckDB says what is wrong in several lines, and points at it; no other error has a line's end. */
const IN_LINES = 'ARCHIVE_SQL'

/** Ends the process after an error: one line for what we foresaw, the whole stack for what not. */
export function fail(error: unknown): never {
  if (error instanceof InterdictError) {
    const lines = error.code === IN_LINES ? error.message.split('\n') : [error.message]
    process.stderr.write(`${lines.map(tame).join('\n')} (${error.code})\n`)
    process.exit(EXIT.found)
  }
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`
  )
  process.exit(EXIT.found)
}
