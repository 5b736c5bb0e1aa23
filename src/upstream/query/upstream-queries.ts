import type { Milliseconds, Octets } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { EDE } from '../../dns/registry/ede.js'
import type { ForwardedQuestion, OutcomeHandler } from '../forwarder.js'
import { COOKIE_CHECK } from '../selection/upstream-cookies.js'
import { areAllDown, ALL_LOOPING } from '../selection/upstream-selector.js'
import type { Upstream } from '../selection/upstream.js'
import { Completion } from './completion.js'
import type { UpstreamQueryDependencies } from './dependencies.js'
import { messageView } from './message-view.js'
import { isErrorResponse, isTruncated } from './response-header.js'
import { TimingWheel } from './timing-wheel.js'
import { UpstreamQueryTable } from './upstream-query-table.js'
import {
  UpstreamQuery,
  type UpstreamGroup,
  type AttemptHandler,
  type Attempt
} from './upstream-query.js'

/** Most queries sent for one inquiry, whatever happens. */
const MAX_ATTEMPTS = 8
/** Mismatched responses after which an inquiry is under attack and moves to TCP. */
const MAX_MISMATCHES = 20
/** Most of them that are kept to be used again: about what is under way under full load. */
const MAX_POOLED = 4096
const LOOP_TEXT = 'forwarding loop: the upstreams lead back to this resolver'

/**
 * Inquiries under way, from the question to exactly one outcome for each who asked:
 *
 *     start ── ask ──┬─ answer ──────────────────────────────────► response
 *               ▲    ├─ truncated ─► ask the same one over TCP
 *               │    ├─ in doubt ──► ask the same one over TCP
 *               │    ├─ BADCOOKIE ─► ask the same one, with another cookie
 *               │    ├─ refusal ───► ask another one, once; if it knows no better ─► response
 *               │    └─ silence, network error ─┬─ time and upstreams left ─┐
 *               │                               └───────────────────────────│──► failure
 *               └───────────────────────────────────────────────────────────┘
 *
 * Answers to earlier tries stay welcome until the end: an upstream may just be slow.
 */
export class UpstreamQueries implements AttemptHandler {
  private readonly inFlight: UpstreamQueryTable
  private readonly pool: UpstreamQuery[] = []
  private readonly deadlines: TimingWheel<UpstreamQuery>
  private readonly completion: Completion
  private isClosed = false

  constructor(private readonly dependencies: UpstreamQueryDependencies) {
    const { clock, timers, seed } = dependencies
    this.inFlight = new UpstreamQueryTable(seed)
    this.deadlines = new TimingWheel(clock, timers, (asking, now) => {
      this.onTimeout(asking, now)
    })
    this.completion = new Completion(dependencies, this.inFlight, this.deadlines)
  }

  get size(): number {
    return this.inFlight.size
  }

  /** Asks one of `group`, or joins those who wait for the same; `waiter` is told later. */
  start(inquiry: ForwardedQuestion, group: UpstreamGroup, waiter: OutcomeHandler): void {
    const { clock, limits, counts, selector: choice } = this.dependencies
    const now = clock.now()
    const hash = this.inFlight.hashOf(inquiry)
    const same = this.inFlight.find(inquiry, hash)
    if (same !== undefined) {
      this.join(same, waiter)
    } else if (this.isClosed || group.length === 0) {
      this.completion.failSoon(
        waiter,
        EDE.NETWORK_ERROR,
        group === ALL_LOOPING ? LOOP_TEXT : undefined
      )
    } else if (this.inFlight.size >= limits.maxInFlight) {
      counts.rejected++
      this.completion.failSoon(waiter, EDE.NO_REACHABLE_AUTHORITY)
    } else {
      const asking = this.newQuery(inquiry, group, waiter, now)
      this.inFlight.add(asking, hash)
      this.send(asking, choice.selectFirst(group, now), false, now)
    }
  }

  /** Puts a question to one upstream, only to see whether it answers. */
  probe(inquiry: ForwardedQuestion, upstream: Upstream, now: Milliseconds): void {
    const asking = this.newQuery(inquiry, [upstream], undefined, now)
    this.send(asking, upstream, false, now)
  }

  /** Ends all at once: everybody who waits is told. */
  close(): void {
    this.isClosed = true
    const now = this.dependencies.clock.now()
    for (const asking of this.inFlight.all()) this.completion.fail(asking, now)
    this.deadlines.close()
  }

  onResponse(
    attempt: Attempt,
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    now: Milliseconds
  ): void {
    const { query: asking, upstream, overTcp, cookie } = attempt
    const heard =
      cookie === undefined
        ? COOKIE_CHECK.accept
        : upstream.cookies.check(octets, start, end, overTcp, now)
    if (heard === COOKIE_CHECK.retryTcp) {
      this.retryDoubtful(attempt, now)
      return
    }
    upstream.counts.responses++
    upstream.onResponse(overTcp ? undefined : now - attempt.sentAt, now)
    if (overTcp && asking.caseMismatchFrom === upstream) {
      upstream.onTcpCaseCheck(
        answersQuestion(octets, start, end, attempt.id, asking.question.question, true)
      )
    }
    if (asking.firstWaiter === undefined) {
      this.completion.discard(asking)
    } else if (heard === COOKIE_CHECK.retryPlain) {
      upstream.counts.rewordings++
      this.retrySame(attempt, overTcp, now)
    } else if (heard === COOKIE_CHECK.retryCookie && !overTcp) {
      this.retryWithNewCookie(attempt, now)
    } else if (!overTcp && isTruncated(octets, start)) {
      upstream.counts.truncated++
      this.retrySame(attempt, true, now)
    } else if (heard === COOKIE_CHECK.accept && !isErrorResponse(octets, start)) {
      upstream.onAnswer()
      asking.errorFrom?.onWrongError(now)
      this.completion.respond(asking, upstream, messageView(octets, start, end), now)
      // After one try over UDP nobody has a hold on it: no connection, no timer, no other try.
      if (asking.attempts === 1 && !overTcp) this.recycle(asking)
    } else {
      this.onErrorResponse(attempt, overTcp ? octets : octets.slice(start, end), now)
    }
  }

  onMismatch(asking: UpstreamQuery | undefined, now: Milliseconds): void {
    this.dependencies.counts.mismatches++
    if (asking === undefined || asking.tcpOnly || ++asking.mismatches < MAX_MISMATCHES) return
    const { lastAttempt: last } = asking
    if (last === undefined || asking.firstWaiter === undefined) return
    // Somebody sends guesses. TCP cannot be forged from afar, and UDP is not listened to any more.
    this.dependencies.counts.movedToTcp++
    asking.tcpOnly = true
    asking.releaseAttempts()
    this.send(asking, last.upstream, true, now)
  }

  onCaseMismatch(attempt: Attempt, now: Milliseconds): void {
    attempt.query.caseMismatchFrom = attempt.upstream
    this.retryDoubtful(attempt, now)
  }

  onConnectionLost(attempt: Attempt, established: boolean): void {
    const { query: asking, upstream } = attempt
    if (asking.isFinished || asking.lastAttempt !== attempt) return
    upstream.counts.lost++
    const now = this.dependencies.clock.now()
    // An upstream may close a connection just when we use it: RFC 7766 §6.2.4.
    if (established && !asking.isReconnected) {
      asking.isReconnected = true
      this.send(asking, upstream, true, now)
    } else {
      attempt.unreachable = true
      this.failOver(asking, now)
    }
  }

  onUndelivered(attempt: Attempt, now: Milliseconds): void {
    const { query: asking, upstream, sentAt } = attempt
    upstream.counts.undelivered++
    attempt.undelivered = true
    attempt.release()
    upstream.onUndelivered(sentAt, now)
    // It may take the network longer to say so than we waited.
    if (asking.lastAttempt !== attempt) asking.timeouts--
    this.markUnreachable(attempt)
  }

  private newQuery(
    inquiry: ForwardedQuestion,
    group: UpstreamGroup,
    first: OutcomeHandler | undefined,
    now: Milliseconds
  ): UpstreamQuery {
    const asking = this.pool.pop() ?? new UpstreamQuery()
    return asking.start(inquiry, group, first, now, now + this.dependencies.limits.queryTimeout)
  }

  private recycle(asking: UpstreamQuery): void {
    if (this.pool.length < MAX_POOLED) this.pool.push(asking)
  }

  private join(asking: UpstreamQuery, waiter: OutcomeHandler): void {
    const { counts, limits } = this.dependencies
    const others = (asking.otherWaiters ??= [])
    if (others.length + 1 >= limits.maxWaiters) {
      counts.rejected++
      this.completion.failSoon(waiter, EDE.NO_REACHABLE_AUTHORITY)
    } else {
      counts.shared++
      others.push(waiter)
    }
  }

  private send(
    asking: UpstreamQuery,
    upstream: Upstream,
    overTcp: boolean,
    now: Milliseconds
  ): void {
    const { send, limits, caseRandom } = this.dependencies
    const attempt = asking.newAttempt(upstream, overTcp, now)
    if (caseRandom !== undefined && upstream.preservesCase) {
      asking.randomizeCase(caseRandom)
      attempt.exactCase = true
    }
    upstream.countQuery(overTcp)
    if (send(attempt, now)) {
      this.deadlines.set(asking, Math.min(now + limits.attemptTimeout, asking.deadline), now)
      return
    }
    upstream.counts.lost++
    if (!overTcp) upstream.onFailure(now)
    this.markUnreachable(attempt)
  }

  /** Goes on after a try that the network says no to; later, because it may be within `forward`. */
  private markUnreachable(attempt: Attempt): void {
    const { query: asking } = attempt
    attempt.unreachable = true
    this.dependencies.timers.soon(() => {
      if (asking.isFinished || asking.lastAttempt !== attempt) return
      this.failOver(asking, this.dependencies.clock.now())
    })
  }

  private retrySame(attempt: Attempt, overTcp: boolean, now: Milliseconds): void {
    const { query: asking, upstream } = attempt
    attempt.release()
    if (asking.attempts >= MAX_ATTEMPTS) this.completion.fail(asking, now)
    else this.send(asking, upstream, overTcp, now)
  }

  /** Ignores a response that only what a forger cannot see was wrong in. */
  private retryDoubtful(attempt: Attempt, now: Milliseconds): void {
    this.dependencies.counts.mismatches++
    attempt.upstream.counts.doubts++
    if (attempt.query.firstWaiter !== undefined) this.retrySame(attempt, true, now)
  }

  /** Asks with the cookie that came; if that was not right either, over TCP. RFC 7873 §5.3. */
  private retryWithNewCookie(attempt: Attempt, now: Milliseconds): void {
    const { query: asking, upstream } = attempt
    const again = asking.badCookieFrom === upstream
    asking.badCookieFrom = upstream
    upstream.counts.rewordings++
    this.retrySame(attempt, again, now)
  }

  private onErrorResponse(attempt: Attempt, message: Uint8Array, now: Milliseconds): void {
    const { query: asking, upstream } = attempt
    const other =
      asking.errorResponse === undefined
        ? this.dependencies.selector.selectUntried(asking, now)
        : undefined
    if (other === undefined) {
      this.completion.respond(asking, upstream, message, now)
      return
    }
    attempt.release()
    asking.errorResponse = message
    asking.errorFrom = upstream
    this.send(asking, other, asking.tcpOnly, now)
  }

  private onTimeout(asking: UpstreamQuery, now: Milliseconds): void {
    const attempt = asking.lastAttempt!
    const { upstream } = attempt
    if (attempt.undelivered) {
      this.failOver(asking, now)
      return
    }
    // A probe is waited for a second time, but it is one query.
    if (asking.firstWaiter !== undefined || asking.timeouts === 0) upstream.counts.timeouts++
    asking.timeouts++
    if (attempt.cookie !== undefined) upstream.cookies.onTimeout(now)
    if (attempt.overTcp) attempt.channel?.onTimeout?.(attempt.sentAt)
    else upstream.onTimeout(attempt.sentAt, now)
    this.failOver(asking, now)
  }

  /** After a try that came to nothing. */
  private failOver(asking: UpstreamQuery, now: Milliseconds): void {
    const next = this.dependencies.selector.selectNext(asking, now)
    if (asking.firstWaiter === undefined) {
      this.keepWaiting(asking, now)
    } else if (asking.errorResponse !== undefined && asking.errorFrom !== undefined) {
      this.completion.respond(asking, asking.errorFrom, asking.errorResponse, now)
    } else if (now >= asking.deadline || asking.attempts >= MAX_ATTEMPTS || areAllDown(asking)) {
      this.completion.fail(asking, now)
    } else if (next !== undefined) {
      this.send(asking, next, asking.tcpOnly, now)
    } else if (asking.clearUndelivered()) {
      // Nobody is left, and nobody is down: a resolver that is being restarted is back in no time.
      const { attemptTimeout: tryTimeout } = this.dependencies.limits
      this.deadlines.set(asking, Math.min(now + tryTimeout, asking.deadline), now)
    } else {
      this.completion.fail(asking, now)
    }
  }

  /** A probe that has counted as a failure may still be answered, if the way there is long. */
  private keepWaiting(asking: UpstreamQuery, now: Milliseconds): void {
    if (now >= asking.deadline || asking.lastAttempt?.channel === undefined)
      this.completion.discard(asking)
    else this.deadlines.set(asking, asking.deadline, now)
  }
}
