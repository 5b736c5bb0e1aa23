import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import { questionKey } from '../../wire/dns/message/question.js'
import { TICK, TimingWheel } from '../upstream/query/timing-wheel.js'
import type { Timers } from '../../base/time/timers.js'
import type { Fallback } from '../answers/fallback.js'
import type { PendingQuery } from './pending-query.js'

/**
 * The client response timer of RFC 8767 §5: how long a client waits for upstreams before it gets
 * the stale answer. It runs only for queries with an expired answer in the cache; all others wait
 * as long as the upstream query takes.
 */
export class ClientResponseTimer {
  private readonly wheel: TimingWheel<PendingQuery>

  /**
   * @param delay may be changed; from the query to the stale reply; the reply is sent up to one tick (20 ms) early
   *   rather than late
   */
  constructor(
    private readonly fallback: Fallback,
    public delay: Milliseconds,
    clock: Clock,
    timers: Timers
  ) {
    this.wheel = new TimingWheel(clock, timers, (pending, now) => this.expire(pending, now))
  }

  /** @param pending has an expired answer in the cache */
  start(pending: PendingQuery, now: Milliseconds): void {
    this.wheel.set(pending, now + this.delay - TICK, now)
  }

  cancel(pending: PendingQuery): void {
    this.wheel.clear(pending)
  }

  private expire(pending: PendingQuery, now: Milliseconds): void {
    const stale = this.fallback.useStale(questionKey(pending), now)
    // Evicted in the meantime: the client has to wait for the upstream.
    if (stale !== undefined) pending.onClientTimeout(stale)
  }
}
