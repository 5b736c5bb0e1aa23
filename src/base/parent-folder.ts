import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Makes the folder that a file is to be in, and those above it, where they are not there yet. One
 * by one, since Node's own recursive `mkdir` never returns where a file system makes no folders
 * and says ENOENT to it, as /proc does.
 *
 * Throws the system's error when it cannot.
 */
export function createParentFolder(file: string, mode?: number): void {
  const folder = dirname(resolve(file))
  if (existsSync(folder)) return
  createParentFolder(folder, mode)
  try {
    mkdirSync(folder, mode)
  } catch (error) {
    // Somebody else may have made it just now.
    if (!existsSync(folder)) throw error
  }
}
