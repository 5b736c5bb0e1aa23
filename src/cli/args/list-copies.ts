import { failure } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { lockFolder } from '../../querylog/record/lock.js'
import { ZoneCopies, zoneCopiesFolder } from '../../sources/axfr/zone-copies.js'
import { ListCopies, listCopiesFolder } from '../../sources/http/list-copies.js'

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
 * Locks the copies of lists and zones, so that two commands do not overwrite each other's state. A
 * folder that cannot be written is reported by the first write to it.
 *
 * @returns a function that unlocks
 * @throws InterdictError REMOTE_BUSY
 */
export function lockListCopies({ state }: Config): () => void {
  const folder = listCopiesFolder(state.folder)
  const unlock = lockFolder(folder, holder => failure('REMOTE_BUSY', folder, holder), FOLDER_MODE)
  return unlock ?? (() => undefined)
}
