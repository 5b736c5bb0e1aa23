import { setTimeout as after } from 'node:timers/promises'
import { failure, InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { lockFolder } from '../record/lock.js'
import type { LogLayout } from './log-layout.js'

/** How long to wait for another process, and how often to check. */
const LOCK_TIMEOUT: Milliseconds = 30 * MS_PER_SECOND
const RETRY_INTERVAL: Milliseconds = 100

/**
 * Runs `work` while no other process, neither the gateway nor a command, works on the closed files
 * and the chain of a query log.
 *
 * @throws InterdictError ARCHIVE_BUSY; what `work` throws
 */
export async function withArchiveLock<T>(
  { archiveFolder: archive }: LogLayout,
  work: () => Promise<T>,
  timeout = LOCK_TIMEOUT
): Promise<T> {
  const until = performance.now() + timeout
  for (;;) {
    try {
      const release = lockFolder(archive, holder => failure('ARCHIVE_BUSY', archive, holder))
      try {
        return await work()
      } finally {
        release?.()
      }
    } catch (error) {
      const isBusy = error instanceof InterdictError && error.code === 'ARCHIVE_BUSY'
      if (!isBusy || performance.now() >= until) throw error
    }
    await after(RETRY_INTERVAL)
  }
}
