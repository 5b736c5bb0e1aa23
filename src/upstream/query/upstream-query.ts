import type { Milliseconds, Octets } from '../../base/units.js'
import type { ClientCookie } from '../../dns/edns/client-cookie.js'
import { randomizeCase, encodeUpstreamQuery } from '../../dns/message/encode-query.js'
import type { ForwardedQuestion, OutcomeHandler } from '../forwarder.js'
import type { Random } from '../random.js'
import type { Upstream } from '../selection/upstream.js'
import { TimerNode } from './timing-wheel.js'

/** Those among whom one inquiry's upstream is chosen. */
export type UpstreamGroup = readonly Upstream[]

/** What a query went out on: a UDP socket or a TCP connection. */
export interface Channel {
  /** The ID is free again; a response that bears it is a stray from now on. */
  release(id: number): void
  /** No answer came in time to what was sent on it at `sentAt`. */
  onTimeout?(sentAt: Milliseconds): void
}

/** One query sent to one upstream; it counts until the whole inquiry is over. */
export class Attempt {
  /** Undefined: nothing is expected on it, or it could not be sent. */
  channel: Channel | undefined
  id = 0
  /** The answer has to spell QNAME as the query did. */
  exactCase = false
  /** It could not go there, as the network says: others are asked first. */
  unreachable = false
  /** ICMP said so, of this very query; it may be that the upstream is just being restarted. */
  undelivered = false
  /** What the query takes along, if anything, and the answer has to bring back. */
  cookie: ClientCookie | undefined
  /** Set by `begin`, before anybody looks. */
  upstream!: Upstream
  overTcp = false
  sentAt: Milliseconds = 0
  previous: Attempt | undefined
  /** Its place in `Flights`. */
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
    this.unreachable = false
    this.undelivered = false
    this.cookie = upstream.cookies.toSend(now)
    return this
  }

  /** Writes the query into `into` from `at` on; returns its length. */
  write(into: Uint8Array, at: Octets): Octets {
    return this.query.write(into, at, this.id, this.cookie)
  }

  release(): void {
    this.channel?.release(this.id)
    this.channel = undefined
  }
}

/**
 * An inquiry under way: who waits for it, and what has been tried. `due` is the last try's end. Is
 * used again once it is over: see `Inquiries`.
 */
export class UpstreamQuery extends TimerNode {
  /** The first try, which is the only one, nearly always. */
  private readonly firstAttempt = new Attempt(this)
  /** Set by `open`, before anybody looks. */
  question!: ForwardedQuestion
  group!: UpstreamGroup
  /** Undefined for a probe, which nobody waits for. */
  firstWaiter: OutcomeHandler | undefined
  otherWaiters: OutcomeHandler[] | undefined
  startedAt: Milliseconds = 0
  deadline: Milliseconds = 0
  private isCaseRandomized = false
  lastAttempt: Attempt | undefined
  attempts = 0
  /** Tries that no answer came to in time; the others ended in a network error. */
  timeouts = 0
  /** Responses that pretended to be for this inquiry. */
  mismatches = 0
  /** Somebody guesses at it over UDP. */
  tcpOnly = false
  isReconnected = false
  /** Who wanted it with another cookie, and got that. */
  badCookieFrom: Upstream | undefined
  /** Whose answer over UDP was right but for the case, so that it is asked again over TCP. */
  caseMismatchFrom: Upstream | undefined
  isFinished = false
  /** An error response, kept while another upstream is asked. */
  errorResponse: Uint8Array | undefined
  errorFrom: Upstream | undefined
  /** Its place in `AskingTable`. */
  hash = 0
  nextInChain: UpstreamQuery | undefined

  /** @param first undefined for a probe */
  start(
    inquiry: ForwardedQuestion,
    group: UpstreamGroup,
    first: OutcomeHandler | undefined,
    startedAt: Milliseconds,
    giveUpAt: Milliseconds
  ): this {
    this.question = inquiry
    this.group = group
    this.firstWaiter = first
    this.startedAt = startedAt
    this.deadline = giveUpAt
    this.otherWaiters = undefined
    this.isCaseRandomized = false
    this.lastAttempt = undefined
    this.attempts = 0
    this.timeouts = 0
    this.mismatches = 0
    this.tcpOnly = false
    this.isReconnected = false
    this.badCookieFrom = undefined
    this.caseMismatchFrom = undefined
    this.isFinished = false
    this.errorResponse = undefined
    this.errorFrom = undefined
    return this
  }

  /** Gives the letters of QNAME a random case, once for all tries. */
  randomizeCase(random: Random): void {
    if (this.isCaseRandomized) return
    this.isCaseRandomized = true
    randomizeCase(this.question.question, random)
  }

  /** Notes a new try, before it is sent. */
  newAttempt(upstream: Upstream, overTcp: boolean, now: Milliseconds): Attempt {
    const attempt = this.attempts === 0 ? this.firstAttempt : new Attempt(this)
    attempt.start(upstream, overTcp, now, this.lastAttempt)
    this.lastAttempt = attempt
    this.attempts++
    return attempt
  }

  /** How often `upstream` was asked. */
  attemptsTo(upstream: Upstream): number {
    let times = 0
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) {
      if (at.upstream === upstream) times++
    }
    return times
  }

  /** Whether the network keeps us from asking `upstream`. */
  isUnreachable(upstream: Upstream): boolean {
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) {
      if (at.unreachable && at.upstream === upstream) return true
    }
    return false
  }

  /** Those of whom ICMP spoke may be asked again. Returns whether there are any. */
  clearUndelivered(): boolean {
    let any = false
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) {
      if (!at.undelivered) continue
      at.unreachable = false
      any = true
    }
    return any
  }

  /** Nothing is expected any more from what was sent so far. */
  releaseAttempts(): void {
    for (let at = this.lastAttempt; at !== undefined; at = at.previous) at.release()
  }

  write(into: Uint8Array, at: Octets, id: number, cookie: ClientCookie | undefined): Octets {
    const { question, dnssecOk, checkingDisabled } = this.question
    return encodeUpstreamQuery(into, at, id, question, dnssecOk, checkingDisabled, cookie)
  }
}

/** What the channels tell of the tries that went out on them. */
export interface AttemptHandler {
  /** A whole response in `octets[start, end)`: ID, address, port and question are right. */
  onResponse(
    attempt: Attempt,
    octets: Uint8Array,
    start: Octets,
    end: Octets,
    now: Milliseconds
  ): void
  /** A response that cannot be the upstream's; `asking` is what it pretends to answer, if known. */
  onMismatch(asking: UpstreamQuery | undefined, now: Milliseconds): void
  /** As `answered`, but what only the upstream can know is wrong: the case of QNAME. */
  onCaseMismatch(attempt: Attempt, now: Milliseconds): void
  /** The query did not get there, as ICMP says (and quotes it), or our own system. */
  onUndelivered(attempt: Attempt, now: Milliseconds): void
  /** The connection ended before the answer. `established`: it had been a connection. */
  onConnectionLost(attempt: Attempt, established: boolean): void
}
