import type { Milliseconds } from '../../base/units.js'
import { primariesOf, strangePrimaries } from '../../config/zone-primaries.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import type { Primary } from '../../sources/axfr/primary.js'
import {
  healthOf,
  standingOf,
  type ZoneHealth,
  type ZoneStanding
} from '../../sources/axfr/standing.js'
import { ZoneCopies } from '../../sources/axfr/zone-copies.js'
import type { Trouble } from '../threads/messages.js'
import { troubleOf } from '../threads/serialized-error.js'
import { transferPrimaries } from './transfer-primaries.js'
import { ZoneTask, type ZoneTransfersParts } from './zone-task.js'

/** How long a start waits for zones of which there is no copy. */
const FIRST_WAIT: Milliseconds = 10_000
/** So many threads at once: each holds the zone that it transfers. */
const THREADS = 4

/** How a list is that is a zone of a primary. */
export interface ZoneStatus {
  readonly list: string
  /** Canonical text. */
  readonly zone: string
  readonly state: ZoneHealth
  /** Tries in a row. */
  readonly failures: number
  /** Null: there is no copy. */
  readonly copy: ZoneStanding | null
}

/** Has zones transferred: those that the rules name, from the primaries of the settings. */
export class ZoneTransfers {
  private primaries: readonly Primary[] = []
  private lists: readonly TransferList[] = []
  private readonly tasks = new Map<string, ZoneTask>()
  private readonly copies: ZoneCopies
  private running = 0
  private readonly waiting: (() => void)[] = []
  private isWaiting = false

  constructor(private readonly parts: ZoneTransfersParts) {
    this.copies = new ZoneCopies(parts.folder)
  }

  /** Reads the secrets of keys again; what is wrong leaves those of before in force. */
  async rekey(): Promise<readonly Trouble[]> {
    try {
      this.primaries = await transferPrimaries(this.parts.settings)
      this.tellWhom()
      return []
    } catch (error) {
      return (error as AggregateError).errors.map(troubleOf)
    }
  }

  /** What the rules say of primaries and does not fit the settings. */
  strange(lists: readonly TransferList[]): readonly Trouble[] {
    return strangePrimaries(this.parts.settings, lists).map(troubleOf)
  }

  /**
   * Transfers the zones of which there is no copy, before anybody is served: without them, what they
   * ban is not banned. Waits for it no longer than 10 s.
   *
   * @returns whether there are copies now that were not there before
   */
  async fetchMissing(lists: readonly TransferList[]): Promise<boolean> {
    const { settings, log, timers } = this.parts
    const missing = lists.filter(list => !list.hasCopy && primariesOf(settings, list).length > 0)
    if (missing.length === 0) return false
    const ids = missing.map(({ id }) => id).join(', ')
    log.warn({ lists: ids }, 'there is no copy of some zones yet: transferring them before serving')
    this.isWaiting = true
    let any = false
    await new Promise<void>(resolve => {
      const timer = timers.after(FIRST_WAIT, resolve)
      const all = missing.map(async list => {
        any = (await this.taskOf(list).fetch()) || any
      })
      void Promise.all(all).then(() => {
        timer.cancel()
        resolve()
      })
    })
    this.isWaiting = false
    return any
  }

  /** From now on these zones. */
  follow(lists: readonly TransferList[]): void {
    this.lists = lists
    for (const [id, task] of this.tasks) {
      const list = lists.find(one => one.id === id)
      if (list !== undefined) continue
      task.close()
      this.tasks.delete(id)
    }
    for (const list of lists) this.taskOf(list).follow(list)
    this.tellWhom()
  }

  /** A primary has notified of a zone. @param zone canonical text */
  hear(zone: string, primary: string): void {
    for (const list of this.lists) {
      if (list.zone !== zone || !this.primariesOf(list).some(({ id }) => id === primary)) continue
      this.tasks.get(list.id)?.notified(primary)
    }
  }

  /** How all zones are now, as their records say. */
  async standing(): Promise<readonly ZoneStatus[]> {
    const now = this.parts.clock.wall()
    return Promise.all(
      this.lists.map(async ({ id, zone }) => {
        const record = await this.copies.record(id, zone)
        const { failures } = record
        const copy = standingOf(record, now) ?? null
        return { list: id, zone, state: healthOf(record, now), failures, copy }
      })
    )
  }

  close(): void {
    for (const task of this.tasks.values()) task.close()
    this.tasks.clear()
  }

  private taskOf(list: TransferList): ZoneTask {
    const known = this.tasks.get(list.id)
    if (known !== undefined) return known
    const task: ZoneTask = new ZoneTask(list, {
      ...this.parts,
      taken: update => {
        // While the start waits, it reads the rules itself.
        if (!this.isWaiting) this.parts.taken(update)
      },
      copies: this.copies,
      primaries: () => this.primariesOf(this.lists.find(({ id }) => id === list.id) ?? list),
      turn: begin => this.turn(begin),
      over: () => this.over()
    })
    this.tasks.set(list.id, task)
    return task
  }

  private primariesOf(list: TransferList): readonly Primary[] {
    const ids = primariesOf(this.parts.settings, list)
    return ids.flatMap(id => this.primaries.find(one => one.id === id) ?? [])
  }

  private tellWhom(): void {
    const zones = this.lists.map(list => {
      return { name: list.name, from: this.primariesOf(list).map(({ id }) => id) }
    })
    this.parts.hearFrom({ primaries: this.primaries, zones })
  }

  private turn(begin: () => void): void {
    if (this.running === THREADS) {
      this.waiting.push(begin)
      return
    }
    this.running++
    begin()
  }

  private over(): void {
    this.running--
    const next = this.waiting.shift()
    if (next !== undefined) this.turn(next)
  }
}
