import { ReceiveBuffer } from '../../../base/bytes/receive-buffer.js'
import { failure, type InterdictError } from '../../../base/errors/error.js'
import type { Octets } from '../../../base/units.js'
import { reduceTtls } from '../../../wire/dns/message/reduce-ttls.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE } from '../../../wire/dns/registry/sizes.js'
import { ClosedStreams } from '../../../wire/http2/closed-streams.js'
import { ERROR, FRAME, SETTINGS_ACK, wordsFrame } from '../../../wire/http2/frame.js'
import {
  FAILED,
  FrameReader,
  INCOMPLETE,
  type FrameHandler
} from '../../../wire/http2/frame-reader.js'
import { HpackDecoder } from '../../../wire/http2/hpack-decoder.js'
import { pingReply, type ReceivedFrame } from '../../../wire/http2/received-frame.js'
import { CONNECTION_WINDOW, MAX_FIELDS, STREAM_WINDOW, TOO_LONG } from './doh-limits.js'
import { RequestFrames, type RequestTarget } from './request-frames.js'
import { RequestSender } from './request-sender.js'
import { ResponseFields } from './response-fields.js'
import { ResponseStream } from './response-stream.js'

/** Frames that an upstream may send without a query. */
const FRAMES_ALLOWED = 1000
/** Further frames for each query: a long response may come in small DATA frames. */
const FRAMES_PER_QUERY = 64
/** Octets of incomplete responses that are kept for one connection. */
const MAX_KEPT: Octets = 2 * 1_048_576
const NOTHING = Buffer.alloc(0)

/** Names of error codes, for messages. RFC 9113 §7. */
const ERROR_NAMES = new Map<number, string>(
  Object.entries(ERROR).map(([name, code]) => [code, name])
)

/** The fields of the block that is being decoded. One object serves all connections of a thread. */
const fields = new ResponseFields()

/** For each request, exactly one of the first three is called, unless the request is cancelled. */
export interface ResponseHandler {
  /** @param message at least a header, and complete records; there only during the call */
  onMessage(id: number, message: Uint8Array): void
  /** The response is not a DNS message. */
  onBadResponse(id: number, error: InterdictError): void
  /** The upstream has ended the stream without a response. */
  onLost(id: number): void
  /** The upstream accepts so many streams at a time. */
  onStreamLimit(streams: number): void
  /** The upstream accepts no further streams; those that it has accepted may still be answered. */
  onGoAway(): void
  /** The upstream has violated the protocol: the connection is to be closed. */
  onViolation(error: InterdictError): void
}

/** Numbers of streams that may be open at the same time. */
export interface StreamLimits {
  /** Until the upstream says how many it accepts. */
  readonly streams: number
  /** However many it accepts. */
  readonly most: number
}

/**
 * The client's side of one HTTP/2 connection, RFC 9113, as far as DNS over HTTPS needs it: streams, flow control and
 * limits, without the socket. Requests are POST, and each is a DNS query.
 */
export class Http2Client implements FrameHandler {
  private readonly frames: RequestFrames
  private readonly sender: RequestSender
  private readonly streams = new Map<number, ResponseStream>()
  private readonly closed = new ClosedStreams()
  private readonly reader = new FrameReader(this, MAX_FIELDS, true)
  private readonly decoder = new HpackDecoder()
  private readonly received = new ReceiveBuffer()
  private frameCount = 0
  /** Octets received and not yet announced as such. */
  private uncredited: Octets = 0
  /** Octets of incomplete responses. */
  private kept: Octets = 0
  /** The upstream has sent its first settings. */
  private hasSettings = false
  private hasBegun = false
  private isClosed = false

  /** @param write sends octets, which it may keep */
  constructor(
    target: RequestTarget,
    private readonly limits: StreamLimits,
    private readonly handler: ResponseHandler,
    write: (octets: Uint8Array) => void
  ) {
    this.frames = new RequestFrames(target, write)
    this.sender = new RequestSender(this.frames, limits.streams)
  }

  begin(): void {
    this.hasBegun = true
    this.frames.addOpening()
  }

  /** Sends the query `octets[0, length)` on a stream with a higher number than all before. */
  request(id: number, octets: Uint8Array, length: Octets): void {
    const stream = new ResponseStream(id)
    this.streams.set(id, stream)
    this.sender.send(stream, octets, length)
  }

  /** Ends a request if it has not ended. Nothing is called for it. */
  cancel(id: number): void {
    const stream = this.streams.get(id)
    if (stream !== undefined) this.end(stream, ERROR.CANCEL)
  }

  /** Ends the connection. RFC 9113 §6.8. */
  close(error: number = ERROR.NO_ERROR): void {
    if (this.isClosed) return
    this.isClosed = true
    if (!this.hasBegun) return
    this.frames.addFrame(wordsFrame(FRAME.GOAWAY, 0, 0, error))
    this.frames.flush()
  }

  receive(octets: Buffer): void {
    const { received, reader } = this
    received.append(octets, 0, octets.length)
    while (received.start < received.end && !this.isClosed) {
      const next = reader.read(received.octets, received.start, received.end)
      if (next === INCOMPLETE) break
      if (next === FAILED) this.fail(reader.error)
      else if (this.isFlooded()) this.fail(ERROR.ENHANCE_YOUR_CALM)
      else received.skipTo(next)
    }
    received.keep()
  }

  headers({ stream: id, octets, start, end, isLast }: ReceivedFrame): number {
    fields.clear()
    if (!this.decoder.decode(octets, start, end, fields.add)) return ERROR.COMPRESSION_ERROR
    const stream = this.find(id)
    if (stream === undefined) return this.errorOn(id)
    if (!stream.hasFields) this.takeFields(stream, isLast)
    else if (isLast && fields.areTrailers) this.complete(stream, NOTHING)
    else this.refuse(stream, 'malformed trailers', ERROR.PROTOCOL_ERROR, isLast)
    return ERROR.NO_ERROR
  }

  data(frame: ReceivedFrame, flow: Octets): number {
    if (!this.takeFlow(flow)) return ERROR.FLOW_CONTROL_ERROR
    const stream = this.find(frame.stream)
    if (stream === undefined) return this.errorOn(frame.stream)
    stream.flow += flow
    const { octets, start, end, length, isLast } = frame
    if (!stream.hasFields) {
      this.refuse(stream, 'a body without header fields', ERROR.PROTOCOL_ERROR, isLast)
    } else if (stream.flow > STREAM_WINDOW) {
      this.refuse(stream, 'more than flow control allows', ERROR.FLOW_CONTROL_ERROR, isLast)
    } else if (stream.size + length > MAX_MESSAGE_SIZE) {
      this.refuse(stream, TOO_LONG, ERROR.CANCEL, isLast)
    } else if (isLast) this.complete(stream, octets.subarray(start, end))
    else if (this.kept + length > MAX_KEPT) {
      this.refuse(stream, 'too many incomplete responses', ERROR.ENHANCE_YOUR_CALM)
    } else {
      this.kept += length
      stream.keep(octets.subarray(start, end))
    }
    return ERROR.NO_ERROR
  }

  reset(id: number): number {
    const stream = this.find(id)
    if (stream === undefined) return this.errorIfIdle(id)
    this.remove(stream, true)
    this.handler.onLost(id)
    return ERROR.NO_ERROR
  }

  initialWindow(octets: Octets): number {
    return this.sender.setInitialWindow(octets, this.streams.values())
      ? ERROR.NO_ERROR
      : ERROR.FLOW_CONTROL_ERROR
  }

  streamLimit(streams: number): number {
    const limit = Math.min(streams, this.limits.most)
    this.hasSettings = true
    this.sender.setLimit(limit)
    this.handler.onStreamLimit(limit)
    return ERROR.NO_ERROR
  }

  settingsEnd(): number {
    this.frames.addFrame(SETTINGS_ACK)
    return this.hasSettings ? ERROR.NO_ERROR : this.streamLimit(this.limits.most)
  }

  ping(frame: ReceivedFrame): number {
    this.frames.addFrame(pingReply(frame))
    return ERROR.NO_ERROR
  }

  /** The upstream has not processed requests on higher streams: they can be sent elsewhere. */
  peerGoAway(last: number): number {
    this.sender.setLimit(0)
    this.handler.onGoAway()
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= Math.min(last, this.sender.last) || !this.streams.has(stream.id)) continue
      this.remove(stream, true)
      this.handler.onLost(stream.id)
    }
    return ERROR.NO_ERROR
  }

  windowUpdate(id: number, increment: Octets): number {
    const { sender } = this
    if (id === 0) return sender.widen(increment) ? ERROR.NO_ERROR : ERROR.FLOW_CONTROL_ERROR
    const stream = this.find(id)
    if (stream === undefined) return this.errorIfIdle(id)
    if (!sender.widenStream(stream, increment))
      this.refuse(stream, 'a flow-control window that is too large', ERROR.FLOW_CONTROL_ERROR)
    return ERROR.NO_ERROR
  }

  private takeFields(stream: ResponseStream, isLast: boolean): void {
    const malformation = fields.malformation(isLast)
    if (malformation !== undefined) {
      this.refuse(stream, malformation, ERROR.PROTOCOL_ERROR, isLast)
      return
    }
    if (fields.isInterim) return
    const { refusal } = fields
    if (refusal !== undefined) this.refuse(stream, refusal, ERROR.CANCEL, isLast)
    else {
      stream.hasFields = true
      stream.age = fields.age
      stream.contentLength = fields.contentLength
      if (isLast) this.complete(stream, NOTHING)
    }
  }

  /** The upstream has ended a stream, whose body ends with `last`. */
  private complete(stream: ResponseStream, last: Buffer): void {
    const { id, contentLength, age } = stream
    const message = stream.bodyWith(last)
    const { length } = message
    if (contentLength >= 0 && contentLength !== length) {
      const what = `${length} octets, and Content-Length ${contentLength}`
      this.refuse(stream, what, ERROR.PROTOCOL_ERROR, true)
    } else if (length < HEADER_SIZE || !reduceTtls(message, age)) {
      this.refuse(stream, `a truncated message of ${length} octets`, ERROR.CANCEL, true)
    } else {
      this.end(stream, ERROR.CANCEL, true)
      this.handler.onMessage(id, message)
    }
  }

  private refuse(stream: ResponseStream, what: string, error: number, isEnded = false): void {
    this.end(stream, error, isEnded)
    this.handler.onBadResponse(stream.id, failure('UPSTREAM_HTTP', what))
  }

  /** Ends this side of a stream, too. @param isEnded the upstream has ended it */
  private end(stream: ResponseStream, error: number, isEnded = false): void {
    const { id, unsent } = stream
    // A stream that was never opened cannot be reset.
    if (id <= this.sender.last && (!isEnded || unsent !== undefined))
      this.frames.addFrame(wordsFrame(FRAME.RST_STREAM, id, error))
    this.remove(stream, isEnded)
  }

  private remove(stream: ResponseStream, isEnded: boolean): void {
    this.streams.delete(stream.id)
    this.closed.add(stream.id, isEnded)
    this.kept -= stream.size
    this.sender.close(stream)
  }

  /** The stream on which the upstream may send. */
  private find(id: number): ResponseStream | undefined {
    return id > this.sender.last ? undefined : this.streams.get(id)
  }

  /** Even numbers would be pushes, which are not allowed. RFC 9113 §5.1.1, §8.4. */
  private errorIfIdle(id: number): number {
    return id > this.sender.last || (id & 1) === 0 ? ERROR.PROTOCOL_ERROR : ERROR.NO_ERROR
  }

  /** For fields or a body on a stream that is not open; it may have been reset meanwhile. RFC 9113 §5.1. */
  private errorOn(id: number): number {
    return this.closed.hasEnded(id) ? ERROR.STREAM_CLOSED : this.errorIfIdle(id)
  }

  /** RFC 9113 §6.9.1; what the window allows for is given back in portions. */
  private takeFlow(flow: Octets): boolean {
    this.uncredited += flow
    if (this.uncredited > CONNECTION_WINDOW.size) return false
    if (this.uncredited > CONNECTION_WINDOW.size / 2) {
      this.frames.addFrame(wordsFrame(FRAME.WINDOW_UPDATE, 0, this.uncredited))
      this.uncredited = 0
    }
    return true
  }

  private isFlooded(): boolean {
    return ++this.frameCount > FRAMES_ALLOWED + FRAMES_PER_QUERY * this.sender.count
  }

  private fail(error: number): void {
    this.close(error)
    this.handler.onViolation(failure('UPSTREAM_PROTOCOL', ERROR_NAMES.get(error)!))
  }
}
