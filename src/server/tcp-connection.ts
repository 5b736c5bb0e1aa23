import type { Socket } from 'node:net'
import type { Clock } from '../base/clock.js'
import type { Milliseconds, Octets } from '../base/units.js'
import {
  appendKeepalive,
  hasKeepaliveOption,
  KEEPALIVE_OPTION_SIZE
} from '../dns/edns/keepalive.js'
import { PENDING, DROP, TCP, type Responder } from '../resolver/responder.js'
import {
  HEADER_INVALID,
  HEADER_INCOMPLETE,
  decodeProxyHeader,
  startsProxyHeader
} from './proxy-header.js'
import { ReceiveBuffer } from './tcp-receive-buffer.js'
import { withLengthPrefix, MAX_MESSAGE, PREFIX, type ReplyBuffer } from './tcp-reply-buffer.js'
import { CLIENT_ADDRESS, type TrustedProxies } from './trusted-proxies.js'

/** Octets of a DNS header (RFC 1035 §4.1.1); a message without one cannot be answered. */
const HEADER: Octets = 12

/** What the connections of one listener share. */
export interface ConnectionContext {
  readonly responder: Responder
  readonly replies: ReplyBuffer
  readonly clock: Clock
  readonly idle: Milliseconds
  readonly queriesInFlight: number
  readonly counts: { queries: number }
  readonly proxies: TrustedProxies | undefined
}

/** The other end of a connection. */
export interface Peer {
  /** The peer's address, replaced by the one in its PROXY header: four words. */
  readonly client: Uint32Array
  /** One of `CLIENT_ADDRESS`. */
  readonly addressSource: number
  /** Called once the client is known; false if it has too many connections. */
  readonly admit: () => boolean
}

/**
 * One connection: receive buffer, responder, replies. Reading pauses while the client does not read
 * its replies or has too many queries in flight.
 *
 * A message shorter than a DNS header means that the client's framing is broken: nothing after it is
 * read, and the connection ends when the queries in flight are answered. The same applies after the
 * client closes its side, which it may do right after its last query (RFC 7766 §6.2.4).
 */
export class TcpConnection {
  private readonly received = new ReceiveBuffer()
  private inFlight = 0
  private lastUse: Milliseconds
  private accepting = true
  private advancing = false
  private flushing = false
  /** The part of the PROXY header received so far; undefined once it is complete. */
  private header: Buffer | undefined
  private hasQuery = false

  constructor(
    private readonly socket: Socket,
    private readonly peer: Peer,
    private readonly context: ConnectionContext
  ) {
    this.lastUse = context.clock.now()
    if (peer.addressSource === CLIENT_ADDRESS.proxy) this.header = Buffer.alloc(0)
    socket.on('data', chunk => this.receive(chunk))
    socket.on('end', () => this.finish())
    socket.on('drain', () => this.advance())
    // A reset, for example: 'close' follows.
    socket.on('error', () => socket.destroy())
  }

  /** Accepts no further queries, and ends when those received are answered. */
  finish(): void {
    this.accepting = false
    this.advance()
  }

  /**
   * Ends the connection if it was idle for so long. Destroys it if the client does not close its side
   * within the same time again, or does not read.
   *
   * @returns whether the connection was ended by this call
   */
  closeIfIdle(idle: Milliseconds): boolean {
    if (this.inFlight > 0 || this.context.clock.now() - this.lastUse < idle) return false
    const { writableEnded, writableLength } = this.socket
    if (writableEnded || writableLength > 0) this.socket.destroy()
    else this.finish()
    this.touch()
    return !writableEnded
  }

  destroy(): void {
    this.socket.destroy()
  }

  private receive(chunk: Buffer): void {
    if (!this.accepting) return
    if (this.header !== undefined) return this.receiveHeader(chunk)
    // A PROXY header from an untrusted peer: close without a reply.
    if (
      !this.hasQuery &&
      startsProxyHeader(chunk) &&
      this.peer.addressSource !== CLIENT_ADDRESS.proxy
    ) {
      this.socket.destroy()
      return
    }
    this.hasQuery = true
    this.received.append(chunk)
    this.advance()
  }

  /** Closes the connection without a reply if a proxy sends no valid header. */
  private receiveHeader(chunk: Buffer): void {
    const header = Buffer.concat([this.header ?? chunk, chunk])
    const end = decodeProxyHeader(header, 0, header.length, this.peer.client)
    this.header = end === HEADER_INCOMPLETE ? header : undefined
    if (end === HEADER_INCOMPLETE) return
    if (end === HEADER_INVALID || !this.peer.admit()) {
      this.socket.destroy()
      return
    }
    this.hasQuery = true
    if (end < header.length) this.receive(header.subarray(end))
  }

  /** Answers what can be answered now, then reads on, waits, or ends. */
  private advance(): void {
    if (this.advancing || this.socket.destroyed) return
    this.advancing = true
    this.answerAll()
    this.advancing = false
    if (this.isFull()) this.socket.pause()
    else this.socket.resume()
    const isDone = !this.accepting && this.inFlight === 0 && this.received.messageEnd === undefined
    if (isDone && !this.socket.writableEnded) this.socket.end()
  }

  private answerAll(): void {
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
    const { received, peer } = this
    const { replies, responder, proxies } = this.context
    let { client } = peer
    this.context.counts.queries++
    const at = replies.placeQuery(received.octets, start, end)
    const placed = at + end - start
    if (proxies !== undefined && peer.addressSource === CLIENT_ADDRESS.subnet) {
      if (!proxies.readClientSubnet(replies.octets, at, placed, client, 0)) {
        const length = proxies.writeFormErr(replies.octets, at, placed)
        if (length !== DROP) replies.commit(length)
        return
      }
      client = proxies.client
    }
    const keepalive = hasKeepaliveOption(received.octets, start, end)
    const length = responder.answer(replies.octets, at, placed, MAX_MESSAGE, client, 0, TCP)
    if (length > 0) {
      const end = at + length
      replies.commit(
        (keepalive ? appendKeepalive(replies.octets, at, end, this.keepaliveTimeout) : end) - at
      )
    } else if (length === PENDING) {
      this.answerLater(Uint8Array.from(received.octets.subarray(start, end)), client, keepalive)
    }
  }

  private answerLater(query: Uint8Array, client: Uint32Array, keepalive: boolean): void {
    this.inFlight++
    this.context.responder.answerLater({
      octets: query,
      start: 0,
      end: query.length,
      client: client.slice(),
      clientAt: 0,
      protocol: TCP,
      reply: (reply, from, to) => {
        this.inFlight--
        if (this.socket.destroyed) return
        this.flushLater()
        if (reply === undefined) return
        const whole = keepalive ? this.withKeepalive(reply, from, to) : reply.subarray(from, to)
        this.socket.write(withLengthPrefix(whole))
      }
    })
  }

  private withKeepalive(octets: Uint8Array, start: Octets, end: Octets): Uint8Array {
    const copy = new Uint8Array(end - start + KEEPALIVE_OPTION_SIZE)
    copy.set(octets.subarray(start, end))
    return copy.subarray(0, appendKeepalive(copy, 0, end - start, this.keepaliveTimeout))
  }

  /** The timeout for EDNS keepalive: 0 if the connection is about to end. RFC 7828 §3.3.2. */
  private get keepaliveTimeout(): Milliseconds {
    return this.accepting ? this.context.idle : 0
  }

  /** Writes all replies that become ready in the same tick at once. */
  private flushLater(): void {
    if (this.flushing) return
    this.flushing = true
    this.socket.cork()
    process.nextTick(() => {
      this.flushing = false
      this.touch()
      this.socket.uncork()
      this.advance()
    })
  }

  private write(): void {
    const ready = this.context.replies.take()
    if (ready !== undefined) this.socket.write(ready)
  }

  private isFull(): boolean {
    return this.socket.writableNeedDrain || this.inFlight >= this.context.queriesInFlight
  }

  private touch(): void {
    this.lastUse = this.context.clock.now()
  }
}
