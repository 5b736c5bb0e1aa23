import { systemClock, type Clock } from '../../base/time/clock.js'
import { systemTimers, type Timer, type Timers } from '../../base/time/timers.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ListState } from '../../policy/rules/lists/load-list.js'
import { nextListExpiry } from '../../policy/rules/model/expiries.js'

/** In a large feed something expires every second: what does so meanwhile is removed together. */
export const EXPIRY_INTERVAL: Milliseconds = 20_000
/** The wall clock may be set. */
const MAX_TIMER: Milliseconds = 60_000

/** Calls when indicators have expired, at most once in 20 s. */
export class ExpiryTimer {
  private timer: Timer | undefined
  private isClosed = false
  /** Monotonic time of the last call. */
  private last: Milliseconds = -Infinity

  constructor(
    private readonly onExpired: () => void,
    private readonly clock: Clock = systemClock,
    private readonly timers: Timers = systemTimers
  ) {}

  /** Waits for the next expiry of these lists. */
  await(lists: readonly ListState[]): void {
    this.timer?.cancel()
    const next = nextListExpiry(lists)
    if (this.isClosed || next === Infinity) return
    const left = next * MS_PER_SECOND - this.clock.wall()
    const rest = this.last + EXPIRY_INTERVAL - this.clock.now()
    const wait = Math.min(MAX_TIMER, Math.max(0, left, rest))
    this.timer = this.timers.after(wait, () => {
      if (next * MS_PER_SECOND > this.clock.wall()) {
        this.await(lists)
        return
      }
      this.last = this.clock.now()
      this.onExpired()
    })
  }

  close(): void {
    this.isClosed = true
    this.timer?.cancel()
  }
}
