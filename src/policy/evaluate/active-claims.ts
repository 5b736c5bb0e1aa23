import type { Seconds } from '../../base/units.js'
import type { Claim, Snapshot } from '../tables/snapshot.js'
import { isActive, unchangedUntil, type Timetable } from '../tables/timetable.js'

/** Room for the epochs of one generation in an epoch number: at ten a day, for 280 years. */
const EPOCHS_PER_GENERATION = 2 ** 20

/**
 * Which claims are in force, worked out when that changes and not when a query comes: dates and
 * weekly hours cost a look at the time, and one octet for each claim that has them.
 */
export class ActiveClaims {
  private readonly snapshot: Snapshot
  /** 1 for each claim with dates or hours that is in force at the time last asked for. */
  private readonly active: Uint8Array
  /** Numbers of the claims with dates or hours. */
  private readonly timed: Int32Array
  private readonly timetables: readonly Timetable[]
  /** From then on, and until then, nothing changes. */
  private since: Seconds = Infinity
  private until: Seconds = -Infinity
  private epoch: number
  private epochs = 0

  constructor(snapshot: Snapshot) {
    const { claims } = snapshot
    this.snapshot = snapshot
    this.timed = Int32Array.from(claims.keys()).filter(number => isTimed(claims[number]!))
    this.timetables = [...new Set(claims.flatMap(({ timetable }) => timetable ?? []))]
    this.active = new Uint8Array(claims.length)
    this.epoch = snapshot.generation * EPOCHS_PER_GENERATION
  }

  /** @param claim `isDated`; others always are */
  has(claim: number, now: Seconds): boolean {
    if (now < this.since || now >= this.until) this.update(now)
    return this.active[claim] === 1
  }

  /** One number for as long as nothing changes. */
  epochAt(now: Seconds): number {
    if (now < this.since || now >= this.until) this.update(now)
    return this.epoch
  }

  private update(now: Seconds): void {
    const { generation, claims } = this.snapshot
    const open = new Set(this.timetables.filter(timetable => isActive(timetable, now)))
    for (const number of this.timed) {
      const { from, until, timetable } = claims[number]!
      const inTerm = from <= now && now < until
      this.active[number] = inTerm && (timetable === undefined || open.has(timetable)) ? 1 : 0
    }
    this.since = now
    this.until = this.nextAfter(now)
    this.epoch = generation * EPOCHS_PER_GENERATION + (this.epochs % EPOCHS_PER_GENERATION)
    this.epochs++
  }

  private nextAfter(now: Seconds): Seconds {
    const next = this.snapshot.switches.find(instant => instant > now) ?? Infinity
    return Math.min(next, ...this.timetables.map(timetable => unchangedUntil(timetable, now)))
  }
}

/** Whether there are times at which a claim is not in force. */
export function isTimed({ from, until, timetable }: Claim): boolean {
  return from !== -Infinity || until !== Infinity || timetable !== undefined
}
