import type { Clock } from '../../../base/time/clock.js'
import type { Milliseconds } from '../../../base/units.js'
import { encodeQuestion } from '../../../wire/dns/message/question.js'
import { RRCLASS } from '../../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import type { ForwardedQuestion } from '../forwarder.js'
import type { Timer, Timers } from '../../../base/time/timers.js'
import type { Upstream } from './upstream.js'

/** Shortest interval between two probes. */
const PROBE_INTERVAL: Milliseconds = 1000

/** A question that every resolver can answer: the name servers of the root. RFC 1035 §3.1. */
const PROBE: ForwardedQuestion = {
  question: encodeQuestion(Uint8Array.of(0), RRTYPE.NS, RRCLASS.IN),
  dnssecOk: false,
  checkingDisabled: false
}

/**
 * Probes upstreams that are out of rotation until they answer, so that they return by themselves and
 * no client has to wait to find out.
 */
export class UpstreamProber {
  private readonly probeTimers = new Map<Upstream, Timer>()

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly probe: (
      question: ForwardedQuestion,
      upstream: Upstream,
      now: Milliseconds
    ) => void
  ) {}

  /** No effect if the upstream is being probed already. */
  startProbing(upstream: Upstream, now: Milliseconds): void {
    if (!this.probeTimers.has(upstream)) this.schedule(upstream, now)
  }

  stopProbing(upstream: Upstream): void {
    this.probeTimers.get(upstream)?.cancel()
    this.probeTimers.delete(upstream)
  }

  close(): void {
    for (const timer of this.probeTimers.values()) timer.cancel()
    this.probeTimers.clear()
  }

  private schedule(upstream: Upstream, now: Milliseconds): void {
    const pause = Math.max(PROBE_INTERVAL, upstream.outOfRotationUntil - now)
    this.probeTimers.set(
      upstream,
      this.timers.after(pause, () => {
        this.probeIfDue(upstream)
      })
    )
  }

  private probeIfDue(upstream: Upstream): void {
    const now = this.clock.now()
    if (!upstream.isFailing) {
      this.probeTimers.delete(upstream)
      return
    }
    if (!upstream.isOutOfRotation(now)) this.probe(PROBE, upstream, now)
    this.schedule(upstream, now)
  }
}
