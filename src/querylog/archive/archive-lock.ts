import { setTimeout as after } from 'node:timers/promises'
import { failure, InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { lockFolder } from '../record/lock.js'
import type { LogLayout } from './log-layout.js'

/** How long another is waited for, and how often it is looked. */
const LOCK_TIMEOUT: Milliseconds = 30 * MS_PER_SECOND
const RETRY_INTERVAL: Milliseconds = 100

/**
 * Does something with the closed files of a query log and with its chain while nobody else does: the
 * gateway's own process, or a command.
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
