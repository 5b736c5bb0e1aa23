import type { Milliseconds } from '../../base/units.js'

const FIRST_DELAY: Milliseconds = 50
const MAX_DELAY: Milliseconds = 5_000
/** A thread that lived for so long before it died begins anew. */
const STABLE_AFTER: Milliseconds = 60_000

/** How long to wait before a thread that died is replaced: doubled each time it dies again soon. */
export class Backoff {
  private last: Milliseconds | undefined

  /** @param lived how long the one that died has lived */
  next(lived: Milliseconds): Milliseconds {
    const again = this.last !== undefined && lived < STABLE_AFTER
    this.last = again ? Math.min(this.last! * 2, MAX_DELAY) : FIRST_DELAY
    return this.last
  }
}
