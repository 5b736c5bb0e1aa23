import type { Milliseconds } from '../../base/units.js'
import { EDE } from '../../dns/registry/ede.js'
import type { Outcome, Waiter } from '../forwarder.js'
import type { Upstream } from '../selection/upstream.js'
import type { AskingTable } from './asking-table.js'
import type { Asking } from './asking.js'
import type { Deadlines } from './deadlines.js'
import type { InquiryParts } from './inquiry-parts.js'

/** `Outcome.upstream` where none was asked. */
const NO_UPSTREAM = -1

/** How inquiries end: exactly one outcome for each who asked. */
export class Outcomes {
  constructor(
    private readonly parts: Pick<InquiryParts, 'counts' | 'timers'>,
    private readonly underWay: AskingTable,
    private readonly deadlines: Deadlines<Asking>
  ) {}

  /** @param message valid only while those who wait are told */
  respond(asking: Asking, upstream: Upstream, message: Uint8Array, now: Milliseconds): void {
    const took = now - asking.startedAt
    this.finish(asking, { kind: 'response', message, upstream: upstream.index, took })
  }

  /** Where every try ended in a network error, there was nobody who could have been late. */
  fail(asking: Asking, now: Milliseconds): void {
    this.parts.counts.failures++
    const ede = asking.silences > 0 ? EDE.NO_REACHABLE_AUTHORITY : EDE.NETWORK_ERROR
    const upstream = asking.last?.upstream.index ?? NO_UPSTREAM
    this.finish(asking, { kind: 'failure', ede, upstream, took: now - asking.startedAt })
  }

  /** For what is not even asked; later, because it is within `forward`. */
  failSoon(waiter: Waiter, ede: 22 | 23, text?: string): void {
    this.parts.counts.failures++
    this.parts.timers.soon(() => {
      waiter.told({ kind: 'failure', ede, upstream: NO_UPSTREAM, took: 0, text })
    })
  }

  /** Without an outcome: nobody waits for a probe. */
  settle(asking: Asking): void {
    asking.finished = true
    this.deadlines.clear(asking)
    asking.releaseTries()
  }

  private finish(asking: Asking, outcome: Outcome): void {
    this.underWay.delete(asking)
    this.settle(asking)
    asking.first?.told(outcome)
    if (asking.others !== undefined) for (const waiter of asking.others) waiter.told(outcome)
  }
}
