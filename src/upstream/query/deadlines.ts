import type { Clock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Timer, Timers } from '../timers.js'

/** Width of a bucket: a deadline is noticed at most this late. */
export const TICK: Milliseconds = 20
/** Buckets of the wheel, a power of two; together they span ten seconds. */
const BUCKETS = 512

/** Something that is waited for, a link of its bucket's ring; of no ring: it is its own neighbour. */
export interface Timed {
  due: Milliseconds
  before: Timed
  after: Timed
}

/** One that has nothing else to be. */
export class Link implements Timed {
  due: Milliseconds = 0
  before: Timed = this
  after: Timed = this
}

/**
 * Deadlines of everything in flight, in a timing wheel: setting and clearing one relinks a few
 * references and allocates nothing, and one coarse timer serves all; none runs while nothing waits.
 */
export class Deadlines<T extends Timed> {
  private readonly buckets = Array.from({ length: BUCKETS }, (): Timed => new Link())
  private readonly clock: Clock
  private readonly timers: Timers
  private readonly expire: (item: T, now: Milliseconds) => void
  private waiting = 0
  /** Number of the last tick that was looked at. */
  private tick: number
  private timer: Timer | undefined

  /** @param expire called once for an item whose deadline has passed; it is then cleared */
  constructor(clock: Clock, timers: Timers, expire: (item: T, now: Milliseconds) => void) {
    this.clock = clock
    this.timers = timers
    this.expire = expire
    this.tick = Math.floor(clock.now() / TICK)
  }

  /** Sets the item's deadline, or moves it. */
  set(item: T, due: Milliseconds, now: Milliseconds): void {
    if (item.after !== item) this.clear(item)
    if (this.waiting++ === 0) this.start(now)
    item.due = due
    this.link(item)
  }

  clear(item: T): void {
    if (item.after === item) return
    this.unlink(item)
    this.waiting--
  }

  close(): void {
    this.timer?.cancel()
    this.timer = undefined
    for (const head of this.buckets) head.before = head.after = head
    this.waiting = 0
  }

  private link(item: Timed): void {
    const tick = Math.max(Math.ceil(item.due / TICK), this.tick + 1)
    const head = this.buckets[tick & (BUCKETS - 1)]!
    const last = head.before
    item.before = last
    item.after = head
    last.after = item
    head.before = item
  }

  private unlink(item: Timed): void {
    item.before.after = item.after
    item.after.before = item.before
    item.before = item.after = item
  }

  private start(now: Milliseconds): void {
    if (this.timer !== undefined) return
    this.tick = Math.floor(now / TICK)
    this.timer = this.timers.after(TICK, this.turn)
  }

  /** Looks at every bucket whose time has come since the last turn. */
  private readonly turn = (): void => {
    const now = this.clock.now()
    const until = Math.floor(now / TICK)
    const first = Math.max(this.tick + 1, until - BUCKETS + 1)
    for (let tick = first; tick <= until; tick++) {
      this.tick = tick
      this.empty(this.buckets[tick & (BUCKETS - 1)]!, now)
    }
    this.timer = this.waiting > 0 ? this.timers.after(TICK, this.turn) : undefined
  }

  /** Those not yet due, a whole turn of the wheel ahead, are linked again. */
  private empty(head: Timed, now: Milliseconds): void {
    for (let left = this.waiting; left > 0 && head.after !== head; left--) {
      const item = head.after
      this.unlink(item)
      if (item.due > now) {
        this.link(item)
      } else {
        this.waiting--
        this.expire(item as T, now)
      }
    }
  }
}
