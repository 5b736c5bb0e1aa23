import type { Milliseconds } from '../../base/units.js'

const FIRST_DELAY: Milliseconds = 50
const MAX_DELAY: Milliseconds = 5_000
/** A thread that ran this long before it died starts over with the first delay. */
const STABLE_AFTER: Milliseconds = 60_000

/** The delay before a dead thread is restarted: doubled each time it dies again soon. */
export class Backoff {
  private delay: Milliseconds | undefined

  /** @param uptime how long the dead thread had been running */
  next(uptime: Milliseconds): Milliseconds {
    const isRepeated = this.delay !== undefined && uptime < STABLE_AFTER
    this.delay = isRepeated ? Math.min(this.delay! * 2, MAX_DELAY) : FIRST_DELAY
    return this.delay
  }
}
