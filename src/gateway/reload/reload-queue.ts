import type { Milliseconds } from '../../base/units.js'
import type { Timers } from '../../base/time/timers.js'
import type { ReloadReason } from './reload-reporter.js'

/**
 * A reload that takes longer is reported: something it reads hangs, such as a network file system. A
 * million names take a few seconds.
 */
export const STUCK_AFTER: Milliseconds = 60_000

export interface ReloadQueueOptions {
  /** Must not fail. @param readsSettings whether to read the settings first */
  readonly reload: (reason: ReloadReason, readsSettings: boolean) => Promise<void>
  /** Called when the reload that began at this wall-clock time takes too long; it may take however long. */
  readonly stuck: (reason: ReloadReason, since: Milliseconds) => void
  readonly ended: () => void
  readonly timers: Timers
}

/**
 * Runs one reload at a time. Requests that come during a reload share one more: the one that follows it and
 * sees all their changes.
 */
export class ReloadQueue {
  /** The reload in progress, or the last one. */
  current: Promise<void> = Promise.resolve()
  /** The reload that follows the current one. */
  private next: { reason: ReloadReason; readonly done: Promise<void> } | undefined
  /** Whether the next reload reads the settings first. */
  private readsSettings = false

  private closed = false

  constructor(private readonly options: ReloadQueueOptions) {}

  /** Resolves when a reload has ended that began after this call. */
  add(reason: ReloadReason): Promise<void> {
    this.readsSettings ||= reason === 'SIGHUP' || reason === 'settings changed'
    const { next } = this
    if (next === undefined) {
      const done = this.current.then(() => this.run())
      this.next = { reason, done }
      return done
    }
    // The operator asked for it, so the result is logged whatever else caused the reload. And changed
    // settings alone need no reading of the rules.
    if (reason === 'SIGHUP' || reason === 'request' || next.reason === 'settings changed')
      next.reason = reason
    return next.done
  }

  /** Begins no reload any more. */
  close(): void {
    this.closed = true
  }

  /** A method, since the compiler would take a property for still false after an await. */
  isClosed(): boolean {
    return this.closed
  }

  private async run(): Promise<void> {
    const { reason, done } = this.next!
    this.current = done
    this.next = undefined
    if (this.closed) return
    const { reload, stuck, ended, timers } = this.options
    const { readsSettings } = this
    this.readsSettings = false
    const started = Date.now()
    const timer = timers.after(STUCK_AFTER, () => stuck(reason, started))
    await reload(reason, readsSettings)
    timer.cancel()
    ended()
  }
}
