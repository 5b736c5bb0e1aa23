import type { Milliseconds } from '../../../base/units.js'
import { areAllDown } from './upstream-selector.js'
import type { Upstream } from '../selection/upstream.js'
import type { Completion } from './completion.js'
import type { UpstreamQueryDependencies } from './dependencies.js'
import type { TimingWheel } from './timing-wheel.js'
import type { Attempt, UpstreamQuery } from './upstream-query.js'

/** Most packets or TCP messages sent for one upstream query. */
const MAX_ATTEMPTS = 8

/** Sends the attempts of upstream queries: the first, retries, and those to other upstreams after a failure. */
export class AttemptSender {
  constructor(
    private readonly dependencies: UpstreamQueryDependencies,
    private readonly deadlines: TimingWheel<UpstreamQuery>,
    private readonly completion: Completion
  ) {}

  send(query: UpstreamQuery, upstream: Upstream, wantsTcp: boolean, now: Milliseconds): void {
    const { send, limits, caseRandom } = this.dependencies
    const overTcp = wantsTcp || upstream.isEncrypted
    const attempt = query.newAttempt(upstream, overTcp, now)
    if (caseRandom !== undefined && upstream.preservesCase && !upstream.isEncrypted) {
      query.randomizeCase(caseRandom)
      attempt.exactCase = true
    }
    upstream.countQuery(overTcp)
    if (send(attempt, now)) {
      this.deadlines.set(query, Math.min(now + limits.attemptTimeout, query.deadline), now)
      return
    }
    upstream.counts.lost++
    if (!overTcp) upstream.onFailure(now)
    this.markUnreachable(attempt)
  }

  retrySame(attempt: Attempt, overTcp: boolean, now: Milliseconds): void {
    const { query, upstream } = attempt
    attempt.release()
    if (query.attemptCount >= MAX_ATTEMPTS) this.completion.fail(query, now)
    else this.send(query, upstream, overTcp, now)
  }

  /** Fails over to another upstream; not at once, since this may run within `forward`. */
  markUnreachable(attempt: Attempt): void {
    const { query } = attempt
    attempt.isUnreachable = true
    this.dependencies.timers.soon(() => {
      if (query.isFinished || query.lastAttempt !== attempt) return
      this.failOver(query, this.dependencies.clock.now())
    })
  }

  /**
   * After an error response: tries each other upstream once, those that are down last, because one of
   * them may have recovered. Then clients get the first error.
   */
  tryOthers(query: UpstreamQuery, error: Uint8Array, from: Upstream, now: Milliseconds): void {
    const { selector } = this.dependencies
    const mayTry = now < query.deadline && query.attemptCount < MAX_ATTEMPTS + query.group.length
    const other = mayTry ? selector.selectUntried(query, now) : undefined
    if (other === undefined) this.completion.respond(query, from, error, now)
    else this.send(query, other, query.isTcpOnly, now)
  }

  onTimeout(query: UpstreamQuery, now: Milliseconds): void {
    const attempt = query.lastAttempt!
    const { upstream } = attempt
    if (attempt.isUndelivered) {
      this.failOver(query, now)
      return
    }
    // A probe has two deadlines, but counts once.
    if (query.firstWaiter !== undefined || query.timeoutCount === 0) upstream.counts.timeouts++
    query.timeoutCount++
    if (attempt.cookie !== undefined) upstream.cookies.onTimeout(now)
    if (attempt.overTcp) attempt.channel?.onTimeout?.(attempt.sentAt)
    if (!attempt.overTcp || upstream.isEncrypted) upstream.onTimeout(attempt.sentAt, now)
    this.failOver(query, now)
  }

  /** After a failed attempt: tries the next upstream, or ends the query. */
  failOver(query: UpstreamQuery, now: Milliseconds): void {
    const next = this.dependencies.selector.selectNext(query, now)
    if (query.firstWaiter === undefined) {
      this.keepWaiting(query, now)
    } else if (query.errorResponse !== undefined && query.errorFrom !== undefined) {
      this.tryOthers(query, query.errorResponse, query.errorFrom, now)
    } else if (now >= query.deadline || query.attemptCount >= MAX_ATTEMPTS || areAllDown(query)) {
      this.completion.fail(query, now)
    } else if (next !== undefined) {
      this.send(query, next, query.isTcpOnly, now)
    } else if (query.clearUndelivered()) {
      // All are unreachable but none is down: an upstream that restarts is back within moments.
      const { attemptTimeout } = this.dependencies.limits
      this.deadlines.set(query, Math.min(now + attemptTimeout, query.deadline), now)
    } else {
      this.completion.fail(query, now)
    }
  }

  /** A probe that has timed out may still be answered if the round trip is long. */
  private keepWaiting(query: UpstreamQuery, now: Milliseconds): void {
    if (now >= query.deadline || query.lastAttempt?.channel === undefined)
      this.completion.discard(query)
    else this.deadlines.set(query, query.deadline, now)
  }
}
