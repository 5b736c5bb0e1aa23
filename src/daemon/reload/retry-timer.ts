import type { Milliseconds } from '../../base/units.js'

const FIRST_DELAY: Milliseconds = 1_000
const MAX_DELAY: Milliseconds = 60_000

/** Does something again after a while, later each time, until it is told that all is well. */
export class RetryTimer {
  private delay = FIRST_DELAY
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly retry: () => void) {}

  schedule(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(this.retry, this.delay)
    this.timer.unref()
    this.delay = Math.min(this.delay * 2, MAX_DELAY)
  }

  /** All is well, or nobody cares any more. */
  reset(): void {
    clearTimeout(this.timer)
    this.delay = FIRST_DELAY
  }
}
