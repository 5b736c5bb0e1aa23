import type { Milliseconds } from '../../base/units.js'

const FIRST_DELAY: Milliseconds = 1_000
const MAX_DELAY: Milliseconds = 60_000

/** Retries with a delay that doubles each time, until reset. */
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

  /** Cancels the retry, and starts over with the first delay. */
  reset(): void {
    clearTimeout(this.timer)
    this.delay = FIRST_DELAY
  }
}
