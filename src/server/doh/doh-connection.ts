import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Milliseconds, Octets } from '../../base/units.js'
import { appendPadding, hasPaddingOption } from '../../dns/edns/padding.js'
import { freshnessOf } from '../../dns/message/freshness.js'
import { HEADER_SIZE } from '../../dns/registry/sizes.js'
import { ERROR, PREFACE } from '../../http2/frame.js'
import { FAILED, FrameReader, INCOMPLETE } from '../../http2/frame-reader.js'
import { DOH, DROP, PENDING, type Responder } from '../../resolver/responder.js'
import type { Peer } from '../tcp-connection.js'
import { ReceiveBuffer } from '../tcp-receive-buffer.js'
import { MAX_MESSAGE } from '../tcp-reply-buffer.js'
import { CLIENT_ADDRESS, type TrustedProxies } from '../trusted-proxies.js'
import type { ConnectionIdentity, PresentingSocket, Recognition } from '../client-recognizer.js'
import type { DohStream } from './doh-stream.js'
import { RequestIdentity } from './request-identity.js'
import { Http2Session, type QueryHandler, type SessionContext } from './http2-session.js'
import { RECORD, type ReplyFrames } from './reply-frames.js'
import { MAX_FIELDS, STATUS } from './request-fields.js'

/** For clients without HTTP/2, which is the least version that is recommended: RFC 8484 §5.2. */
const HTTP_1_REPLY =
  'HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
/** Nothing more is read while more octets than this wait to be written. */
const MAX_UNWRITTEN: Octets = 65_536
/** First bit of the third octet of a DNS message: a response. RFC 1035 §4.1.1. */
const QR = 0x80

/** A connection with TLS. */
export type SecureSocket = Socket &
  PresentingSocket &
  Pick<TLSSocket, 'alpnProtocol' | 'setMaxSendFragment'>

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
 * One connection for DNS over HTTPS, RFC 8484: receive buffer, HTTP/2 session, responder, replies. Reading pauses
 * while the client does not read its replies. There is no EDNS keepalive option: it is for TCP, RFC 7828 §3.1, while
 * in HTTP connections of their own are managed by HTTP, RFC 8484 §10.
 */
export class DohConnection implements QueryHandler {
  private readonly received = new ReceiveBuffer()
  private readonly session: Http2Session
  private readonly requestIdentity: RequestIdentity
  private readonly reader: FrameReader
  private inFlight = 0
  private lastUse: Milliseconds
  private hasPreface = false
  private isBroken = false
  private advancing = false
  private isAdvancingLater = false
  /** Frames that wait until those before them are written. */
  private readonly unwritten: Buffer[] = []
  private unwrittenSize: Octets = 0
  private isWriting = false

  constructor(
    private readonly socket: SecureSocket,
    private readonly peer: Peer,
    private readonly context: DohContext
  ) {
    this.session = new Http2Session(this, context)
    // A front end's own identity would say nothing about the clients for which it asks.
    const isFrontEnd = peer.addressSource === CLIENT_ADDRESS.subnet
    const recognition = isFrontEnd ? undefined : context.recognition
    this.requestIdentity = new RequestIdentity(socket, peer, recognition)
    this.reader = new FrameReader(this.session, MAX_FIELDS)
    this.lastUse = context.clock.now()
    socket.setMaxSendFragment(RECORD)
    socket.on('data', (chunk: Buffer) => this.receive(chunk)).resume()
    socket.on('end', () => this.onEnd())
    // A reset, for example: 'close' follows.
    socket.on('error', () => socket.destroy())
  }

  /** Accepts no further requests, and ends when those received are answered. */
  finish(): void {
    this.session.goAway()
    this.write()
    this.advance()
  }

  /** As `finish`, if no query came and no reply went out for so long. */
  finishIfQuiet(quiet: Milliseconds): void {
    if (this.inFlight === 0 && this.context.clock.now() - this.lastUse >= quiet) this.finish()
  }

  /**
   * Ends the connection if it was idle for so long: without a query, whatever else the client sends. Destroys it if
   * the client does not close its side within the same time again, or does not read. Streams whose request or reply
   * makes no progress for so long are reset in any case.
   *
   * @returns whether the connection was ended by this call
   */
  closeIfIdle(idle: Milliseconds): boolean {
    const now = this.context.clock.now()
    const { writableEnded, writableLength } = this.socket
    if (!writableEnded) {
      this.session.resetSlow(now - idle)
      this.write()
    }
    if (this.inFlight > 0 || now - this.lastUse < idle) return false
    if (writableEnded || writableLength > 0) this.socket.destroy()
    else this.finish()
    this.lastUse = now
    return !writableEnded
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Ends the connection if the certificate of its client has expired. */
  closeIfExpired(): void {
    const { identity } = this.peer
    if (identity !== undefined && this.context.clock.wall() > identity.expires) this.checkIdentity()
  }

  /** Ends the connection at once if the rules know its identity no more. */
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

  /** Writes frames; while others are being written, they wait for these and are written together. */
  flush(frames: ReplyFrames): void {
    const ready = frames.take()
    if (ready === undefined) return
    if (this.isWriting) {
      this.unwritten.push(ready)
      this.unwrittenSize += ready.length
    } else this.writeNow(ready)
  }

  private writeNow(octets: Buffer): void {
    this.isWriting = true
    this.socket.write(octets, this.onWritten)
  }

  private readonly onWritten = (): void => {
    this.isWriting = false
    if (this.socket.destroyed) return
    if (this.unwrittenSize > 0) {
      const octets = Buffer.concat(this.unwritten, this.unwrittenSize)
      this.unwritten.length = this.unwrittenSize = 0
      this.writeNow(octets)
    }
    this.advance()
  }

  private onEnd(): void {
    this.session.abandonIncomplete()
    this.finish()
  }

  private receive(chunk: Buffer): void {
    if (this.isBroken) return
    this.received.append(chunk)
    this.advance()
  }

  /** Answers what can be answered now, then reads on, waits, or ends. */
  private advance(): void {
    const { socket, session } = this
    if (this.advancing || socket.destroyed) return
    this.advancing = true
    this.readAll()
    this.advancing = false
    if (this.isFull) socket.pause()
    else if (socket.isPaused()) socket.resume()
    const isDone = !session.accepting && session.openStreams === 0 && this.unwrittenSize === 0
    if (isDone && !socket.writableEnded) socket.end()
  }

  private readAll(): void {
    const { received, reader, session, context } = this
    if (this.isBroken || received.start === received.end) return
    if (!this.hasPreface && !this.readPreface()) return
    const before = session.queries
    context.responder.beginBatch()
    while (received.start < received.end && !this.isFull) {
      const next = reader.read(received.octets, received.start, received.end)
      if (next === INCOMPLETE) break
      if (next === FAILED || session.isFlooded()) {
        this.fail(next === FAILED ? reader.error : ERROR.ENHANCE_YOUR_CALM)
        break
      }
      received.skipTo(next)
      if (!context.frames.hasRoom) this.write()
    }
    context.responder.endBatch()
    if (session.queries > before) this.lastUse = context.clock.now()
    this.write()
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
    const { received, socket } = this
    const { octets, start } = received
    const size = Math.min(received.end - start, PREFACE.length)
    if (PREFACE.compare(octets, start, start + size, 0, size) !== 0) {
      const isHttp1 =
        socket.alpnProtocol !== 'h2' && /[A-Z]/.test(String.fromCharCode(octets[start]!))
      this.breakOff()
      if (isHttp1) socket.write(HTTP_1_REPLY)
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
    const { session, peer, context } = this
    const { frames, responder, proxies } = context
    const { octets, place } = frames
    const end = place + size
    let { client } = peer
    if (size < HEADER_SIZE || (octets[place + 2]! & QR) !== 0) {
      session.refuse(stream, STATUS.badRequest)
      return
    }
    context.counts.queries++
    if (proxies !== undefined && peer.addressSource === CLIENT_ADDRESS.subnet) {
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
    this.session.wait(stream)
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
        if (!this.session.resume(stream) || this.socket.destroyed) return
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
    if (this.isWriting) return this.unwrittenSize
    return this.advancing && this.reader.next < this.received.end ? 0 : -1
  }

  private get isFull(): boolean {
    return this.socket.writableNeedDrain || this.unwrittenSize > MAX_UNWRITTEN
  }

  /** Reads on after all replies that become ready in the same tick. */
  private advanceLater(): void {
    if (this.isAdvancingLater) return
    this.isAdvancingLater = true
    process.nextTick(() => {
      this.isAdvancingLater = false
      this.lastUse = this.context.clock.now()
      this.advance()
    })
  }

  private write(): void {
    this.flush(this.context.frames)
  }
}
