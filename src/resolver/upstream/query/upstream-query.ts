import type { Milliseconds, Octets } from '../../../base/units.js'
import type { ClientCookie } from '../../../wire/dns/edns/client-cookie.js'
import { randomizeCase, encodeUpstreamQuery } from '../../../wire/dns/message/encode-query.js'
import type { ResponseChain } from '../../../wire/dns/message/response-chain.js'
import type { ForwardedQuestion, OutcomeHandler } from '../forwarder.js'
import type { Random } from '../../../base/bytes/random.js'
import type { Upstream } from '../selection/upstream.js'
import { TimerNode } from './timing-wheel.js'

/** Upstreams among which one is selected. */
export type UpstreamGroup = readonly Upstream[]

/** A UDP socket or TCP connection with attempts in flight. */
export interface Channel {
  /** Frees the message ID; later responses with it are mismatches. */
  release(id: number): void
  /** No response came in time to an attempt sent at `sentAt`. */
  onTimeout?(sentAt: Milliseconds): void
}

/** One packet or TCP message to one upstream. Kept until the upstream query has ended. */
export class Attempt {
  /** Undefined: not sent, or no response is expected any more. */
  channel: Channel | undefined
  id = 0
  /** The response has to repeat the letter case of QNAME. */
  exactCase = false
  /** A network error: other upstreams are tried first. */
  isUnreachable = false
  /** ICMP reported this very attempt; the upstream may just be restarting. */
  isUndelivered = false
  /** The query has an OPT record. */
  edns = true
  /** The response was an error; another upstream was tried. */
  isError = false
  /** Cookie in the query, which the response has to repeat; undefined: none. */
  cookie: ClientCookie | undefined
  /** Set by `start`. */
  upstream!: Upstream
  overTcp = false
  sentAt: Milliseconds = 0
  previous: Attempt | undefined
  /** Next attempt in a chain of `AttemptTable`. */
  nextInChain: Attempt | undefined

  constructor(readonly query: UpstreamQuery) {}

  start(
    upstream: Upstream,
    overTcp: boolean,
    now: Milliseconds,
    previous: Attempt | undefined
  ): this {
    this.upstream = upstream
    this.overTcp = overTcp
    this.sentAt = now
    this.previous = previous
    this.exactCase = false
    this.isUnreachable = false
    this.isUndelivered = false
    this.edns = upstream.usesEdns(now) && this.query.plainFor !== upstream
    this.isError = false
    this.cookie = this.edns ? upstream.cookies.toSend(now) : undefined
    return this
  }

  /** Writes the query into `into` from `at` on; returns its length. */
  write(into: Uint8Array, at: Octets): Octets {
    return this.query.write(into, at, this.id, this.cookie, this.edns)
  }

  release(): void {
    this.channel?.release(this.id)
    this.channel = undefined
  }
}

/**
 * One question in flight upstream, its waiters and its attempts. `due` is when the last attempt
 * times out. Pooled: see `UpstreamQueries`.
 */
export class UpstreamQuery extends TimerNode {
  /** Nearly always the only attempt, so it is reused with the query. */
  private readonly firstAttempt = new Attempt(this)
  /** Set by `start`. */
  forwarded!: ForwardedQuestion
  group!: UpstreamGroup
  /** Undefined for a probe, which has no waiters. */
  firstWaiter: OutcomeHandler | undefined
  otherWaiters: OutcomeHandler[] | undefined
  startedAt: Milliseconds = 0
  deadline: Milliseconds = 0
  private isCaseRandomized = false
  lastAttempt: Attempt | undefined
  attemptCount = 0
  /** Attempts that timed out; the others ended in a network error. */
  timeoutCount = 0
  /** Responses that matched this query only in part: possibly spoofed. */
  mismatchCount = 0
  /** Under attack over UDP. */
  isTcpOnly = false
  isReconnected = false
  /** The upstream that sent BADCOOKIE. */
  badCookieFrom: Upstream | undefined
  /** The upstream that rejected EDNS: retried without. */
  plainFor: Upstream | undefined
  /** The upstream whose response over UDP was right but for the case of QNAME. */
  caseMismatchFrom: Upstream | undefined
  isFinished = false
  /** While the target of the alias is queried with which the response ended. */
  chain: ResponseChain | undefined
  /** For the target of an alias: `AliasFollower` goes on from its response. */
  isStep = false
  /** The first error response, kept while other upstreams are tried. */
  errorResponse: Uint8Array | undefined
  errorFrom: Upstream | undefined
  /** Hash and chain link in `UpstreamQueryTable`. */
  hash = 0
  nextInChain: UpstreamQuery | undefined

  /** @param firstWaiter undefined for a probe */
  start(
    question: ForwardedQuestion,
    group: UpstreamGroup,
    firstWaiter: OutcomeHandler | undefined,
    startedAt: Milliseconds,
    giveUpAt: Milliseconds
  ): this {
    this.forwarded = question
    this.group = group
    this.firstWaiter = firstWaiter
    this.startedAt = startedAt
    this.deadline = giveUpAt
    this.otherWaiters = undefined
    this.isCaseRandomized = false
    this.lastAttempt = undefined
    this.attemptCount = 0
    this.timeoutCount = 0
    this.mismatchCount = 0
    this.isTcpOnly = false
    this.isReconnected = false
    this.badCookieFrom = undefined
    this.plainFor = undefined
    this.caseMismatchFrom = undefined
    this.isFinished = false
    this.chain = undefined
    this.isStep = false
    this.errorResponse = undefined
    this.errorFrom = undefined
    return this
  }

  /** Randomizes the letter case of QNAME, once for all attempts. */
  randomizeCase(random: Random): void {
    if (this.isCaseRandomized) return
    this.isCaseRandomized = true
    randomizeCase(this.forwarded.question, random)
  }

  /** Adds an attempt, which is then sent. */
  newAttempt(upstream: Upstream, overTcp: boolean, now: Milliseconds): Attempt {
    const attempt = this.attemptCount === 0 ? this.firstAttempt : new Attempt(this)
    attempt.start(upstream, overTcp, now, this.lastAttempt)
    this.lastAttempt = attempt
    this.attemptCount++
    return attempt
  }

  /** Number of attempts to `upstream`. */
  attemptsTo(upstream: Upstream): number {
    let times = 0
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) {
      if (at.upstream === upstream) times++
    }
    return times
  }

  /** Whether an attempt to `upstream` ended in a network error. */
  isUnreachable(upstream: Upstream): boolean {
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) {
      if (at.isUnreachable && at.upstream === upstream) return true
    }
    return false
  }

  /** Makes upstreams reported by ICMP eligible again. Returns whether there are any. */
  clearUndelivered(): boolean {
    let any = false
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) {
      if (!at.isUndelivered) continue
      at.isUnreachable = false
      any = true
    }
    return any
  }

  /** Ignores responses to all attempts so far. */
  releaseAttempts(): void {
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) at.release()
  }

  /** Another upstream has answered: reports those that returned errors. */
  reportWrongErrors(now: Milliseconds): void {
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) {
      if (at.isError) at.upstream.onWrongError(now)
    }
  }

  write(
    into: Uint8Array,
    at: Octets,
    id: number,
    cookie: ClientCookie | undefined,
    edns: boolean
  ): Octets {
    const { question, dnssecOk, checkingDisabled } = this.forwarded
    return encodeUpstreamQuery(into, at, id, question, dnssecOk, checkingDisabled, cookie, edns)
  }
}

/** Receives what happens to attempts. */
export interface AttemptHandler {
  /** A response in `octets[start, end)` whose ID, address, port and question match. */
  onResponse(
    attempt: Attempt,
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    now: Milliseconds
  ): void
  /** A response that does not match; `query` is what it may be meant for, if known. */
  onMismatch(query: UpstreamQuery | undefined, now: Milliseconds): void
  /** A response that matches but for the letter case of QNAME. */
  onCaseMismatch(attempt: Attempt, now: Milliseconds): void
  /** ICMP quoted the query as undeliverable, or the operating system rejected it. */
  onUndelivered(attempt: Attempt, now: Milliseconds): void
  /** The connection closed before the response. `isEstablished`: it had been open. */
  onConnectionLost(attempt: Attempt, isEstablished: boolean): void
}
