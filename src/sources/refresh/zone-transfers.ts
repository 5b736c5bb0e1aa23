import type { Milliseconds } from '../../base/units.js'
import type { TransfersConfig } from '../settings/sources-config.js'
import { primariesFor, checkPrimaries } from '../settings/zone-primaries.js'
import type { TransferList } from '../../policy/rules/lists/transfer-list.js'
import type { Primary } from '../axfr/primary.js'
import {
  zoneHealth,
  zoneCopyStatus,
  type ZoneHealth,
  type ZoneCopyStatus
} from '../axfr/zone-status.js'
import { ZoneCopies } from '../axfr/zone-copies.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import { loadPrimaries } from './primaries.js'
import { ZoneRefresher, type ZoneTransfersOptions } from './zone-refresher.js'

/** How long the start waits for zones without a copy. */
const STARTUP_WAIT: Milliseconds = 10_000
/** Concurrent transfer threads; each holds a whole zone in memory. */
const MAX_THREADS = 4

/** The status of a list that is a zone transferred from primaries. */
export interface ZoneStatus {
  readonly list: string
  /** Canonical text. */
  readonly zone: string
  readonly state: ZoneHealth
  /** Consecutive failed attempts. */
  readonly failures: number
  /** Null without a copy. */
  readonly copy: ZoneCopyStatus | null
}

/** Keeps the zones that the rules name up to date, from the primaries in the settings. */
export class ZoneTransfers {
  private primaries: readonly Primary[] = []
  private lists: readonly TransferList[] = []
  private readonly refreshers = new Map<string, ZoneRefresher>()
  private readonly copies: ZoneCopies
  private running = 0
  private readonly queue: (() => void)[] = []
  private isStarting = false

  constructor(private options: ZoneTransfersOptions) {
    this.copies = new ZoneCopies(options.copiesFolder)
  }

  /** Reads the TSIG secrets again; on errors the previous ones remain active. */
  async reloadKeys(): Promise<readonly SerializedError[]> {
    try {
      this.primaries = await loadPrimaries(this.options.settings)
      this.publishNotifySources()
      return []
    } catch (error) {
      return (error as AggregateError).errors.map(serializeError)
    }
  }

  /** Replaces the settings. @param primaries of these settings, with their secrets */
  configure(settings: TransfersConfig, primaries: readonly Primary[]): void {
    this.options = { ...this.options, settings }
    this.primaries = primaries
    this.setZones(this.lists)
  }

  /** Checks that the primaries named by the rules are in the settings. */
  checkPrimaries(lists: readonly TransferList[]): readonly SerializedError[] {
    return checkPrimaries(this.options.settings, lists).map(serializeError)
  }

  /**
   * Transfers the zones without a copy before queries are answered, since rules on them would block
   * nothing. Waits at most 10 s.
   *
   * @returns whether there is a new copy
   */
  async fetchMissing(lists: readonly TransferList[]): Promise<boolean> {
    const { settings, log, timers } = this.options
    const missing = lists.filter(list => !list.hasCopy && primariesFor(settings, list).length > 0)
    if (missing.length === 0) return false
    const ids = missing.map(({ id }) => id).join(', ')
    log.warn({ lists: ids }, 'zones without a copy: transferring them before serving')
    this.isStarting = true
    let any = false
    await new Promise<void>(resolve => {
      const timer = timers.after(STARTUP_WAIT, resolve)
      const all = missing.map(async list => {
        any = (await this.refresherOf(list).refresh()) || any
      })
      void Promise.all(all).then(() => {
        timer.cancel()
        resolve()
      })
    })
    this.isStarting = false
    return any
  }

  /** Replaces the zones to keep up to date. */
  setZones(lists: readonly TransferList[]): void {
    this.lists = lists
    for (const [id, refresher] of this.refreshers) {
      if (lists.some(list => list.id === id)) continue
      refresher.close()
      this.refreshers.delete(id)
    }
    for (const list of lists) this.refresherOf(list).update(list)
    this.publishNotifySources()
  }

  /** Called when a primary sends NOTIFY. @param zone canonical text */
  onNotify(zone: string, primary: string): void {
    for (const list of this.lists) {
      if (list.zone !== zone || !this.primariesOf(list).some(({ id }) => id === primary)) continue
      this.refreshers.get(list.id)?.onNotify(primary)
    }
  }

  /** The status of all zones, from their records on disk. */
  async status(): Promise<readonly ZoneStatus[]> {
    const now = this.options.clock.wall()
    return Promise.all(
      this.lists.map(async ({ id, zone }) => {
        const known = await this.copies.record(id, zone)
        const failures = known.failures + (this.refreshers.get(id)?.unrecorded ?? 0)
        const record = { ...known, failures }
        const copy = zoneCopyStatus(record, now) ?? null
        return { list: id, zone, state: zoneHealth(record, now), failures, copy }
      })
    )
  }

  close(): void {
    for (const refresher of this.refreshers.values()) refresher.close()
    this.refreshers.clear()
  }

  private refresherOf(list: TransferList): ZoneRefresher {
    const known = this.refreshers.get(list.id)
    if (known !== undefined) return known
    const refresher: ZoneRefresher = new ZoneRefresher(list, {
      ...this.options,
      onUpdate: update => {
        // During the start, `load` reads the rules itself.
        if (!this.isStarting) this.options.onUpdate(update)
      },
      settings: () => this.options.settings,
      copies: this.copies,
      primaries: () => this.primariesOf(this.lists.find(({ id }) => id === list.id) ?? list),
      acquireThread: begin => this.acquireThread(begin),
      releaseThread: () => this.releaseThread()
    })
    this.refreshers.set(list.id, refresher)
    return refresher
  }

  private primariesOf(list: TransferList): readonly Primary[] {
    const ids = primariesFor(this.options.settings, list)
    return ids.flatMap(id => this.primaries.find(one => one.id === id) ?? [])
  }

  private publishNotifySources(): void {
    const zones = this.lists.map(list => {
      return { name: list.name, from: this.primariesOf(list).map(({ id }) => id) }
    })
    this.options.setNotifySources({ primaries: this.primaries, zones })
  }

  private acquireThread(begin: () => void): void {
    if (this.running === MAX_THREADS) {
      this.queue.push(begin)
      return
    }
    this.running++
    begin()
  }

  private releaseThread(): void {
    this.running--
    const next = this.queue.shift()
    if (next !== undefined) this.acquireThread(next)
  }
}
