import type { Milliseconds } from '../../base/units.js'
import { primariesFor, checkPrimaries } from '../../config/zone-primaries.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import type { Primary } from '../../sources/axfr/primary.js'
import {
  zoneHealth,
  zoneCopyStatus,
  type ZoneHealth,
  type ZoneCopyStatus
} from '../../sources/axfr/zone-status.js'
import { ZoneCopies } from '../../sources/axfr/zone-copies.js'
import { serializeError } from '../threads/serialized-error.js'
import type { SerializedError } from '../threads/serialized-error.js'
import { loadPrimaries } from './primaries.js'
import { ZoneRefresher, type ZoneTransfersOptions } from './zone-refresher.js'

/** How long a start waits for zones of which there is no copy. */
const STARTUP_WAIT: Milliseconds = 10_000
/** So many threads at once: each holds the zone that it transfers. */
const MAX_THREADS = 4

/** How a list is that is a zone of a primary. */
export interface ZoneStatus {
  readonly list: string
  /** Canonical text. */
  readonly zone: string
  readonly state: ZoneHealth
  /** Tries in a row. */
  readonly failures: number
  /** Null: there is no copy. */
  readonly copy: ZoneCopyStatus | null
}

/** Has zones transferred: those that the rules name, from the primaries of the settings. */
export class ZoneTransfers {
  private primaries: readonly Primary[] = []
  private lists: readonly TransferList[] = []
  private readonly refreshers = new Map<string, ZoneRefresher>()
  private readonly copies: ZoneCopies
  private running = 0
  private readonly queue: (() => void)[] = []
  private isStarting = false

  constructor(private readonly options: ZoneTransfersOptions) {
    this.copies = new ZoneCopies(options.copiesFolder)
  }

  /** Reads the secrets of keys again; what is wrong leaves those of before in force. */
  async reloadKeys(): Promise<readonly SerializedError[]> {
    try {
      this.primaries = await loadPrimaries(this.options.settings)
      this.publishNotifySources()
      return []
    } catch (error) {
      return (error as AggregateError).errors.map(serializeError)
    }
  }

  /** What the rules say of primaries and does not fit the settings. */
  checkPrimaries(lists: readonly TransferList[]): readonly SerializedError[] {
    return checkPrimaries(this.options.settings, lists).map(serializeError)
  }

  /**
   * Transfers the zones of which there is no copy, before anybody is served: without them, what they
   * ban is not banned. Waits for it no longer than 10 s.
   *
   * @returns whether there are copies now that were not there before
   */
  async fetchMissing(lists: readonly TransferList[]): Promise<boolean> {
    const { settings, log, timers } = this.options
    const missing = lists.filter(list => !list.hasCopy && primariesFor(settings, list).length > 0)
    if (missing.length === 0) return false
    const ids = missing.map(({ id }) => id).join(', ')
    log.warn({ lists: ids }, 'there is no copy of some zones yet: transferring them before serving')
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

  /** From now on these zones. */
  setZones(lists: readonly TransferList[]): void {
    this.lists = lists
    for (const [id, task] of this.refreshers) {
      const list = lists.find(one => one.id === id)
      if (list !== undefined) continue
      task.close()
      this.refreshers.delete(id)
    }
    for (const list of lists) this.refresherOf(list).update(list)
    this.publishNotifySources()
  }

  /** A primary has notified of a zone. @param zone canonical text */
  onNotify(zone: string, primary: string): void {
    for (const list of this.lists) {
      if (list.zone !== zone || !this.primariesOf(list).some(({ id }) => id === primary)) continue
      this.refreshers.get(list.id)?.onNotify(primary)
    }
  }

  /** How all zones are now, as their records say. */
  async status(): Promise<readonly ZoneStatus[]> {
    const now = this.options.clock.wall()
    return Promise.all(
      this.lists.map(async ({ id, zone }) => {
        const record = await this.copies.record(id, zone)
        const { failures } = record
        const copy = zoneCopyStatus(record, now) ?? null
        return { list: id, zone, state: zoneHealth(record, now), failures, copy }
      })
    )
  }

  close(): void {
    for (const task of this.refreshers.values()) task.close()
    this.refreshers.clear()
  }

  private refresherOf(list: TransferList): ZoneRefresher {
    const known = this.refreshers.get(list.id)
    if (known !== undefined) return known
    const task: ZoneRefresher = new ZoneRefresher(list, {
      ...this.options,
      onUpdate: update => {
        // While the start waits, it reads the rules itself.
        if (!this.isStarting) this.options.onUpdate(update)
      },
      copies: this.copies,
      primaries: () => this.primariesOf(this.lists.find(({ id }) => id === list.id) ?? list),
      acquireThread: begin => this.acquireThread(begin),
      releaseThread: () => this.releaseThread()
    })
    this.refreshers.set(list.id, task)
    return task
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
