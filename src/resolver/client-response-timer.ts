import type { Clock } from '../base/clock.js'
import type { Milliseconds } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import { questionKey } from '../dns/message/question.js'
import { TimingWheel, TICK } from '../upstream/query/timing-wheel.js'
import type { Timers } from '../upstream/timers.js'
import type { Fallback } from './fallback.js'
import type { PendingQuery } from './pending-query.js'

/**
 * How long clients wait for upstreams where we hold an answer that is over: the client response
 * timer of RFC 8767 §5. Who asks for what is not held waits as long as upstreams take.
 */
export class ClientResponseTimer {
  /** Called later, at most once for a query, unless an upstream is faster. */
  onExpired: (wait: PendingQuery, stale: Answer) => void = () => undefined
  private readonly deadlines: TimingWheel<PendingQuery>

  /**
   * @param after when a client is given what is over, counted from its query; up to 20 ms sooner,
   *   so that it is not later
   */
  constructor(
    private readonly fallback: Fallback,
    private readonly after: Milliseconds,
    clock: Clock,
    timers: Timers
  ) {
    this.deadlines = new TimingWheel(clock, timers, (wait, now) => this.expire(wait, now))
  }

  /** For a query to which there is an answer that is over. */
  start(wait: PendingQuery, now: Milliseconds): void {
    this.deadlines.set(wait, now + this.after - TICK, now)
  }

  /** An upstream spoke. */
  cancel(wait: PendingQuery): void {
    this.deadlines.clear(wait)
  }

  private expire(wait: PendingQuery, now: Milliseconds): void {
    const stale = this.fallback.useStale(questionKey(wait), now)
    // Given up meanwhile, to make room: then there is nothing but to wait.
    if (stale !== undefined) this.onExpired(wait, stale)
  }
}
