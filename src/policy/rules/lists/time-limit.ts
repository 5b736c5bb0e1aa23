import type { Milliseconds } from '../../../base/units.js'

/** Steps of some microseconds each between two looks at the clock. */
const STEPS = 1024

/** A list takes longer to compile than its entry allows. */
export class TimeLimitExceeded extends Error {
  override readonly name = 'TimeLimitExceeded'
}

/** Ends work that takes too long, from within: it holds its thread, so no timer could. */
export class TimeLimit {
  private steps = 0
  private readonly end: Milliseconds

  /** @param time from now */
  constructor(time: Milliseconds) {
    this.end = performance.now() + time
  }

  /** Call once a step. @throws TimeLimitExceeded */
  step(): void {
    if (++this.steps % STEPS === 0) this.check()
  }

  /** @throws TimeLimitExceeded */
  check(): void {
    if (performance.now() > this.end) throw new TimeLimitExceeded()
  }
}
