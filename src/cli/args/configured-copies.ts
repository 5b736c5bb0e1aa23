import { failure } from '../../base/errors/error.js'
import type { Config } from '../../gateway/config/config.js'
import type { FolderLock } from '../../lookups/files/folder-lock.js'
import { ZoneCopies, zoneCopiesFolder } from '../../sources/axfr/zone-copies.js'
import { ListCopies, listCopiesFolder } from '../../sources/http/list-copies.js'
import type { Io } from '../io.js'
import { lockStateFolder } from './lock-folder.js'

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
 * Locks the copies of lists and zones, so that two commands do not overwrite each other's state.
 *
 * @throws InterdictError REMOTE_BUSY
 */
export function lockListCopies({ state }: Config, io: Io): Promise<FolderLock> {
  const folder = listCopiesFolder(state.folder)
  const lockedError = (holder: string) => failure('REMOTE_BUSY', folder, holder)
  return lockStateFolder({ folder, lockedError }, io)
}
