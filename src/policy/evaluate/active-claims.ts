import type { Seconds } from '../../base/units.js'
import { isTimed } from '../tables/claim.js'
import type { Snapshot } from '../tables/snapshot.js'
import { isActive, unchangedUntil, type Timetable } from '../tables/timetable.js'

/** Range of the epochs of one generation in an epoch number: at ten changes a day, 280 years. */
const EPOCHS_PER_GENERATION = 2 ** 20

/**
 * Which claims are active. Recomputed when that changes, not for every query: dates and weekly
 * hours cost a query one comparison of the time, and one octet read for each claim that has them.
 */
export class ActiveClaims {
  /** 1 for each timed claim that was active at the time of the last update. */
  private readonly active: Uint8Array
  /** Numbers of the claims with dates or weekly hours. */
  private readonly timed: Int32Array
  private readonly timetables: readonly Timetable[]
  /** Nothing changes from `since` until `until`. */
  private since: Seconds = Infinity
  private until: Seconds = -Infinity
  private epoch: number
  private epochs = 0

  constructor(private readonly snapshot: Snapshot) {
    const { all } = snapshot.claims
    this.timed = Int32Array.from(all.keys()).filter(number => isTimed(all[number]!))
    this.timetables = [...new Set(all.flatMap(({ timetable }) => timetable ?? []))]
    this.active = new Uint8Array(all.length)
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
    const open = new Set(this.timetables.filter(timetable => isActive(timetable, now)))
    for (const number of this.timed) {
      const { from, until, timetable } = claims.all[number]!
      const inTerm = from <= now && now < until
      this.active[number] = inTerm && (timetable === undefined || open.has(timetable)) ? 1 : 0
    }
    this.since = now
    this.until = this.nextChange(now)
    this.epoch = generation * EPOCHS_PER_GENERATION + (this.epochs % EPOCHS_PER_GENERATION)
    this.epochs++
  }

  private nextChange(now: Seconds): Seconds {
    const next = this.snapshot.claims.changeTimes.find(instant => instant > now) ?? Infinity
    return Math.min(next, ...this.timetables.map(timetable => unchangedUntil(timetable, now)))
  }
}
