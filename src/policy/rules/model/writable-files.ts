import { stat } from 'node:fs/promises'
import { failureAt, type InterdictError } from '../../../base/errors/error.js'

/** Permission of all users but the owner and the group to write: chmod(2). */
const OTHERS_WRITE = 0o002

/**
 * A warning of files and folders of rules that every user of this machine may change. Missing ones do not
 * matter.
 *
 * @param files paths
 */
export async function warnAboutWritableFiles(files: readonly string[]): Promise<InterdictError[]> {
  // Windows has no such permissions, and Node makes them up.
  if (process.platform === 'win32') return []
  const modes = await Promise.all(files.map(file => stat(file).then(modeOf, () => 0)))
  const open = files.filter((_, i) => (modes[i]! & OTHERS_WRITE) !== 0).sort()
  const [first, ...more] = open
  if (first === undefined) return []
  const position = { file: first, line: 1, column: 1 }
  return [failureAt(position, 'RULES_WRITABLE', more.length)]
}

const modeOf = ({ mode }: { readonly mode: number }): number => mode
