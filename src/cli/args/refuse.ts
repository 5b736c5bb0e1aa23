import type { Trouble } from '../../daemon/threads/messages.js'
import { tame } from '../../querylog/record/terminal-line.js'
import { EXIT } from '../exit.js'

/** Prints what is wrong, one line each, as a compiler would, and ends the process. */
export function refuse(troubles: readonly Trouble[]): never {
  for (const { code, message } of troubles) process.stderr.write(`${tame(message)} (${code})\n`)
  if (troubles.length > 1) process.stderr.write(`${troubles.length} errors\n`)
  process.exit(EXIT.found)
}
