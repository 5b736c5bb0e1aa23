import { statSync } from 'node:fs'
import { MAX_SECRET_FILE, readBoundedFileSync } from './bounded-file.js'

/** Write access of the group, and any access of others. */
const FORBIDDEN = 0o027

/**
 * The text of a file that only its owner may write and only owner and group may read, without white space at
 * both ends. Throws an error whose message says what is wrong.
 */
export function readSecretText(file: string): string {
  const { mode } = statSync(file)
  if ((mode & FORBIDDEN) !== 0)
    throw new Error(`mode ${(mode & 0o777).toString(8)} is too open; make it 600 or 640`)
  return readBoundedFileSync(file, MAX_SECRET_FILE).toString().trim()
}
