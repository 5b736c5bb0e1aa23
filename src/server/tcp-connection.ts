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

/** Who is at the other end. */
export interface Peer {
  /** The peer's address, then the one that its PROXY header says: four words. */
  readonly client: Uint32Array
  /** One of `SAYS`. */
  readonly addressSource: number
  /** Asked once the client is known: whether it may have this connection. */
  readonly admit: () => boolean
}

/**
 * One client's connection: `octets in -> inbox -> responder -> octets out`, as long as the client
 * reads what we write and not too many of its queries are in flight; else we do not read either.
 *
 * A message shorter than a header means that the client has lost count of its octets: nothing
 * after it is read, and the connection ends when what is in flight is answered. So it does when
 * the client has ended its side, which it may do right after its last query (RFC 7766 §6.2.4).
 */
export class TcpConnection {
  private readonly received = new ReceiveBuffer()
  private inFlight = 0
  private lastUse: Milliseconds
  private accepting = true
  private processing = false
  private flushing = false
  /** What has come of the PROXY header, while it is awaited. */
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
    socket.on('drain', () => this.process())
    // A reset, or the like: 'close' follows, and there is nobody to tell.
    socket.on('error', () => socket.destroy())
  }

  /** Takes no more queries than have come, and ends when all are answered. */
  finish(): void {
    this.accepting = false
    this.process()
  }

  /**
   * Ends if it was idle for so long, and says whether it did. A client that does not end its side
   * within the same time again, or that does not read, gets no kind end.
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
    // A client that claims to be another is told nothing.
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
    this.process()
  }

  /** A front end that does not say whose connection this is gets nothing. */
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
  private process(): void {
    if (this.processing || this.socket.destroyed) return
    this.processing = true
    this.answerAll()
    this.processing = false
    if (this.isFull()) this.socket.pause()
    else this.socket.resume()
    const over = !this.accepting && this.inFlight === 0 && this.received.messageEnd === undefined
    if (over && !this.socket.writableEnded) this.socket.end()
  }

  private answerAll(): void {
    const { received: inbox, context: shop } = this
    let end = inbox.messageEnd
    if (end === undefined || this.isFull()) return
    shop.responder.beginBatch()
    while (end !== undefined && !this.isFull()) {
      const start = inbox.start + PREFIX
      if (end - start < HEADER) {
        this.accepting = false
        inbox.clear()
        break
      }
      this.answer(start, end)
      inbox.skipTo(end)
      if (!shop.replies.hasRoom) this.write()
      end = inbox.messageEnd
    }
    this.touch()
    this.write()
  }

  private answer(start: Octets, end: Octets): void {
    const { received: inbox, peer: guest } = this
    const { replies, responder, proxies } = this.context
    let { client } = guest
    this.context.counts.queries++
    const at = replies.placeQuery(inbox.octets, start, end)
    const placed = at + end - start
    if (proxies !== undefined && guest.addressSource === CLIENT_ADDRESS.subnet) {
      if (!proxies.readClientSubnet(replies.octets, at, placed, client, 0)) {
        const length = proxies.writeFormErr(replies.octets, at, placed)
        if (length !== DROP) replies.commit(length)
        return
      }
      client = proxies.client
    }
    const keepalive = hasKeepaliveOption(inbox.octets, start, end)
    const length = responder.answer(replies.octets, at, placed, MAX_MESSAGE, client, 0, TCP)
    if (length > 0) {
      const end = at + length
      replies.commit((keepalive ? appendKeepalive(replies.octets, at, end, this.idle) : end) - at)
    } else if (length === PENDING) {
      this.answerLater(Uint8Array.from(inbox.octets.subarray(start, end)), client, keepalive)
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
    return copy.subarray(0, appendKeepalive(copy, 0, end - start, this.idle))
  }

  /** What a client that asks may count on: nothing where we are about to end. RFC 7828 §3.3.2. */
  private get idle(): Milliseconds {
    return this.accepting ? this.context.idle : 0
  }

  /** All late replies that come in one go are written in one go. */
  private flushLater(): void {
    if (this.flushing) return
    this.flushing = true
    this.socket.cork()
    process.nextTick(() => {
      this.flushing = false
      this.touch()
      this.socket.uncork()
      this.process()
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
