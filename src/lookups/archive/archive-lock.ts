import { setTimeout as after } from 'node:timers/promises'
import { failure, InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { FolderLock } from '../files/folder-lock.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { LogLayout } from '../files/log-layout.js'

/** How long to wait for another process, and how often to check. */
const LOCK_TIMEOUT: Milliseconds = 30 * MS_PER_SECOND
const RETRY_INTERVAL: Milliseconds = 100

/**
 * Runs `work` while no other process, neither the gateway nor a command, works on the closed files
 * and the chain of a query log. Where the file system has no locks, a warning is logged.
 *
 * @throws InterdictError ARCHIVE_BUSY; what `work` throws
 */
export async function withArchiveLock<T>(
  { archiveFolder: folder }: LogLayout,
  log: ServiceLog,
  work: () => Promise<T>,
  timeout = LOCK_TIMEOUT
): Promise<T> {
  const lockedError = (holder: string) => failure('ARCHIVE_BUSY', folder, holder)
  const lock = new FolderLock({ folder, lockedError })
  const until = performance.now() + timeout
  while (!(await tryLock(lock, log))) {
    if (performance.now() >= until) await lock.acquire()
    else await after(RETRY_INTERVAL)
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}

/** @returns whether to go on; false: another process has the lock */
async function tryLock(lock: FolderLock, log: ServiceLog): Promise<boolean> {
  try {
    await lock.acquire()
    return true
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    if (error.code !== 'ARCHIVE_BUSY') log.warn({ code: error.code }, error.message)
    return error.code !== 'ARCHIVE_BUSY'
  }
}
