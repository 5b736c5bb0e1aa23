import { failure } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { lockFolder } from '../../querylog/record/lock.js'
import { copiesFolder } from '../../sources/http/copies.js'

/** For its owner alone, as all that is kept. */
const FOLDER_MODE = 0o700

/**
 * Takes the copies of lists and zones for this command, until the process ends: two that change
 * them at once would each write what the other has just found out. Where nothing can be written,
 * whoever writes says so.
 *
 * @throws InterdictError REMOTE_BUSY
 */
export function lockLists({ state }: Config): () => void {
  const folder = copiesFolder(state.folder)
  const release = lockFolder(folder, holder => failure('REMOTE_BUSY', folder, holder), FOLDER_MODE)
  return release ?? (() => undefined)
}
