import type { Clock } from '../../base/time/clock.js'
import { doublingDelay } from '../../base/time/doubling-delay.js'
import { failure } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { TransfersConfig } from '../settings/sources-config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { NotifyRules } from '../../resolver/stages/notify-handler.js'
import type { TransferList } from '../../policy/rules/lists/transfer-list.js'
import { zoneExpiry, nextZoneRefresh } from '../axfr/refresh-timers.js'
import type { PrimaryFailure, Primary } from '../axfr/primary.js'
import type { ZoneUpdate } from '../axfr/update-zone.js'
import type { ZoneCopies } from '../axfr/zone-copies.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import type { TransferInit } from './refresh-messages.js'
import type { StartThread, Thread } from '../../base/threads/thread.js'

/** Check at least this often: timers are limited to 24 days, and the wall clock may be set. */
const MAX_TIMER: Milliseconds = 3_600_000
/** Delay after a thread died, and the first one after a primary failed, doubled each time. */
const FIRST_RETRY: Milliseconds = 60_000
const MAX_RETRY: Milliseconds = 3_600_000
/** After a NOTIFY without anything new, or a forged one, further ones are delayed this long. */
const NOTIFY_PAUSE: Milliseconds = 1_000

/** What a refresher needs from `ZoneTransfers`. */
export interface ZoneRefresherOptions extends Omit<ZoneTransfersOptions, 'settings'> {
  /** As they are now. */
  readonly settings: () => TransfersConfig
  readonly copies: ZoneCopies
  /** Primaries of this zone, in the order in which they are tried. */
  readonly primaries: () => readonly Primary[]
  /** Calls `begin` once another thread may be started. */
  readonly acquireThread: (begin: () => void) => void
  /** Call when the thread has ended. */
  readonly releaseThread: () => void
}

/**
 * Refreshes one zone when it is due by its SOA, or when a primary sends NOTIFY, in a thread that runs only
 * for that. The state of the zone is in its record on disk, so that a restart continues where it was, and
 * `interdict lists` can show it.
 */
export class ZoneRefresher {
  private timer: Timer | undefined
  private thread: Thread<never> | undefined
  private isBusy = false
  private isClosed = false
  /** The primary whose NOTIFY is pending, while a refresh runs or NOTIFY is delayed. */
  private notifier: string | undefined
  /** Monotonic time until which NOTIFY is delayed. */
  private ignoreNotifyUntil: Milliseconds = -Infinity
  /** Wall-clock time before which no thread is started, after one died or could not write. */
  private notBefore: Milliseconds = 0
  /** Consecutive failures that could not be recorded, as the state folder cannot be written. */
  unrecorded = 0
  /** Primaries that failed: consecutive failures, and the time until which others are preferred. */
  private readonly failing = new Map<string, { times: number; until: Milliseconds }>()

  constructor(
    private list: TransferList,
    private readonly options: ZoneRefresherOptions
  ) {}

  /** Replaces the rules' definition of the zone. */
  update(list: TransferList): void {
    this.list = list
    void this.schedule()
  }

  /** Refreshes the zone, after a NOTIFY of this primary. */
  onNotify(primary: string): void {
    this.notifier = primary
    const wait = this.ignoreNotifyUntil - this.options.clock.now()
    if (wait > 0) this.wakeAfter(wait)
    else this.startIfIdle()
  }

  /** Refreshes the zone now. @returns whether there is a newer copy */
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

  /** Starts a refresh if it is due, or sets a timer for when it is. */
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

  private start(onDone: (isUpdated: boolean) => void): void {
    if (this.isClosed || this.isBusy || this.options.primaries().length === 0) {
      onDone(false)
      return
    }
    this.isBusy = true
    this.timer?.cancel()
    this.options.acquireThread(() => this.startThread(onDone))
  }

  private startThread(onDone: (isUpdated: boolean) => void): void {
    const { startThread, copiesFolder, settings, log } = this.options
    if (this.isClosed) {
      this.options.releaseThread()
      onDone(false)
      return
    }
    const { notifier, list } = this
    this.notifier = undefined
    const primaries = this.orderPrimaries(notifier)
    const job = { list, primaries, isNotified: notifier !== undefined }
    const { maxSize, maxTime } = settings()
    const init: TransferInit = { job, copiesFolder, maxSize, maxTime }
    let update: ZoneUpdate | undefined
    this.thread = startThread<never, ZoneUpdate>('transfer-main.js', init, {
      message: result => (update = result),
      exited: error => {
        this.thread = undefined
        this.isBusy = false
        this.options.releaseThread()
        if (update === undefined) {
          this.pause(FIRST_RETRY)
          const fields = { list: list.id, error: error?.message ?? 'it exited' }
          log.error(fields, 'zone transfer thread died; retrying in 60 s')
        } else this.onResult(update, primaries)
        onDone(update?.kind === 'taken')
        if (update?.kind === 'taken') this.options.onUpdate(update)
        if (this.notifier === undefined) void this.schedule()
        else this.onNotify(this.notifier)
      }
    })
  }

  private pause(wait: Milliseconds): void {
    const { clock } = this.options
    this.notBefore = clock.wall() + wait
    this.ignoreNotifyUntil = clock.now() + wait
  }

  /** The notifying primary first, then those that did not fail lately; all of them if every one did. */
  private orderPrimaries(notifier: string | undefined): readonly Primary[] {
    const now = this.options.clock.wall()
    const all = this.options.primaries()
    const isFirst = ({ id }: Primary): boolean => id === notifier
    const healthy = all.filter(one => isFirst(one) || (this.failing.get(one.id)?.until ?? 0) <= now)
    const candidates = healthy.length === 0 ? all : healthy
    return [...candidates].sort((a, b) => Number(isFirst(b)) - Number(isFirst(a)))
  }

  private onResult(update: ZoneUpdate, tried: readonly Primary[]): void {
    const { clock, log } = this.options
    const { id, zone, hasCopy } = this.list
    this.updateFailing(update.bad, tried)
    if (update.kind !== 'taken') this.ignoreNotifyUntil = clock.now() + NOTIFY_PAUSE
    const failed = update.kind === 'failed'
    this.unrecorded = failed && !update.isRecorded ? this.unrecorded + 1 : 0
    // The record says when the zone is due: it stays as it was.
    if (this.unrecorded > 0) this.pause(doublingDelay(this.unrecorded, FIRST_RETRY, MAX_RETRY))
    for (const { primary, code, message } of failed ? [] : update.bad) {
      log.warn({ code, list: id, primary }, message)
    }
    if (update.kind === 'taken') {
      const { serial, primary, from, changes, entries } = update
      log.info({ list: id, zone, serial, primary, from, changes, entries }, 'zone refreshed')
    }
    if (!failed) return
    const { code, message } = update.trouble
    const effect = hasCopy ? 'the previous copy remains active' : 'rules on it match no names'
    log.error({ code, list: id }, `${message}; ${effect}`)
    void this.logIfExpired()
  }

  /** An expired zone remains active, but that must be visible. */
  private async logIfExpired(): Promise<void> {
    const { copies, clock, log } = this.options
    const { id, zone } = this.list
    const at = zoneExpiry(await copies.record(id, zone))
    if (at === undefined || at > clock.wall()) return
    const { code, message } = failure('TRANSFER_EXPIRED', zone, new Date(at).toISOString())
    log.error({ code, list: id }, message)
  }

  private updateFailing(bad: readonly PrimaryFailure[], tried: readonly Primary[]): void {
    const now = this.options.clock.wall()
    for (const { id } of tried) {
      if (bad.some(({ primary }) => primary === id)) {
        const times = (this.failing.get(id)?.times ?? 0) + 1
        const until = now + doublingDelay(times, FIRST_RETRY, MAX_RETRY)
        this.failing.set(id, { times, until })
      } else this.failing.delete(id)
    }
  }
}

export interface ZoneTransfersOptions {
  readonly startThread: StartThread
  readonly copiesFolder: string
  readonly settings: TransfersConfig
  readonly log: ServiceLog
  readonly timers: Timers
  readonly clock: Clock
  /** At least 0, less than 1. */
  readonly random: () => number
  /** Called when there is a newer copy of a zone. */
  readonly onUpdate: (update: ZoneUpdated) => void
  /** Called with the primaries whose NOTIFY is accepted, and for which zones. */
  readonly setNotifySources: (rules: NotifyRules) => void
}

export type ZoneUpdated = ZoneUpdate & { readonly kind: 'taken' }
