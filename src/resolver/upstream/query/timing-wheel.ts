import type { Clock } from '../../../base/time/clock.js'
import type { Milliseconds } from '../../../base/units.js'
import type { Timer, Timers } from '../../../base/time/timers.js'

/** Width of a bucket: a timeout is noticed at most this late. */
export const TICK: Milliseconds = 20
/** Buckets of the wheel, a power of two; together they span ten seconds. */
const BUCKETS = 512

/** Something with a deadline: a node of its bucket's ring, or its own neighbour if it is in none. */
export interface TimerEntry {
  due: Milliseconds
  previous: TimerEntry
  next: TimerEntry
}

/** A plain node. */
export class TimerNode implements TimerEntry {
  due: Milliseconds = 0
  previous: TimerEntry = this
  next: TimerEntry = this
}

/**
 * Deadlines of everything in flight. Setting and clearing one relinks a few references and allocates
 * nothing; one coarse timer serves all, and none runs while the wheel is empty.
 */
export class TimingWheel<T extends TimerEntry> {
  private readonly buckets = Array.from({ length: BUCKETS }, (): TimerEntry => new TimerNode())
  private readonly clock: Clock
  private readonly timers: Timers
  private readonly expire: (item: T, now: Milliseconds) => void
  private entries = 0
  /** Number of the last tick processed. */
  private tick: number
  private timer: Timer | undefined

  /** @param expire called once for each item whose deadline has passed, after clearing it */
  constructor(clock: Clock, timers: Timers, expire: (item: T, now: Milliseconds) => void) {
    this.clock = clock
    this.timers = timers
    this.expire = expire
    this.tick = Math.floor(clock.now() / TICK)
  }

  /** Sets the item's deadline, or moves it. */
  set(item: T, due: Milliseconds, now: Milliseconds): void {
    if (item.next !== item) this.clear(item)
    if (this.entries++ === 0) this.start(now)
    item.due = due
    this.link(item)
  }

  clear(item: T): void {
    if (item.next === item) return
    this.unlink(item)
    this.entries--
  }

  close(): void {
    this.timer?.cancel()
    this.timer = undefined
    for (const head of this.buckets) head.previous = head.next = head
    this.entries = 0
  }

  private link(item: TimerEntry): void {
    const tick = Math.max(Math.ceil(item.due / TICK), this.tick + 1)
    const head = this.buckets[tick & (BUCKETS - 1)]!
    const last = head.previous
    item.previous = last
    item.next = head
    last.next = item
    head.previous = item
  }

  private unlink(item: TimerEntry): void {
    item.previous.next = item.next
    item.next.previous = item.previous
    item.previous = item.next = item
  }

  private start(now: Milliseconds): void {
    if (this.timer !== undefined) return
    this.tick = Math.floor(now / TICK)
    this.timer = this.timers.after(TICK, this.onTick)
  }

  /** Expires every bucket whose time has come since the last tick. */
  private readonly onTick = (): void => {
    const now = this.clock.now()
    const until = Math.floor(now / TICK)
    const first = Math.max(this.tick + 1, until - BUCKETS + 1)
    for (let tick = first; tick <= until; tick++) {
      this.tick = tick
      this.expireBucket(this.buckets[tick & (BUCKETS - 1)]!, now)
    }
    this.timer = this.entries > 0 ? this.timers.after(TICK, this.onTick) : undefined
  }

  /** Items due in a later revolution of the wheel are put back. */
  private expireBucket(head: TimerEntry, now: Milliseconds): void {
    for (let left = this.entries; left > 0 && head.next !== head; left--) {
      const item = head.next
      this.unlink(item)
      if (item.due > now) {
        this.link(item)
      } else {
        this.entries--
        this.expire(item as T, now)
      }
    }
  }
}
