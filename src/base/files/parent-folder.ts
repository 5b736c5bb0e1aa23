import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Creates the folder of a file, and missing folders above it. One by one, since Node's recursive `mkdir`
 * never returns on a file system that cannot create folders and reports ENOENT, such as /proc.
 *
 * Throws the system's error if it fails.
 */
export function createParentFolder(file: string, mode?: number): void {
  const folder = dirname(resolve(file))
  if (existsSync(folder)) return
  createParentFolder(folder, mode)
  try {
    mkdirSync(folder, mode)
  } catch (error) {
    // Another process may have created it meanwhile.
    if (!existsSync(folder)) throw error
  }
}
