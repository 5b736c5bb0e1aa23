import type { Milliseconds } from '../../base/units.js'
import { EDE } from '../../dns/registry/ede.js'
import type { Outcome, OutcomeHandler } from '../forwarder.js'
import type { Upstream } from '../selection/upstream.js'
import type { UpstreamQueryDependencies } from './dependencies.js'
import type { TimingWheel } from './timing-wheel.js'
import type { UpstreamQueryTable } from './upstream-query-table.js'
import type { UpstreamQuery } from './upstream-query.js'

/** `Outcome.upstream` where none was asked. */
const NO_UPSTREAM = -1

/** How inquiries end: exactly one outcome for each who asked. */
export class Completion {
  constructor(
    private readonly dependencies: Pick<UpstreamQueryDependencies, 'counts' | 'timers'>,
    private readonly inFlight: UpstreamQueryTable,
    private readonly deadlines: TimingWheel<UpstreamQuery>
  ) {}

  /** @param message valid only while those who wait are told */
  respond(asking: UpstreamQuery, upstream: Upstream, message: Uint8Array, now: Milliseconds): void {
    const took = now - asking.startedAt
    this.finish(asking, { kind: 'response', message, upstream: upstream.index, took })
  }

  /** Where every try ended in a network error, there was nobody who could have been late. */
  fail(asking: UpstreamQuery, now: Milliseconds): void {
    this.dependencies.counts.failures++
    const ede = asking.timeouts > 0 ? EDE.NO_REACHABLE_AUTHORITY : EDE.NETWORK_ERROR
    const upstream = asking.lastAttempt?.upstream.index ?? NO_UPSTREAM
    this.finish(asking, { kind: 'failure', ede, upstream, took: now - asking.startedAt })
  }

  /** For what is not even asked; later, because it is within `forward`. */
  failSoon(waiter: OutcomeHandler, ede: 22 | 23, text?: string): void {
    this.dependencies.counts.failures++
    this.dependencies.timers.soon(() => {
      waiter.onOutcome({ kind: 'failure', ede, upstream: NO_UPSTREAM, took: 0, text })
    })
  }

  /** Without an outcome: nobody waits for a probe. */
  discard(asking: UpstreamQuery): void {
    asking.isFinished = true
    this.deadlines.clear(asking)
    asking.releaseAttempts()
  }

  private finish(asking: UpstreamQuery, outcome: Outcome): void {
    this.inFlight.delete(asking)
    this.discard(asking)
    asking.firstWaiter?.onOutcome(outcome)
    if (asking.otherWaiters !== undefined)
      for (const waiter of asking.otherWaiters) waiter.onOutcome(outcome)
  }
}
