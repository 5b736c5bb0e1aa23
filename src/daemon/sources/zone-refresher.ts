import type { Clock } from '../../base/clock.js'
import { failure } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { TransfersConfig } from '../../config/config.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { NotifyRules } from '../../resolver/notify-handler.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import { zoneExpiry, nextZoneRefresh } from '../../sources/axfr/refresh-timers.js'
import type { PrimaryFailure, Primary } from '../../sources/axfr/primary.js'
import type { ZoneUpdate } from '../../sources/axfr/update-zone.js'
import type { ZoneCopies } from '../../sources/axfr/zone-copies.js'
import type { Timer, Timers } from '../../upstream/timers.js'
import type { TransferInit } from '../threads/messages.js'
import type { StartThread, Thread } from '../threads/thread.js'

/** Timers take no more than 24 days, and the clock may be set while we wait. */
const MAX_TIMER: Milliseconds = 3_600_000
/** What a thread that died is followed by after, and a primary that failed: doubled each time. */
const FIRST_RETRY: Milliseconds = 60_000
const MAX_RETRY: Milliseconds = 3_600_000
/** Who notifies of nothing new, or in the name of a primary, is heard this often. */
const NOTIFY_PAUSE: Milliseconds = 1_000

/** What a task needs of those that look after all zones. */
export interface ZoneRefresherOptions extends ZoneTransfersOptions {
  readonly copies: ZoneCopies
  /** Primaries of this zone, in the order in which they are asked. */
  readonly primaries: () => readonly Primary[]
  /** Calls when there is a thread to be had. */
  readonly acquireThread: (begin: () => void) => void
  /** The thread is over. */
  readonly releaseThread: () => void
}

/**
 * Looks after one zone: has its primaries asked when that is due, or one of them notifies, by a
 * thread that is there only for that. What is known of it is in its record on disk, so that a
 * restart goes on where it was, and `interdict lists` sees it.
 */
export class ZoneRefresher {
  private timer: Timer | undefined
  private thread: Thread<never> | undefined
  private isBusy = false
  private isClosed = false
  /** Who has notified while it was busy, or a moment after. */
  private notifier: string | undefined
  /** Before this, no NOTIFY has anything asked; by time that passes. */
  private ignoreNotifyUntil: Milliseconds = -Infinity
  /** Of a thread that died; by the calendar. */
  private notBefore: Milliseconds = 0
  /** Primaries that failed: how often in a row, and until when others are asked instead. */
  private readonly failing = new Map<string, { times: number; until: Milliseconds }>()

  constructor(
    private list: TransferList,
    private readonly options: ZoneRefresherOptions
  ) {}

  /** The rules say this of it now. */
  update(list: TransferList): void {
    this.list = list
    void this.schedule()
  }

  /** A primary says that there is something newer. */
  onNotify(primary: string): void {
    this.notifier = primary
    const wait = this.ignoreNotifyUntil - this.options.clock.now()
    if (wait > 0) this.wakeAfter(wait)
    else this.startIfIdle()
  }

  /** Has the primaries asked now; resolves when that is over. @returns whether there is a newer copy */
  async refresh(): Promise<boolean> {
    return new Promise(resolve => this.start(resolve))
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
    if (this.thread === undefined) return
    void this.thread.end()
    this.options.releaseThread()
  }

  /** Sets the clock for when it is due, or begins. */
  async schedule(): Promise<void> {
    if (this.notifier !== undefined) {
      this.onNotify(this.notifier)
      return
    }
    const { copies, clock, random } = this.options
    const record = await copies.record(this.list.id, this.list.zone)
    const now = clock.wall()
    const due = Math.max(nextZoneRefresh(record, now, random), this.notBefore)
    if (due <= now) this.startIfIdle()
    else this.wakeAfter(Math.min(due - now, MAX_TIMER))
  }

  private wakeAfter(wait: Milliseconds): void {
    if (this.isClosed) return
    this.timer?.cancel()
    this.timer = this.options.timers.after(wait, () => {
      if (this.notifier === undefined) void this.schedule()
      else this.onNotify(this.notifier)
    })
  }

  private startIfIdle(): void {
    if (!this.isBusy) this.start(() => undefined)
  }

  private start(done: (isTaken: boolean) => void): void {
    if (this.isClosed || this.isBusy || this.options.primaries().length === 0) {
      done(false)
      return
    }
    this.isBusy = true
    this.timer?.cancel()
    this.options.acquireThread(() => this.startThread(done))
  }

  private startThread(done: (isTaken: boolean) => void): void {
    const { startThread, copiesFolder: folder, settings, log, clock } = this.options
    if (this.isClosed) {
      this.options.releaseThread()
      done(false)
      return
    }
    const { notifier, list } = this
    this.notifier = undefined
    const primaries = this.orderPrimaries(notifier)
    const job = { list, primaries, isNotified: notifier !== undefined }
    const { maxSize, maxTime } = settings
    const start: TransferInit = { job, folder, maxSize, maxTime }
    let update: ZoneUpdate | undefined
    this.thread = startThread<never, ZoneUpdate>('transfer-main.js', start, {
      message: said => (update = said),
      exited: error => {
        this.thread = undefined
        this.isBusy = false
        this.options.releaseThread()
        if (update === undefined) {
          this.notBefore = clock.wall() + FIRST_RETRY
          this.ignoreNotifyUntil = clock.now() + FIRST_RETRY
          const fields = { list: list.id, error: error?.message ?? 'it ended' }
          log.error(fields, 'a thread that transfers a zone died')
        } else this.onResult(update, primaries)
        done(update?.kind === 'taken')
        if (update?.kind === 'taken') this.options.onUpdate(update)
        if (this.notifier === undefined) void this.schedule()
        else this.onNotify(this.notifier)
      }
    })
  }

  /** Who notifies first; then those that are well; all of them where none is. */
  private orderPrimaries(notifier: string | undefined): readonly Primary[] {
    const now = this.options.clock.wall()
    const all = this.options.primaries()
    const isFirst = ({ id }: Primary): boolean => id === notifier
    const well = all.filter(one => isFirst(one) || (this.failing.get(one.id)?.until ?? 0) <= now)
    const asked = well.length === 0 ? all : well
    return [...asked].sort((a, b) => Number(isFirst(b)) - Number(isFirst(a)))
  }

  private onResult(update: ZoneUpdate, asked: readonly Primary[]): void {
    const { clock, log } = this.options
    const { id, zone, hasCopy } = this.list
    this.updateFailing(update.bad, asked)
    if (update.kind !== 'taken') this.ignoreNotifyUntil = clock.now() + NOTIFY_PAUSE
    const failed = update.kind === 'failed'
    for (const { primary, code, message } of failed ? [] : update.bad) {
      log.warn({ code, list: id, primary }, message)
    }
    if (update.kind === 'taken') {
      const { serial, primary, from, changes, entries } = update
      log.info({ list: id, zone, serial, primary, from, changes, entries }, 'a newer zone is here')
    }
    if (!failed) return
    const { code, message } = update.trouble
    const what = hasCopy ? 'the copy stays in force' : 'rules on it hold for no name'
    log.error({ code, list: id }, `${message}: ${what}`)
    void this.logIfExpired()
  }

  /** What is over stays in force, but nobody shall overlook it. */
  private async logIfExpired(): Promise<void> {
    const { copies, clock, log } = this.options
    const { id, zone } = this.list
    const at = zoneExpiry(await copies.record(id, zone))
    if (at === undefined || at > clock.wall()) return
    const { code, message } = failure('TRANSFER_EXPIRED', zone, new Date(at).toISOString())
    log.error({ code, list: id }, message)
  }

  private updateFailing(bad: readonly PrimaryFailure[], asked: readonly Primary[]): void {
    const now = this.options.clock.wall()
    for (const { id } of asked) {
      if (bad.some(({ primary }) => primary === id)) {
        const times = (this.failing.get(id)?.times ?? 0) + 1
        const until = now + Math.min(FIRST_RETRY * 2 ** (times - 1), MAX_RETRY)
        this.failing.set(id, { times, until })
      } else this.failing.delete(id)
    }
  }
}

export interface ZoneTransfersOptions {
  readonly startThread: StartThread
  /** The folder of the copies. */
  readonly copiesFolder: string
  readonly settings: TransfersConfig
  readonly log: ServiceLog
  readonly timers: Timers
  readonly clock: Clock
  /** At least 0, less than 1. */
  readonly random: () => number
  /** There is a newer copy of a zone. */
  readonly onUpdate: (update: ZoneUpdated) => void
  /** From whom NOTIFY is taken, for which zones. */
  readonly setNotifySources: (rules: NotifyRules) => void
}

export type ZoneUpdated = ZoneUpdate & { readonly kind: 'taken' }
