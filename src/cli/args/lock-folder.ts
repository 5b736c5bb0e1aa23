import { InterdictError } from '../../base/errors/error.js'
import { FolderLock, type LockRequest } from '../../lookups/files/folder-lock.js'
import { escapeControls } from '../../base/log/terminal-line.js'
import type { Io } from '../io.js'

/** Readable by the owner alone, like everything in the state folder. */
const FOLDER_MODE = 0o700

/**
 * Locks a folder below the state folder, so that two commands do not do the same at the same time. Where the file
 * system has no locks, a warning goes to standard error.
 *
 * @throws InterdictError that of `lockedError`
 */
export async function lockStateFolder(request: LockRequest, { stderr }: Io): Promise<FolderLock> {
  const lock = new FolderLock({ mode: FOLDER_MODE, ...request })
  try {
    await lock.acquire()
  } catch (error) {
    if (!(error instanceof InterdictError) || error.code !== 'LOCK_UNAVAILABLE') throw error
    stderr.write(`${escapeControls(error.message)} (${error.code})\n`)
  }
  return lock
}
