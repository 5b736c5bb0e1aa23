import type { ByteStream } from '../../base/bytes/byte-stream.js'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  appendKeepalive,
  hasKeepaliveOption,
  KEEPALIVE_OPTION_SIZE
} from '../../wire/dns/edns/keepalive.js'
import { appendPadding, hasPaddingOption, paddedSize } from '../../wire/dns/edns/padding.js'
import { PENDING, DOT, DROP, type Responder } from '../context/responder.js'
import { ClientConnection, type Peer } from './client-connection.js'
import { startsProxyHeader } from './proxy-header.js'
import { MAX_MESSAGE, PREFIX, type ReplyBuffer } from './tcp-reply-buffer.js'
import { ADDRESS_SOURCE, type TrustedProxies } from './trusted-proxies.js'
import type { Protocol } from '../../lookups/event/query-event.js'

/** Octets of a DNS header (RFC 1035 §4.1.1); a message without one cannot be answered. */
const HEADER: Octets = 12

/** EDNS options that a connection adds to a reply, because the query has them: bits. */
const KEEPALIVE = 1
const PADDING = 2

/** What the connections of one listener share. */
export interface ConnectionContext {
  readonly responder: Responder
  /** TCP or DOT. */
  readonly protocol: Protocol
  readonly replies: ReplyBuffer
  readonly clock: Clock
  /** This, `queriesInFlight` and `proxies` may be changed. */
  idle: Milliseconds
  queriesInFlight: number
  readonly counts: { queries: number }
  proxies: TrustedProxies | undefined
}

/**
 * One connection for DNS over TCP or TLS.
 *
 * A message shorter than a DNS header means that the client's framing is broken: nothing after it is
 * read, and the connection ends when the queries in flight are answered. The same applies after the
 * client closes its side, which it may do right after its last query (RFC 7766 §6.2.4).
 */
export class TcpConnection extends ClientConnection {
  private accepting = true
  private hasQuery = false
  private late: Buffer[] = []

  constructor(
    stream: ByteStream,
    peer: Peer,
    private readonly context: ConnectionContext
  ) {
    super(stream, peer, context.clock)
    stream.start(this)
  }

  finish(): void {
    this.accepting = false
    this.advance()
  }

  checkIdentity(): void {
    const { identity } = this
    if (identity === undefined) return
    identity.refresh()
    if (identity.isLost) this.destroy()
  }

  override receive(octets: Buffer, start: Octets, end: Octets): void {
    if (!this.accepting) return
    // A PROXY header from an untrusted peer: close without a reply.
    if (
      !this.hasQuery &&
      this.addressSource !== ADDRESS_SOURCE.proxy &&
      startsProxyHeader(octets.subarray(start, end))
    ) {
      this.destroy()
      return
    }
    this.hasQuery = true
    super.receive(octets, start, end)
  }

  protected answerAll(): void {
    const { received, context } = this
    let end = received.messageEnd
    if (end === undefined || this.isFull()) return
    context.responder.beginBatch()
    while (end !== undefined && !this.isFull()) {
      const start = received.start + PREFIX
      if (end - start < HEADER) {
        this.accepting = false
        received.clear()
        break
      }
      this.answer(start, end)
      received.skipTo(end)
      if (!context.replies.hasRoom) this.write()
      end = received.messageEnd
    }
    context.responder.endBatch()
    this.touch()
    this.write()
  }

  private answer(start: Octets, end: Octets): void {
    const { received, identity } = this
    const { replies, responder, proxies, protocol } = this.context
    let { client } = this
    this.context.counts.queries++
    const at = replies.placeQuery(received.octets, start, end)
    const placed = at + end - start
    if (proxies !== undefined && this.addressSource === ADDRESS_SOURCE.subnet) {
      if (!proxies.readClientSubnet(replies.octets, at, placed, client, 0)) {
        const length = proxies.writeFormErr(replies.octets, at, placed)
        if (length !== DROP) replies.commit(length)
        return
      }
      client = proxies.client
    }
    const options = this.optionsFor(received.octets, start, end)
    const { octets } = replies
    const room = MAX_MESSAGE
    const length = responder.answer(octets, at, placed, room, client, 0, protocol, identity)
    if (length > 0) {
      const last = at + length
      replies.commit((options === 0 ? last : this.append(options, replies.octets, at, last)) - at)
    } else if (length === PENDING) {
      this.answerLater(Uint8Array.from(received.octets.subarray(start, end)), client, options)
    }
  }

  private answerLater(query: Uint8Array, client: Uint32Array, options: number): void {
    this.inFlight++
    this.context.responder.answerLater({
      octets: query,
      start: 0,
      end: query.length,
      client: client.slice(),
      clientAt: 0,
      protocol: this.context.protocol,
      identity: this.identity,
      reply: (reply, from, to) => {
        this.inFlight--
        if (reply !== undefined) this.late.push(this.frame(options, reply, from, to))
        this.advanceLater()
      }
    })
  }

  /** The options that the reply to a query gets. */
  private optionsFor(octets: Uint8Array, start: Octets, end: Octets): number {
    const keepalive = hasKeepaliveOption(octets, start, end) ? KEEPALIVE : 0
    if (this.context.protocol !== DOT) return keepalive
    return hasPaddingOption(octets, start, end) ? keepalive | PADDING : keepalive
  }

  /** Appends options to the reply `octets[start, end)`, Padding last. @returns the new end */
  private append(options: number, octets: Uint8Array, start: Octets, end: Octets): Octets {
    let last = end
    if ((options & KEEPALIVE) !== 0) {
      last = appendKeepalive(octets, start, last, this.keepaliveTimeout)
    }
    return (options & PADDING) === 0 ? last : appendPadding(octets, start, last)
  }

  /** A reply with its options, and its length in front. */
  private frame(options: number, reply: Uint8Array, from: Octets, to: Octets): Buffer {
    const size = to - from
    const room = options === 0 ? size : paddedSize(size + KEEPALIVE_OPTION_SIZE)
    const frame = Buffer.allocUnsafe(PREFIX + room)
    frame.set(reply.subarray(from, to), PREFIX)
    const end = this.append(options, frame, PREFIX, PREFIX + size)
    frame.writeUInt16BE(end - PREFIX)
    return frame.subarray(0, end)
  }

  /** The timeout for EDNS keepalive: 0 if the connection is about to end. RFC 7828 §3.3.2. */
  private get keepaliveTimeout(): Milliseconds {
    return this.accepting ? this.context.idle : 0
  }

  protected writeLate(): void {
    const { late } = this
    if (late.length === 0) return
    this.late = []
    const octets = late.length === 1 ? late[0]! : Buffer.concat(late)
    this.stream.write(octets, 0, octets.length)
  }

  private write(): void {
    this.context.replies.flushTo(this.stream)
  }

  protected isFull(): boolean {
    return this.stream.needsDrain || this.inFlight >= this.context.queriesInFlight
  }

  protected isDone(): boolean {
    return !this.accepting && this.inFlight === 0 && this.received.messageEnd === undefined
  }
}
