import type { Milliseconds, Octets } from '../base/units.js'
import { HEADER } from '../wire/query.js'
import { writeInquiry } from '../wire/inquiry.js'
import { Timed } from './deadlines.js'
import type { Inquiry, Outcome } from './forwarder.js'
import type { Upstream } from './upstream.js'

export type Done = (outcome: Outcome) => void

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

  constructor(
    readonly asking: Asking,
    readonly upstream: Upstream,
    readonly overTcp: boolean,
    readonly sentAt: Milliseconds,
    readonly previous: Try | undefined
  ) {}

  release(): void {
    this.channel?.release(this.id)
    this.channel = undefined
  }
}

/** An inquiry under way: who waits for it, and what has been tried. `due` is the last try's end. */
export class Asking extends Timed {
  /** The question's octets as sent; set when it is first written. */
  question: Uint8Array | undefined
  last: Try | undefined
  tries = 0
  /** Tries that no answer came to in time; the others ended in a network error. */
  silences = 0
  /** Responses that pretended to be for this inquiry. */
  mismatches = 0
  /** Somebody guesses at it over UDP. */
  tcpOnly = false
  reconnected = false
  finished = false
  /** An error response, kept while another upstream is asked. */
  held: Uint8Array | undefined
  heldFrom: Upstream | undefined
  others: Done[] | undefined

  /** @param first undefined for a probe, which nobody waits for */
  constructor(
    readonly inquiry: Inquiry,
    readonly group: Group,
    readonly first: Done | undefined,
    readonly startedAt: Milliseconds,
    readonly giveUpAt: Milliseconds
  ) {
    super()
  }

  /** Notes a new try, before it is sent. */
  begin(upstream: Upstream, overTcp: boolean, now: Milliseconds): Try {
    const attempt = new Try(this, upstream, overTcp, now, this.last)
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

  /** Nothing is expected any more from what was sent so far. */
  releaseTries(): void {
    for (let at = this.last; at !== undefined; at = at.previous) at.release()
  }

  /** Writes the query into `into` from `at` on; returns its length. */
  write(into: Uint8Array, at: Octets, id: number): Octets {
    const { qname, qtype, qclass, dnssecOk, checkingDisabled } = this.inquiry
    const length = writeInquiry(into, at, id, qname, qtype, qclass, dnssecOk, checkingDisabled)
    const start = at + HEADER
    // QTYPE and QCLASS behind QNAME: RFC 1035 §4.1.2.
    this.question ??= into.slice(start, start + qname.length + 4)
    return length
  }
}

/** What the channels tell of the tries that went out on them. */
export interface Receiver {
  /** A whole response in `octets[start, end)`: ID, address, port and question are right. */
  answered(attempt: Try, octets: Uint8Array, start: Octets, end: Octets, now: Milliseconds): void
  /** A response that cannot be the upstream's; `asking` is what it pretends to answer, if known. */
  mismatched(asking: Asking | undefined, now: Milliseconds): void
  /** The connection ended before the answer. `established`: it had been a connection. */
  lost(attempt: Try, established: boolean): void
}
