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

/** Checks for idle upstreams per interval, so that none is idle for much longer. */
const IDLE_CHECKS = 2

/** A question that every resolver can answer: the name servers of the root. RFC 1035 §3.1. */
const PROBE: ForwardedQuestion = {
  question: encodeQuestion(Uint8Array.of(0), RRTYPE.NS, RRCLASS.IN),
  dnssecOk: false,
  checkingDisabled: false,
  forwarders: 0
}

/**
 * Probes upstreams that are out of rotation until they answer, so that they return by themselves and
 * no client has to wait to find out; and idle ones, so that a gateway without traffic knows whether they answer.
 */
export class UpstreamProber {
  private readonly probeTimers = new Map<Upstream, Timer>()
  /** When an idle upstream was last probed. */
  private readonly idleProbes = new WeakMap<Upstream, Milliseconds>()
  private idleTimer: Timer | undefined

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

  /**
   * Probes these upstreams at once, unless they have responded lately, and whenever they have not responded for
   * the interval. Those that fail are probed anyway.
   *
   * @param interval 0: never
   */
  watchIdle(upstreams: readonly Upstream[], interval: Milliseconds): void {
    this.idleTimer?.cancel()
    this.idleTimer = undefined
    if (interval === 0) return
    const now = this.clock.now()
    for (const upstream of upstreams) {
      const probedAgo = now - (this.idleProbes.get(upstream) ?? -Infinity)
      const idle = Math.min(upstream.answeredAgo(now) ?? Infinity, probedAgo)
      if (upstream.isFailing || idle < interval) continue
      this.idleProbes.set(upstream, now)
      this.probe(PROBE, upstream, now)
    }
    const again = (): void => this.watchIdle(upstreams, interval)
    this.idleTimer = this.timers.after(interval / IDLE_CHECKS, again)
  }

  close(): void {
    this.idleTimer?.cancel()
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
