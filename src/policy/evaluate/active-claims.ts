import type { Seconds } from '../../base/units.js'
import type { Snapshot } from '../tables/snapshot.js'
import { isActive, unchangedUntil } from '../tables/timetable.js'

/** Range of the epochs of one generation in an epoch number: at ten changes a day, 280 years. */
const EPOCHS_PER_GENERATION = 2 ** 20

/**
 * Which claims are active. Recomputed when that changes, not for every query: dates and weekly
 * hours cost a query one comparison of the time, and one octet read for each claim that has them.
 */
export class ActiveClaims {
  /** 1 for each timed claim that was active at the time of the last update. */
  private readonly active: Uint8Array
  /** Nothing changes from `since` until `until`. */
  private since: Seconds = Infinity
  private until: Seconds = -Infinity
  private epoch: number
  private epochs = 0

  constructor(private readonly snapshot: Snapshot) {
    this.active = new Uint8Array(snapshot.claims.list.length)
    this.epoch = snapshot.generation * EPOCHS_PER_GENERATION
  }

  /** @param claim number of a timed claim; others are always active */
  has(claim: number, now: Seconds): boolean {
    if (now < this.since || now >= this.until) this.update(now)
    return this.active[claim] === 1
  }

  /** A number that stays the same as long as no claim becomes active or inactive. */
  epochAt(now: Seconds): number {
    if (now < this.since || now >= this.until) this.update(now)
    return this.epoch
  }

  private update(now: Seconds): void {
    const { generation, claims } = this.snapshot
    const { numbers, from, until, hours, timetables } = claims.timed
    const isOpen = timetables.map(timetable => isActive(timetable, now))
    // Once for each of very many claims, between two batches of queries: without an iterator.
    for (let i = 0; i < numbers.length; i++) {
      const inTerm = from[i]! <= now && now < until[i]!
      this.active[numbers[i]!] = inTerm && isOpen[hours[i]!] !== false ? 1 : 0
    }
    this.since = now
    this.until = this.nextChange(now)
    this.epoch = generation * EPOCHS_PER_GENERATION + (this.epochs % EPOCHS_PER_GENERATION)
    this.epochs++
  }

  private nextChange(now: Seconds): Seconds {
    const { changeTimes, timed } = this.snapshot.claims
    const next = changeTimes.find(instant => instant > now) ?? Infinity
    return Math.min(next, ...timed.timetables.map(timetable => unchangedUntil(timetable, now)))
  }
}
