import { statSync } from 'node:fs'

/** Permission bits of all users but the owner and the group: chmod(2). */
const OTHERS = 0o007

/** True if every user of this machine has access to a regular file; false if it is missing. */
export function isOpenToOthers(file: string): boolean {
  try {
    const stats = statSync(file)
    return stats.isFile() && (stats.mode & OTHERS) !== 0
  } catch {
    return false
  }
}
