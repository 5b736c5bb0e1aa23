import { doublingDelay } from '../../base/time/doubling-delay.js'
import type { Milliseconds } from '../../base/units.js'

const FIRST_RETRY: Milliseconds = 1_000
const MAX_RETRY: Milliseconds = 60_000
/** After a bundle that was refused, which only other keys or another clock change. A newer root of trust ends the wait. */
const REFUSED_RETRY: Milliseconds = 600_000
/** Errors that may pass soon. */
const TRANSIENT: readonly string[] = ['FLEET_BUNDLE', 'FLEET_WRITE', 'BUNDLE_EARLY']

/** When to offer a bundle again after failures. */
export class OfferRetries {
  private failures = 0
  private isTransient = false

  /** Whether the last offer failed. */
  get isWaiting(): boolean {
    return this.failures > 0
  }

  /** The offer succeeded, or another bundle is wanted. */
  reset(): void {
    this.failures = 0
  }

  /** @returns the time until the next attempt, without its random part */
  failed(code: string): Milliseconds {
    this.isTransient = TRANSIENT.includes(code)
    const wait = doublingDelay(++this.failures, FIRST_RETRY, MAX_RETRY)
    return this.isTransient ? wait : REFUSED_RETRY
  }

  /**
   * A connection is there again: failures to fetch through the previous one say nothing of it. A bundle that was refused is
   * not fetched again for that.
   *
   * @returns whether to try at once
   */
  reconnected(): boolean {
    if (!this.isWaiting || !this.isTransient) return false
    this.reset()
    return true
  }
}
