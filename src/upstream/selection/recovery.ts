import type { Clock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import { questionOf } from '../../dns/message/question.js'
import { RRCLASS } from '../../dns/registry/rrclass.js'
import { RRTYPE } from '../../dns/registry/rrtype.js'
import type { Inquiry } from '../forwarder.js'
import type { Timer, Timers } from '../timers.js'
import type { Upstream } from './upstream.js'

/** Between two probes, if the upstream's own rest is over sooner. */
const PAUSE: Milliseconds = 1000

/** A question that every resolver has an answer to: who serves the root. RFC 1035 §3.1. */
const PROBE: Inquiry = {
  question: questionOf(Uint8Array.of(0), RRTYPE.NS, RRCLASS.IN),
  dnssecOk: false,
  checkingDisabled: false
}

/**
 * Asks failing upstreams a question of our own whenever their rest is over, until they answer: so
 * they come back by themselves, and no client has to wait to find out.
 */
export class Recovery {
  private readonly waiting = new Map<Upstream, Timer>()

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly probe: (inquiry: Inquiry, upstream: Upstream, now: Milliseconds) => void
  ) {}

  /** Begins, unless it has begun. */
  watch(upstream: Upstream, now: Milliseconds): void {
    if (!this.waiting.has(upstream)) this.wait(upstream, now)
  }

  close(): void {
    for (const timer of this.waiting.values()) timer.cancel()
    this.waiting.clear()
  }

  private wait(upstream: Upstream, now: Milliseconds): void {
    const pause = Math.max(PAUSE, upstream.restsUntil - now)
    this.waiting.set(
      upstream,
      this.timers.after(pause, () => {
        this.look(upstream)
      })
    )
  }

  private look(upstream: Upstream): void {
    const now = this.clock.now()
    if (!upstream.isFailing) {
      this.waiting.delete(upstream)
      return
    }
    if (!upstream.isResting(now)) this.probe(PROBE, upstream, now)
    this.wait(upstream, now)
  }
}
