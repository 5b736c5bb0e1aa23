import { CommanderError } from 'commander'
import { InterdictError } from '../base/error.js'
import { tame } from '../log/terminal-line.js'

/** What a process says when it ends: the same for every command. */
export const EXIT = {
  /** All is well. */
  fine: 0,
  /** It found something: errors in files, a server that does not answer, a port in use. */
  found: 1,
  /** It was called with words that it does not know. */
  usage: 2
} as const

/** Ends the process: it was called with words that it does not know. */
export function usage(message: string): never {
  process.stderr.write(`error: ${message}\n`)
  process.exit(EXIT.usage)
}

/** Ends the process after an error: one line for what we foresaw, the whole stack for what not. */
export function fail(error: unknown): never {
  if (error instanceof CommanderError) {
    process.exit(error.exitCode === 0 ? EXIT.fine : EXIT.usage)
  }
  if (error instanceof InterdictError) {
    process.stderr.write(`${tame(error.message)} (${error.code})\n`)
    process.exit(EXIT.found)
  }
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`
  )
  process.exit(EXIT.found)
}
