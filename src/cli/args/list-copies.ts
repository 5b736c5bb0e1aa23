import { failure, InterdictError } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { FolderLock } from '../../querylog/record/folder-lock.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { ZoneCopies, zoneCopiesFolder } from '../../sources/axfr/zone-copies.js'
import { ListCopies, listCopiesFolder } from '../../sources/http/list-copies.js'
import type { Io } from '../io.js'

/** Readable by the owner alone, like everything in the state folder. */
const FOLDER_MODE = 0o700

/** Downloaded copies of lists. */
export const listCopies = ({ state }: Config): ListCopies =>
  new ListCopies(listCopiesFolder(state.folder))

/** Transferred copies of zones. */
export const zoneCopies = ({ state }: Config): ZoneCopies =>
  new ZoneCopies(zoneCopiesFolder(state.folder))

/** All copies, and the current time. */
export function listState(config: Config) {
  return { copies: listCopies(config), zones: zoneCopies(config), now: Date.now() }
}

/**
 * Locks the copies of lists and zones, so that two commands do not overwrite each other's state. Where
 * the file system has no locks, a warning goes to standard error.
 *
 * @throws InterdictError REMOTE_BUSY
 */
export async function lockListCopies({ state }: Config, { stderr }: Io): Promise<FolderLock> {
  const folder = listCopiesFolder(state.folder)
  const lockedError = (holder: string) => failure('REMOTE_BUSY', folder, holder)
  const lock = new FolderLock({ folder, lockedError, mode: FOLDER_MODE })
  try {
    await lock.acquire()
  } catch (error) {
    if (!(error instanceof InterdictError) || error.code !== 'LOCK_UNAVAILABLE') throw error
    stderr.write(`${escapeControls(error.message)} (${error.code})\n`)
  }
  return lock
}
