import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { failure, InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { SPOOL_MODE } from '../export/spool.js'
import { FolderLock, type LockRequest } from '../files/folder-lock.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { RecorderInit } from './log-messages.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'

/** How often the locks are checked: as often as the query log is checked for deletion. */
const CHECK_INTERVAL: Milliseconds = MS_PER_SECOND

type LockSettings = Pick<RecorderInit, 'settings' | 'outputs'>

interface HeldLock {
  readonly lock: FolderLock
  readonly folder: string
}

/** Locks acquired for settings that are not in force yet. */
export interface PreparedLocks {
  /** Why they cannot be acquired; then none is held for them. */
  readonly errors: readonly SerializedError[]
  /** The settings are in force: releases what only the previous ones need. */
  commit(): void
  /** The settings are not used. */
  discard(): void
}

/**
 * Locks of the folders that a gateway writes to: the state folder, the query log folder and the spool folders of its
 * outputs.
 * A lock that is deleted, with its folder or alone, is acquired again.
 */
export class LogLocks {
  private locks: readonly HeldLock[] = []
  /** The code of the last error of each lock that is not held. */
  private readonly reported = new Map<FolderLock, string>()
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly init: LockSettings,
    private readonly log: ServiceLog,
    private readonly state?: string
  ) {}

  /**
   * Acquires all locks. Where the file system has no locks, or other machines can use it as well, a
   * warning is logged.
   *
   * @returns the errors that prevent the start: STATE_LOCKED, LOG_LOCKED, OUTPUT_LOCKED; then no lock is held
   */
  async acquire(): Promise<readonly SerializedError[]> {
    const { locks, errors } = await this.acquireAll(this.requestsFor(this.init))
    if (errors.length > 0) return errors
    this.locks = locks
    this.checkLater()
    return []
  }

  /** Acquires the locks that other settings need, in addition to those that are held. */
  async prepare(settings: LockSettings): Promise<PreparedLocks> {
    const wanted = this.requestsFor(settings)
    const isHeld = ({ folder }: LockRequest) => this.locks.some(one => one.folder === folder)
    const { locks, errors } = await this.acquireAll(wanted.filter(request => !isHeld(request)))
    return {
      errors,
      commit: () => {
        const isWanted = ({ folder }: HeldLock) => wanted.some(one => one.folder === folder)
        for (const { lock } of this.locks.filter(one => !isWanted(one))) lock.release()
        this.locks = [...this.locks.filter(isWanted), ...locks]
      },
      discard: () => {
        for (const { lock } of locks) lock.release()
      }
    }
  }

  release(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    for (const { lock } of this.locks) lock.release()
    this.locks = []
  }

  /** The state folder may also contain the query log. */
  private requestsFor(settings: LockSettings): readonly LockRequest[] {
    const requests = lockRequests(settings)
    const { state: folder } = this
    if (folder === undefined) return requests
    const lockedError = (holder: string) => failure('STATE_LOCKED', folder, holder)
    return [{ folder, lockedError }, ...requests.filter(one => one.folder !== folder)]
  }

  /** @returns the locks, none if there are errors */
  private async acquireAll(requests: readonly LockRequest[]) {
    const locks: HeldLock[] = []
    const errors: SerializedError[] = []
    for (const request of requests) {
      const { folder } = request
      const lock = new FolderLock(request)
      locks.push({ lock, folder })
      try {
        await lock.acquire()
      } catch (error) {
        if (error instanceof InterdictError && error.code === 'LOCK_UNAVAILABLE') {
          this.report(lock, folder, error)
        } else errors.push(serializeError(error))
      }
      const shared = await lock.sharedFileSystem()
      if (shared !== undefined) this.warn(folder, failure('LOCK_SHARED', folder, shared))
    }
    if (errors.length > 0) for (const { lock } of locks.splice(0)) lock.release()
    return { locks, errors }
  }

  private checkLater(): void {
    this.timer = setTimeout(() => void this.check(), CHECK_INTERVAL)
    this.timer.unref()
  }

  private async check(): Promise<void> {
    for (const { lock, folder } of [...this.locks]) {
      try {
        if (!(await lock.acquire())) continue
        this.reported.delete(lock)
        this.log.warn({ folder }, `lock of ${folder} was missing; locked again`)
      } catch (error) {
        this.report(lock, folder, error)
      }
    }
    if (this.timer !== undefined) this.checkLater()
  }

  /** Logs an error once, until it changes. */
  private report(lock: FolderLock, folder: string, error: unknown): void {
    const { code } = serializeError(error)
    if (this.reported.get(lock) === code) return
    this.reported.set(lock, code)
    this.warn(folder, error)
  }

  private warn(folder: string, error: unknown): void {
    const { code, message } = serializeError(error)
    this.log.warn({ code, folder }, message)
  }
}

function lockRequests({ settings, outputs }: LockSettings): LockRequest[] {
  const requests = outputs.map(({ name, spool: { folder } }): LockRequest => {
    const lockedError = (holder: string) => failure('OUTPUT_LOCKED', name, folder, holder)
    return { folder, lockedError, mode: SPOOL_MODE }
  })
  const folder = dirname(settings.path)
  const lockedError = (holder: string) => failure('LOG_LOCKED', folder, holder)
  const needsLog = settings.which !== 'none' && mayBeFile(settings.path)
  return needsLog ? [{ folder, lockedError }, ...requests] : requests
}

/** A pipe or device has no folder to lock. */
function mayBeFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() !== false
  } catch {
    // Opening the log will report the error.
    return false
  }
}
