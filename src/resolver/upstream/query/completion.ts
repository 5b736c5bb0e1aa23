import { copyOctets } from '../../../base/bytes/octets.js'
import { ScratchArrays } from '../../../base/bytes/scratch-arrays.js'
import type { Milliseconds, Octets } from '../../../base/units.js'
import { EDE } from '../../../wire/dns/registry/ede.js'
import type { UpstreamOutcome, OutcomeHandler } from '../forwarder.js'
import type { Upstream } from '../selection/upstream.js'
import type { UpstreamQueryDependencies } from './dependencies.js'
import type { TimingWheel } from './timing-wheel.js'
import type { UpstreamQueryTable } from './upstream-query-table.js'
import type { UpstreamQuery } from './upstream-query.js'

/** Up to this length, copying a message is cheaper than making a view. */
const MAX_COPIED: Octets = 256
const copies = new ScratchArrays(MAX_COPIED, length => new Uint8Array(length))
/** `Outcome.upstream` if no upstream was queried. */
const NO_UPSTREAM = -1

/** Ends upstream queries: each waiter gets exactly one outcome. */
export class Completion {
  constructor(
    private readonly dependencies: Pick<UpstreamQueryDependencies, 'counts' | 'timers'>,
    private readonly inFlight: UpstreamQueryTable,
    private readonly deadlines: TimingWheel<UpstreamQuery>
  ) {}

  /** @param message valid only during the call */
  respond(query: UpstreamQuery, upstream: Upstream, message: Uint8Array, now: Milliseconds): void {
    const took = now - query.startedAt
    this.end(query, { kind: 'response', message, upstream: upstream.index, took })
  }

  /** EDE 22 if an attempt timed out, 23 if all ended in network errors. */
  fail(query: UpstreamQuery, now: Milliseconds): void {
    this.dependencies.counts.failures++
    const ede = query.timeoutCount > 0 ? EDE.NO_REACHABLE_AUTHORITY : EDE.NETWORK_ERROR
    const last = query.lastAttempt?.upstream
    const upstream = last?.index ?? NO_UPSTREAM
    const error = last?.connectionError
    const text = error === undefined ? undefined : `${last!.text}: ${error}`
    this.end(query, { kind: 'failure', ede, upstream, took: now - query.startedAt, text })
  }

  /** Fails a question that is not sent; not at once, since this runs within `forward`. */
  failSoon(waiter: OutcomeHandler, ede: 22 | 23, text?: string): void {
    this.dependencies.counts.failures++
    this.dependencies.timers.soon(() => {
      waiter.onOutcome({ kind: 'failure', ede, upstream: NO_UPSTREAM, took: 0, text })
    })
  }

  /** Ends the attempts of the query without an outcome. */
  discard(query: UpstreamQuery): void {
    query.isFinished = true
    this.deadlines.clear(query)
    query.releaseAttempts()
  }

  /** Gives all waiters the outcome. */
  end(query: UpstreamQuery, outcome: UpstreamOutcome): void {
    this.inFlight.delete(query)
    query.chain = undefined
    this.discard(query)
    query.firstWaiter?.onOutcome(outcome)
    if (query.otherWaiters !== undefined)
      for (const waiter of query.otherWaiters) waiter.onOutcome(outcome)
  }
}

/** The message in `octets[start, end)`, valid until the next call. */
export function messageView(octets: Uint8Array, start: Octets, end: Octets): Uint8Array {
  if (end - start > MAX_COPIED) return octets.subarray(start, end)
  const message = copies.take(end - start)
  copyOctets(octets, start, end, message, 0)
  return message
}
