import type { Milliseconds, Octets } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { EDE } from '../../dns/registry/ede.js'
import type { ForwardedQuestion, OutcomeHandler } from '../forwarder.js'
import { COOKIE_CHECK } from '../selection/upstream-cookies.js'
import { areAllDown, ALL_LOOPING } from '../selection/upstream-selector.js'
import type { Upstream } from '../selection/upstream.js'
import { Completion, messageView } from './completion.js'
import type { UpstreamQueryDependencies } from './dependencies.js'
import { isEdnsRejected, isErrorResponse, isRejection, isTruncated } from './response-header.js'
import { TimingWheel } from './timing-wheel.js'
import { UpstreamQueryTable } from './upstream-query-table.js'
import {
  UpstreamQuery,
  type UpstreamGroup,
  type AttemptHandler,
  type Attempt
} from './upstream-query.js'

/** Most packets or TCP messages sent for one upstream query. */
const MAX_ATTEMPTS = 8
/** Mismatched responses after which a query is taken to be under attack and moves to TCP. */
const MAX_MISMATCHES = 20
/** Most unused objects kept in the pool: about as many as are in flight under full load. */
const MAX_POOLED = 4096
const LOOP_TEXT = 'forwarding loop: all upstreams forward back to this resolver'

/**
 * Upstream queries in flight, from the question to exactly one outcome for each waiter:
 *
 *     start ── send ─┬─ answer ──────────────────────────────────► response
 *               ▲    ├─ truncated ─► retry the same upstream over TCP
 *               │    ├─ case or cookie wrong ─► retry the same upstream over TCP
 *               │    ├─ BADCOOKIE ─► retry the same upstream with the new cookie
 *               │    ├─ EDNS rejected ─► retry the same upstream without EDNS
 *               │    ├─ error ─────► try each other upstream; if all fail, too ────► response
 *               │    └─ timeout, network error ─┬─ time and upstreams left ─┐
 *               │                               └───────────────────────────│──► failure
 *               └───────────────────────────────────────────────────────────┘
 *
 * Answers to earlier attempts are accepted until the end: an upstream may just be slow.
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
    this.deadlines = new TimingWheel(clock, timers, (query, now) => {
      this.onTimeout(query, now)
    })
    this.completion = new Completion(dependencies, this.inFlight, this.deadlines)
  }

  get size(): number {
    return this.inFlight.size
  }

  /** Queries an upstream of `group`, or joins the same query in flight. Calls `waiter` later. */
  start(question: ForwardedQuestion, group: UpstreamGroup, waiter: OutcomeHandler): void {
    const { clock, limits, counts, selector } = this.dependencies
    const now = clock.now()
    const hash = this.inFlight.hashOf(question)
    const same = this.inFlight.find(question, hash)
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
      const query = this.newQuery(question, group, waiter, now)
      this.inFlight.add(query, hash)
      this.send(query, selector.selectFirst(group, now), false, now)
    }
  }

  /** Sends a query to one upstream only to see whether it answers. */
  probe(question: ForwardedQuestion, upstream: Upstream, now: Milliseconds): void {
    const query = this.newQuery(question, [upstream], undefined, now)
    this.send(query, upstream, false, now)
  }

  /** Fails all queries in flight. */
  close(): void {
    this.isClosed = true
    const now = this.dependencies.clock.now()
    for (const query of this.inFlight.all()) this.completion.fail(query, now)
    this.deadlines.close()
  }

  onResponse(
    attempt: Attempt,
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    now: Milliseconds
  ): void {
    const { query, upstream, overTcp, cookie } = attempt
    const check =
      cookie === undefined
        ? COOKIE_CHECK.accept
        : upstream.cookies.check(octets, start, end, overTcp, now)
    if (check === COOKIE_CHECK.retryTcp) {
      this.retryDoubtful(attempt, now)
      return
    }
    upstream.counts.responses++
    const isRetry = overTcp && !upstream.isEncrypted
    upstream.onResponse(isRetry ? undefined : now - attempt.sentAt, now)
    if (!attempt.edns && query.plainFor === upstream && !isRejection(octets, start)) {
      upstream.onAnswerWithoutEdns(now)
    }
    if (overTcp && query.caseMismatchFrom === upstream) {
      upstream.onTcpCaseCheck(
        answersQuestion(octets, start, end, attempt.id, query.forwarded.question, true)
      )
    }
    if (query.firstWaiter === undefined) {
      this.completion.discard(query)
    } else if (check === COOKIE_CHECK.retryPlain) {
      upstream.counts.rewordings++
      this.retrySame(attempt, overTcp, now)
    } else if (check === COOKIE_CHECK.retryCookie && !overTcp) {
      this.retryWithNewCookie(attempt, now)
    } else if (!overTcp && isTruncated(octets, start)) {
      upstream.counts.truncated++
      this.retrySame(attempt, true, now)
    } else if (attempt.edns && isEdnsRejected(octets, start, end)) {
      this.retryWithoutEdns(attempt, overTcp, now)
    } else if (check === COOKIE_CHECK.accept && !isErrorResponse(octets, start)) {
      upstream.onAnswer()
      if (query.errorResponse !== undefined) query.reportWrongErrors(now)
      this.completion.respond(query, upstream, messageView(octets, start, end), now)
      // After a single attempt over UDP nothing refers to it: no connection, timer or other attempt.
      if (query.attemptCount === 1 && !overTcp) this.recycle(query)
    } else {
      this.onErrorResponse(attempt, octets.slice(start, end), now)
    }
  }

  onMismatch(query: UpstreamQuery | undefined, now: Milliseconds): void {
    this.dependencies.counts.mismatches++
    if (query === undefined || query.isTcpOnly || ++query.mismatchCount < MAX_MISMATCHES) return
    const { lastAttempt } = query
    if (lastAttempt === undefined || query.firstWaiter === undefined) return
    // Somebody sends spoofed responses. TCP cannot be spoofed off-path; UDP responses are ignored.
    this.dependencies.counts.movedToTcp++
    query.isTcpOnly = true
    query.releaseAttempts()
    this.send(query, lastAttempt.upstream, true, now)
  }

  onCaseMismatch(attempt: Attempt, now: Milliseconds): void {
    attempt.query.caseMismatchFrom = attempt.upstream
    this.retryDoubtful(attempt, now)
  }

  onConnectionLost(attempt: Attempt, isEstablished: boolean): void {
    const { query, upstream } = attempt
    if (query.isFinished || query.lastAttempt !== attempt) return
    upstream.counts.lost++
    const now = this.dependencies.clock.now()
    // An upstream may close an idle connection just when it is used: RFC 7766 §6.2.4.
    if (isEstablished && !query.isReconnected) {
      query.isReconnected = true
      this.send(query, upstream, true, now)
    } else {
      attempt.isUnreachable = true
      if (upstream.isEncrypted) upstream.onUndelivered(attempt.sentAt, now)
      this.failOver(query, now)
    }
  }

  onUndelivered(attempt: Attempt, now: Milliseconds): void {
    const { query, upstream, sentAt } = attempt
    upstream.counts.undelivered++
    attempt.isUndelivered = true
    attempt.release()
    upstream.onUndelivered(sentAt, now)
    // The ICMP message came after the timeout, which has been counted.
    if (query.lastAttempt !== attempt) query.timeoutCount--
    this.markUnreachable(attempt)
  }

  private newQuery(
    question: ForwardedQuestion,
    group: UpstreamGroup,
    firstWaiter: OutcomeHandler | undefined,
    now: Milliseconds
  ): UpstreamQuery {
    const query = this.pool.pop() ?? new UpstreamQuery()
    return query.start(
      question,
      group,
      firstWaiter,
      now,
      now + this.dependencies.limits.queryTimeout
    )
  }

  private recycle(query: UpstreamQuery): void {
    if (this.pool.length < MAX_POOLED) this.pool.push(query)
  }

  private join(query: UpstreamQuery, waiter: OutcomeHandler): void {
    const { counts, limits } = this.dependencies
    const waiters = (query.otherWaiters ??= [])
    if (waiters.length + 1 >= limits.maxWaiters) {
      counts.rejected++
      this.completion.failSoon(waiter, EDE.NO_REACHABLE_AUTHORITY)
    } else {
      counts.shared++
      waiters.push(waiter)
    }
  }

  private send(
    query: UpstreamQuery,
    upstream: Upstream,
    wantsTcp: boolean,
    now: Milliseconds
  ): void {
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

  /** Fails over to another upstream; not at once, since this may run within `forward`. */
  private markUnreachable(attempt: Attempt): void {
    const { query } = attempt
    attempt.isUnreachable = true
    this.dependencies.timers.soon(() => {
      if (query.isFinished || query.lastAttempt !== attempt) return
      this.failOver(query, this.dependencies.clock.now())
    })
  }

  private retrySame(attempt: Attempt, overTcp: boolean, now: Milliseconds): void {
    const { query, upstream } = attempt
    attempt.release()
    if (query.attemptCount >= MAX_ATTEMPTS) this.completion.fail(query, now)
    else this.send(query, upstream, overTcp, now)
  }

  /** The response was wrong only in what an off-path attacker cannot know: retries over TCP. */
  private retryDoubtful(attempt: Attempt, now: Milliseconds): void {
    this.dependencies.counts.mismatches++
    attempt.upstream.counts.doubts++
    if (attempt.query.firstWaiter !== undefined) this.retrySame(attempt, true, now)
  }

  /** Retries with the cookie that came with BADCOOKIE; the second time over TCP. RFC 7873 §5.3. */
  private retryWithNewCookie(attempt: Attempt, now: Milliseconds): void {
    const { query, upstream } = attempt
    const isRepeated = query.badCookieFrom === upstream
    query.badCookieFrom = upstream
    upstream.counts.rewordings++
    this.retrySame(attempt, isRepeated, now)
  }

  private retryWithoutEdns(attempt: Attempt, overTcp: boolean, now: Milliseconds): void {
    const { query, upstream } = attempt
    query.plainFor = upstream
    upstream.counts.ednsRejections++
    this.retrySame(attempt, overTcp, now)
  }

  private onErrorResponse(attempt: Attempt, message: Uint8Array, now: Milliseconds): void {
    const { query, upstream } = attempt
    attempt.isError = true
    attempt.release()
    if (query.errorResponse === undefined) {
      query.errorResponse = message
      query.errorFrom = upstream
    }
    this.tryOthers(query, query.errorResponse, query.errorFrom!, now)
  }

  /**
   * After an error response: tries each other upstream once, those that are down last, because one of
   * them may have recovered. Then clients get the first error.
   */
  private tryOthers(
    query: UpstreamQuery,
    error: Uint8Array,
    from: Upstream,
    now: Milliseconds
  ): void {
    const { selector } = this.dependencies
    const mayTry = now < query.deadline && query.attemptCount < MAX_ATTEMPTS + query.group.length
    const other = mayTry ? selector.selectUntried(query, now) : undefined
    if (other === undefined) this.completion.respond(query, from, error, now)
    else this.send(query, other, query.isTcpOnly, now)
  }

  private onTimeout(query: UpstreamQuery, now: Milliseconds): void {
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
  private failOver(query: UpstreamQuery, now: Milliseconds): void {
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
