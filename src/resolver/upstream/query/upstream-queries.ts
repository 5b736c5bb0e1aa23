import type { Milliseconds, Octets } from '../../../base/units.js'
import { seemsPartial } from '../../../wire/dns/message/response-chain.js'
import { answersQuestion } from '../../../wire/dns/message/answers-question.js'
import { findOpt } from '../../../wire/dns/edns/opt.js'
import { EDE } from '../../../wire/dns/registry/ede.js'
import type { ForwardedQuestion, OutcomeHandler } from '../forwarder.js'
import { COOKIE_CHECK } from '../selection/upstream-cookies.js'
import { ALL_LOOPING, UNKNOWN_SET } from './upstream-selector.js'
import type { Upstream } from '../selection/upstream.js'
import { AliasFollower, type AskTarget } from './alias-follower.js'
import { AttemptSender } from './attempt-sender.js'
import { Completion, messageView } from './completion.js'
import type { UpstreamQueryDependencies } from './dependencies.js'
import { isAnswer, isEdnsRejected, isRejection, isTruncated } from './response-header.js'
import { TimingWheel } from './timing-wheel.js'
import { UpstreamQueryTable } from './upstream-query-table.js'
import {
  UpstreamQuery,
  type UpstreamGroup,
  type AttemptHandler,
  type Attempt
} from './upstream-query.js'

/** Mismatched responses after which a query is taken to be under attack and moves to TCP. */
const MAX_MISMATCHES = 20
/** Most unused objects kept in the pool: about as many as are in flight under full load. */
const MAX_POOLED = 4096
const LOOP_TEXT = 'forwarding loop: all upstreams forward back to this resolver'
const UNKNOWN_SET_TEXT = 'the rules have just changed the forwarders of the network'

/**
 * Upstream queries in flight, from the question to exactly one outcome for each waiter:
 *
 *     start ── send ─┬─ answer ──────────────────────────────────► response
 *               ▲    ├─ an alias alone ─► query the upstream of its target: see `AliasFollower`
 *               │    ├─ truncated ─► retry the same upstream over TCP
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
  private readonly attempts: AttemptSender
  private readonly aliases: AliasFollower
  private isClosed = false

  constructor(private readonly dependencies: UpstreamQueryDependencies) {
    const { clock, timers, seed } = dependencies
    this.inFlight = new UpstreamQueryTable(seed)
    this.deadlines = new TimingWheel(clock, timers, (query, now) => {
      this.attempts.onTimeout(query, now)
    })
    this.completion = new Completion(dependencies, this.inFlight, this.deadlines)
    this.attempts = new AttemptSender(dependencies, this.deadlines, this.completion)
    this.aliases = new AliasFollower(this.completion, () => clock.now(), this.askTarget)
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
      this.failWithout(group, waiter)
    } else if (this.inFlight.size >= limits.maxInFlight) {
      counts.rejected++
      this.completion.failSoon(waiter, EDE.NO_REACHABLE_AUTHORITY)
    } else {
      const query = this.newQuery(question, group, waiter, now)
      this.inFlight.add(query, hash)
      this.attempts.send(query, selector.selectFirst(group, now), false, now)
    }
  }

  /** Not in the table: only the query whose response ended with the alias waits for it. */
  private readonly askTarget: AskTarget = (question, deadline, waiter) => {
    const { clock, selector, groupForTarget } = this.dependencies
    const group = groupForTarget(question)
    if (group === undefined) return false
    if (group.length === 0) {
      this.failWithout(group, waiter)
      return true
    }
    const now = clock.now()
    const query = this.newQuery(question, group, waiter, now)
    query.isStep = true
    query.deadline = deadline
    this.attempts.send(query, selector.selectFirst(group, now), false, now)
    return true
  }

  /** Sends a query to one upstream only to see whether it answers. */
  probe(question: ForwardedQuestion, upstream: Upstream, now: Milliseconds): void {
    const query = this.newQuery(question, [upstream], undefined, now)
    this.attempts.send(query, upstream, false, now)
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
    if (attempt.edns) {
      upstream.knowsEdns ||= findOpt(octets, start, end) !== 0
    } else if (query.plainFor === upstream && !isRejection(octets, start)) {
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
      this.attempts.retrySame(attempt, overTcp, now)
    } else if (check === COOKIE_CHECK.retryCookie && !overTcp) {
      this.retryWithNewCookie(attempt, now)
    } else if (!overTcp && isTruncated(octets, start)) {
      upstream.counts.truncated++
      this.attempts.retrySame(attempt, true, now)
    } else if (attempt.edns && isEdnsRejected(octets, start, end)) {
      this.retryWithoutEdns(attempt, overTcp, now)
    } else if (check === COOKIE_CHECK.accept && isAnswer(octets, start)) {
      upstream.onAnswer()
      if (query.errorResponse !== undefined) query.reportWrongErrors(now)
      const message = messageView(octets, start, end)
      if (!query.isStep && seemsPartial(message, query.forwarded.question))
        if (this.aliases.follow(query, message)) return
      this.completion.respond(query, upstream, message, now)
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
    this.attempts.send(query, lastAttempt.upstream, true, now)
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
      this.attempts.send(query, upstream, true, now)
    } else {
      attempt.isUnreachable = true
      if (upstream.isEncrypted) upstream.onUndelivered(attempt.sentAt, now)
      this.attempts.failOver(query, now)
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
    this.attempts.markUnreachable(attempt)
  }

  /** The question has no upstream, or none that does not lead back here. */
  private failWithout(group: UpstreamGroup, waiter: OutcomeHandler): void {
    const text =
      group === ALL_LOOPING ? LOOP_TEXT : group === UNKNOWN_SET ? UNKNOWN_SET_TEXT : undefined
    this.completion.failSoon(waiter, EDE.NETWORK_ERROR, text)
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

  /** The response was wrong only in what an off-path attacker cannot know: retries over TCP. */
  private retryDoubtful(attempt: Attempt, now: Milliseconds): void {
    this.dependencies.counts.mismatches++
    attempt.upstream.counts.doubts++
    if (attempt.query.firstWaiter !== undefined) this.attempts.retrySame(attempt, true, now)
  }

  /** Retries with the cookie that came with BADCOOKIE; the second time over TCP. RFC 7873 §5.3. */
  private retryWithNewCookie(attempt: Attempt, now: Milliseconds): void {
    const { query, upstream } = attempt
    const isRepeated = query.badCookieFrom === upstream
    query.badCookieFrom = upstream
    upstream.counts.rewordings++
    this.attempts.retrySame(attempt, isRepeated, now)
  }

  private retryWithoutEdns(attempt: Attempt, overTcp: boolean, now: Milliseconds): void {
    const { query, upstream } = attempt
    query.plainFor = upstream
    upstream.counts.ednsRejections++
    this.attempts.retrySame(attempt, overTcp, now)
  }

  private onErrorResponse(attempt: Attempt, message: Uint8Array, now: Milliseconds): void {
    const { query, upstream } = attempt
    attempt.isError = true
    attempt.release()
    if (query.errorResponse === undefined) {
      query.errorResponse = message
      query.errorFrom = upstream
    }
    this.attempts.tryOthers(query, query.errorResponse, query.errorFrom!, now)
  }
}
