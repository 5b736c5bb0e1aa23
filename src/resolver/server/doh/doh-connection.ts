import type { Microseconds, Milliseconds, Octets } from '../../../base/units.js'
import { appendPadding, hasPaddingOption } from '../../../wire/dns/edns/padding.js'
import { freshnessOf } from '../../../wire/dns/message/freshness.js'
import { HEADER_SIZE } from '../../../wire/dns/registry/sizes.js'
import { ERROR, FRAME, PREFACE } from '../../../wire/http2/frame.js'
import { FAILED, FrameReader, INCOMPLETE } from '../../../wire/http2/frame-reader.js'
import { DOH, DROP, PENDING, type Responder } from '../../context/responder.js'
import { ClientConnection, type Peer } from '../client-connection.js'
import { COST } from '../cpu-budget.js'
import { MAX_MESSAGE } from '../tcp-reply-buffer.js'
import { ADDRESS_SOURCE, type TrustedProxies } from '../trusted-proxies.js'
import type { ConnectionIdentity, ClientTlsStream, Recognition } from '../client-recognizer.js'
import type { DohStream } from './doh-stream.js'
import { RequestIdentity } from './request-identity.js'
import { Http2Session, type QueryHandler, type SessionContext } from './http2-session.js'
import type { ReplyFrames } from './reply-frames.js'
import { MAX_FIELDS, STATUS } from './request-fields.js'

/** For clients without HTTP/2, which is the least version that is recommended: RFC 8484 §5.2. */
const HTTP_1_REPLY = Buffer.from(
  'HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
)
/** First bit of the third octet of a DNS message: a response. RFC 1035 §4.1.1. */
const QR = 0x80

/** Position of the type in a frame. RFC 9113 §4.1. */
const FRAME_TYPE = 3

/** What the connections of one listener share. */
export interface DohContext extends SessionContext {
  readonly responder: Responder
  /** For replies that come later, each written at once. */
  readonly lateFrames: ReplyFrames
  readonly counts: { queries: number }
  /** This and `idle` may be changed. */
  proxies: TrustedProxies | undefined
  /** Undefined: clients are identified by their addresses. */
  readonly recognition: Recognition | undefined
  idle: Milliseconds
}

/**
 * One connection for DNS over HTTPS, RFC 8484: an HTTP/2 session beside the rest. An EDNS keepalive option is not sent: it
 * is for TCP, RFC 7828 §3.1, while in HTTP connections of their own are managed by HTTP, RFC 8484 §10.
 */
export class DohConnection extends ClientConnection implements QueryHandler {
  private readonly session: Http2Session
  private readonly requestIdentity: RequestIdentity
  private readonly reader: FrameReader
  private hasPreface = false
  private isBroken = false

  constructor(
    protected override readonly stream: ClientTlsStream,
    peer: Peer,
    private readonly context: DohContext
  ) {
    super(stream, peer, context.clock)
    this.session = new Http2Session(this, context)
    // A front end's own identity would say nothing about the clients for which it asks.
    const isFrontEnd = peer.addressSource === ADDRESS_SOURCE.subnet
    const recognition = isFrontEnd ? undefined : context.recognition
    this.requestIdentity = new RequestIdentity(stream, peer, recognition)
    this.reader = new FrameReader(this.session, MAX_FIELDS)
    stream.start(this)
  }

  finish(): void {
    this.session.goAway()
    this.write()
    this.advance()
  }

  /** Besides, streams whose request or reply makes no progress for so long are reset. */
  override closeIfIdle(idle: Milliseconds): boolean {
    if (!this.stream.isEnded) {
      this.session.resetSlow(this.context.clock.now() - idle)
      this.write()
    }
    return super.closeIfIdle(idle)
  }

  checkIdentity(): void {
    this.requestIdentity.refresh()
    if (this.requestIdentity.isLost) this.destroy()
  }

  identityOf(token: string): ConnectionIdentity | undefined | number {
    return this.requestIdentity.find(token)
  }

  onText(stream: DohStream, query: string): void {
    const { frames } = this.context
    const size = frames.octets.write(query, frames.place, 'base64url')
    this.answer(stream, size)
  }

  onBody(stream: DohStream, octets: Buffer, start: Octets, end: Octets): void {
    const { frames } = this.context
    frames.octets.set(octets.subarray(start, end), frames.place)
    this.answer(stream, end - start)
  }

  flush(frames: ReplyFrames): void {
    frames.flushTo(this.stream)
  }

  override onEnd(): void {
    this.session.abandonIncomplete()
    this.finish()
  }

  override receive(octets: Buffer, start: Octets, end: Octets): void {
    if (!this.isBroken) super.receive(octets, start, end)
  }

  protected answerAll(): void {
    const { received, reader, session, context } = this
    if (this.isBroken || received.start === received.end) return
    if (!this.hasPreface && !this.readPreface()) return
    const before = session.queries
    let cost = 0
    context.responder.beginBatch()
    while (received.start < received.end && !this.isFull()) {
      const next = reader.read(received.octets, received.start, received.end)
      if (next === INCOMPLETE) break
      if (next === FAILED || session.isFlooded()) {
        this.fail(next === FAILED ? reader.error : ERROR.ENHANCE_YOUR_CALM)
        break
      }
      cost += frameCost(received.octets[received.start + FRAME_TYPE]!, next - received.start)
      received.skipTo(next)
      if (!context.frames.hasRoom) this.write()
    }
    context.responder.endBatch()
    const queries = session.queries - before
    if (queries > 0) this.touch()
    this.write()
    cost -= COST.freePerQuery * queries
    if (cost > 0) this.charge(cost)
  }

  /** Ends a connection whose client speaks no HTTP/2, or against its rules. RFC 9113 §5.4.1. */
  private fail(error: number): void {
    this.session.goAway(error)
    this.session.abandonAll()
    this.breakOff()
  }

  private breakOff(): void {
    this.isBroken = true
    this.session.accepting = false
    this.received.clear()
  }

  /** @returns whether the preface of HTTP/2 is all there */
  private readPreface(): boolean {
    const { received, stream } = this
    const { octets, start } = received
    const size = Math.min(received.end - start, PREFACE.length)
    if (PREFACE.compare(octets, start, start + size, 0, size) !== 0) {
      const isHttp1 = !stream.isHttp2 && /[A-Z]/.test(String.fromCharCode(octets[start]!))
      this.breakOff()
      if (isHttp1) stream.write(HTTP_1_REPLY, 0, HTTP_1_REPLY.length)
      return false
    }
    if (size < PREFACE.length) return false
    this.hasPreface = true
    received.skipTo(start + size)
    this.session.begin()
    return true
  }

  /** Answers the query of `size` octets at `frames.place`. */
  private answer(stream: DohStream, size: Octets): void {
    const { session, context } = this
    const { frames, responder, proxies } = context
    const { octets, place } = frames
    const end = place + size
    let { client } = this
    if (size < HEADER_SIZE || (octets[place + 2]! & QR) !== 0) {
      session.refuse(stream, STATUS.badRequest)
      return
    }
    context.counts.queries++
    if (proxies !== undefined && this.addressSource === ADDRESS_SOURCE.subnet) {
      if (!proxies.readClientSubnet(octets, place, end, client, 0)) {
        const length = proxies.writeFormErr(octets, place, end)
        if (length === DROP) session.reject(stream, ERROR.CANCEL)
        else this.reply(frames, stream, length, false)
        return
      }
      client = proxies.client
    }
    const isPadded = hasPaddingOption(octets, place, end)
    const { identity } = stream
    const length = responder.answer(octets, place, end, MAX_MESSAGE, client, 0, DOH, identity)
    if (length > 0) this.reply(frames, stream, length, isPadded)
    else if (length === PENDING) {
      this.answerLater(stream, Uint8Array.from(octets.subarray(place, end)), client, isPadded)
    } else session.reject(stream, ERROR.CANCEL)
  }

  private answerLater(
    stream: DohStream,
    query: Uint8Array,
    client: Uint32Array,
    isPadded: boolean
  ): void {
    this.inFlight++
    stream.isPending = true
    this.context.responder.answerLater({
      octets: query,
      start: 0,
      end: query.length,
      client: client.slice(),
      clientAt: 0,
      protocol: DOH,
      identity: stream.identity,
      reply: (reply, from, to) => {
        this.inFlight--
        if (!this.session.streams.resume(stream) || this.stream.destroyed) return
        this.advanceLater()
        // In the order in which they were collected; nobody else's frames can be there.
        if (this.advancing) this.write()
        const { lateFrames } = this.context
        if (reply === undefined) this.session.reject(stream, ERROR.CANCEL, lateFrames)
        else {
          lateFrames.octets.set(reply.subarray(from, to), lateFrames.place)
          this.reply(lateFrames, stream, to - from, isPadded)
        }
        this.flush(lateFrames)
      }
    })
  }

  /** Sends the reply at `frames.place`, padded if the query was. RFC 7830 §4. */
  private reply(frames: ReplyFrames, stream: DohStream, length: Octets, isPadded: boolean): void {
    const { octets, place } = frames
    const end = place + length
    const lifetime = freshnessOf(octets, place, end)
    const size = isPadded ? appendPadding(octets, place, end) - place : length
    this.session.reply(frames, stream, size, lifetime, this.offset)
  }

  /** Of the next reply: see `ReplyFrames.addReply`. */
  private get offset(): Octets {
    const { backlog } = this.stream
    if (backlog >= 0) return backlog
    return this.advancing && this.reader.next < this.received.end ? 0 : -1
  }

  protected isFull(): boolean {
    return this.stream.needsDrain
  }

  protected isDone(): boolean {
    return !this.session.accepting && this.session.streams.size === 0
  }

  /** Each was written at once. */
  protected writeLate(): void {
    this.write()
  }

  private write(): void {
    this.flush(this.context.frames)
  }
}

function frameCost(type: number, size: Octets): Microseconds {
  const isHeader = type === FRAME.HEADERS || type === FRAME.CONTINUATION
  return COST.frame + size * (isHeader ? COST.headerOctet : COST.frameOctet)
}
