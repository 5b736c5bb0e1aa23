import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { print, withoutColours, type Io } from '../io.js'
import { terminalWidth } from './columns.js'

/** Width of lines for the file of `--output`, or for standard output. */
export function outputWidth(file: string | undefined, { stdout }: Io): number {
  return file === undefined ? terminalWidth(stdout) : Infinity
}

/**
 * Writes to the file of `--output`, or without one to standard output. A file that is there stays if it cannot be
 * replaced completely.
 *
 * @throws InterdictError CLI_OUTPUT
 */
export function writeOutput(content: string | Uint8Array, file: string | undefined, io: Io): void {
  if (file === undefined) {
    print(io, content.toString())
    return
  }
  try {
    writeFileAtomic(file, typeof content === 'string' ? withoutColours(content) : content)
  } catch (error) {
    throw failure('CLI_OUTPUT', file, reasonOf(error))
  }
}
