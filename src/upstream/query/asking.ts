import type { Milliseconds, Octets } from '../../base/units.js'
import type { ClientCookie } from '../../dns/edns/client-cookie.js'
import { mixCase, writeInquiry } from '../../dns/message/inquiry.js'
import type { Inquiry, Waiter } from '../forwarder.js'
import type { Random } from '../random.js'
import type { Upstream } from '../selection/upstream.js'
import { Link } from './deadlines.js'

/** Those among whom one inquiry's upstream is chosen. */
export type Group = readonly Upstream[]

/** What a query went out on: a UDP socket or a TCP connection. */
export interface Channel {
  /** The ID is free again; a response that bears it is a stray from now on. */
  release(id: number): void
  /** No answer came in time to what was sent on it at `sentAt`. */
  silent?(sentAt: Milliseconds): void
}

/** One query sent to one upstream; it counts until the whole inquiry is over. */
export class Try {
  /** Undefined: nothing is expected on it, or it could not be sent. */
  channel: Channel | undefined
  id = 0
  /** The answer has to spell QNAME as the query did. */
  exactCase = false
  /** It could not go there, as the network says: others are asked first. */
  cutOff = false
  /** ICMP said so, of this very query; it may be that the upstream is just being restarted. */
  undelivered = false
  /** What the query takes along, if anything, and the answer has to bring back. */
  cookie: ClientCookie | undefined
  /** Set by `begin`, before anybody looks. */
  upstream!: Upstream
  overTcp = false
  sentAt: Milliseconds = 0
  previous: Try | undefined
  /** Its place in `Flights`. */
  next: Try | undefined

  constructor(readonly asking: Asking) {}

  begin(upstream: Upstream, overTcp: boolean, now: Milliseconds, previous: Try | undefined): this {
    this.upstream = upstream
    this.overTcp = overTcp
    this.sentAt = now
    this.previous = previous
    this.exactCase = false
    this.cutOff = false
    this.undelivered = false
    this.cookie = upstream.cookies.toSend(now)
    return this
  }

  /** Writes the query into `into` from `at` on; returns its length. */
  write(into: Uint8Array, at: Octets): Octets {
    return this.asking.write(into, at, this.id, this.cookie)
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
export class Asking extends Link {
  /** The first try, which is the only one, nearly always. */
  private readonly opening = new Try(this)
  /** Set by `open`, before anybody looks. */
  inquiry!: Inquiry
  group!: Group
  /** Undefined for a probe, which nobody waits for. */
  first: Waiter | undefined
  others: Waiter[] | undefined
  startedAt: Milliseconds = 0
  giveUpAt: Milliseconds = 0
  private mixed = false
  last: Try | undefined
  tries = 0
  /** Tries that no answer came to in time; the others ended in a network error. */
  silences = 0
  /** Responses that pretended to be for this inquiry. */
  mismatches = 0
  /** Somebody guesses at it over UDP. */
  tcpOnly = false
  reconnected = false
  /** Who wanted it with another cookie, and got that. */
  renewed: Upstream | undefined
  /** Whose answer over UDP was right but for the case, so that it is asked again over TCP. */
  doubted: Upstream | undefined
  finished = false
  /** An error response, kept while another upstream is asked. */
  held: Uint8Array | undefined
  heldFrom: Upstream | undefined
  /** Its place in `AskingTable`. */
  hash = 0
  next: Asking | undefined

  /** @param first undefined for a probe */
  open(
    inquiry: Inquiry,
    group: Group,
    first: Waiter | undefined,
    startedAt: Milliseconds,
    giveUpAt: Milliseconds
  ): this {
    this.inquiry = inquiry
    this.group = group
    this.first = first
    this.startedAt = startedAt
    this.giveUpAt = giveUpAt
    this.others = undefined
    this.mixed = false
    this.last = undefined
    this.tries = 0
    this.silences = 0
    this.mismatches = 0
    this.tcpOnly = false
    this.reconnected = false
    this.renewed = undefined
    this.doubted = undefined
    this.finished = false
    this.held = undefined
    this.heldFrom = undefined
    return this
  }

  /** Gives the letters of QNAME a random case, once for all tries. */
  mixCase(random: Random): void {
    if (this.mixed) return
    this.mixed = true
    mixCase(this.inquiry.question, random)
  }

  /** Notes a new try, before it is sent. */
  begin(upstream: Upstream, overTcp: boolean, now: Milliseconds): Try {
    const attempt = this.tries === 0 ? this.opening : new Try(this)
    attempt.begin(upstream, overTcp, now, this.last)
    this.last = attempt
    this.tries++
    return attempt
  }

  /** How often `upstream` was asked. */
  timesAsked(upstream: Upstream): number {
    let times = 0
    for (let at = this.last; at !== undefined; at = at.previous) {
      if (at.upstream === upstream) times++
    }
    return times
  }

  /** Whether the network keeps us from asking `upstream`. */
  isCutOff(upstream: Upstream): boolean {
    for (let at = this.last; at !== undefined; at = at.previous) {
      if (at.cutOff && at.upstream === upstream) return true
    }
    return false
  }

  /** Those of whom ICMP spoke may be asked again. Returns whether there are any. */
  pardon(): boolean {
    let any = false
    for (let at = this.last; at !== undefined; at = at.previous) {
      if (!at.undelivered) continue
      at.cutOff = false
      any = true
    }
    return any
  }

  /** Nothing is expected any more from what was sent so far. */
  releaseTries(): void {
    for (let at = this.last; at !== undefined; at = at.previous) at.release()
  }

  write(into: Uint8Array, at: Octets, id: number, cookie: ClientCookie | undefined): Octets {
    const { question, dnssecOk, checkingDisabled } = this.inquiry
    return writeInquiry(into, at, id, question, dnssecOk, checkingDisabled, cookie)
  }
}

/** What the channels tell of the tries that went out on them. */
export interface Receiver {
  /** A whole response in `octets[start, end)`: ID, address, port and question are right. */
  answered(attempt: Try, octets: Uint8Array, start: Octets, end: Octets, now: Milliseconds): void
  /** A response that cannot be the upstream's; `asking` is what it pretends to answer, if known. */
  mismatched(asking: Asking | undefined, now: Milliseconds): void
  /** As `answered`, but what only the upstream can know is wrong: the case of QNAME. */
  doubted(attempt: Try, now: Milliseconds): void
  /** The query did not get there, as ICMP says (and quotes it), or our own system. */
  undelivered(attempt: Try, now: Milliseconds): void
  /** The connection ended before the answer. `established`: it had been a connection. */
  lost(attempt: Try, established: boolean): void
}
