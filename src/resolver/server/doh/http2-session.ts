import type { Clock } from '../../../base/time/clock.js'
import type { Milliseconds, Octets, Seconds } from '../../../base/units.js'
import {
  DEFAULT_WINDOW,
  ERROR,
  FRAME,
  SETTING,
  SETTINGS_ACK,
  settingsFrame,
  wordsFrame
} from '../../../wire/http2/frame.js'
import type { FrameHandler } from '../../../wire/http2/frame-reader.js'
import { HpackDecoder } from '../../../wire/http2/hpack-decoder.js'
import { pingReply, type ReceivedFrame } from '../../../wire/http2/received-frame.js'
import type { ConnectionIdentity } from '../client-recognizer.js'
import { MAX_MESSAGE } from '../tcp-reply-buffer.js'
import { DohStream } from './doh-stream.js'
import { OpenStreams } from './open-streams.js'
import type { ReplyFrames } from './reply-frames.js'
import { ReplySender, type FrameWriter } from './reply-sender.js'
import { MALFORMED, MAX_FIELDS, POST, STATUS, type RequestFields } from './request-fields.js'

/** Frames that a client may send without a query: a first request needs few. */
const FRAMES_ALLOWED = 1000
/** Frames more for each query: HEADERS, DATA, WINDOW_UPDATE, PING and some to spare. */
const FRAMES_PER_QUERY = 16
/** Parts of bodies that may be kept for one client, and what it leaves unread: two of the longest messages. */
const MAX_KEPT: Octets = 2 * MAX_MESSAGE

/** Takes the queries of a session, and may answer them at once. */
export interface QueryHandler extends FrameWriter {
  /** Whose a request is, by the token in its path, or the status with which it is refused. */
  identityOf(token: string): ConnectionIdentity | undefined | number
  /** A query in a body, any octets: `octets[start, end)`. */
  onBody(stream: DohStream, octets: Buffer, start: Octets, end: Octets): void
  /** A query in base64url. */
  onText(stream: DohStream, query: string): void
}

export interface SessionContext {
  /** For the frames of one read. */
  readonly frames: ReplyFrames
  readonly fields: RequestFields
  readonly clock: Clock
  /** Requests in progress on one connection. */
  queriesInFlight: number
}

/**
 * The server's side of one HTTP/2 connection, RFC 9113, as far as DNS over HTTPS needs it: streams, flow control and
 * limits, without the socket. Requests are either a query or refused with a status.
 */
export class Http2Session implements FrameHandler {
  /** Takes further requests. */
  accepting = true
  /** Queries received. */
  queries = 0
  readonly streams = new OpenStreams()
  private readonly replies: ReplySender
  private readonly decoder = new HpackDecoder()
  private frameCount = 0
  /** Octets received and not yet announced as such. */
  private uncredited: Octets = 0
  /** The client sends nothing more. */
  private hasEnded = false

  constructor(
    private readonly handler: QueryHandler,
    private readonly context: SessionContext
  ) {
    this.replies = new ReplySender(this.streams, handler)
  }

  /** The settings of this side: the first frame. RFC 9113 §3.4. */
  begin(): void {
    this.context.frames.addFrame(
      settingsFrame(
        [SETTING.MAX_CONCURRENT_STREAMS, this.context.queriesInFlight],
        [SETTING.MAX_HEADER_LIST_SIZE, MAX_FIELDS]
      )
    )
  }

  /** Counts a frame. @returns whether there are too many without queries, such as resets and pings */
  isFlooded(): boolean {
    return ++this.frameCount > FRAMES_ALLOWED + FRAMES_PER_QUERY * this.queries
  }

  /** Takes no further requests. RFC 9113 §6.8. */
  goAway(error: number = ERROR.NO_ERROR): number {
    if (this.accepting)
      this.context.frames.addFrame(wordsFrame(FRAME.GOAWAY, 0, this.streams.last, error))
    this.accepting = false
    return ERROR.NO_ERROR
  }

  /** Ends what waits for the client, which sends nothing more: the rest of a request, or room for a reply. */
  abandonIncomplete(): void {
    this.hasEnded = true
    for (const stream of this.streams.all()) {
      if (!stream.isComplete || stream.unsent !== undefined) this.streams.close(stream)
    }
  }

  abandonAll(): void {
    for (const stream of this.streams.all()) this.streams.close(stream)
  }

  /** Resets streams whose client sends no more of its request, or takes no more of its reply, since `before`. */
  resetSlow(before: Milliseconds): void {
    for (const stream of this.streams.all()) {
      if (!stream.isPending && stream.since <= before) this.reject(stream, ERROR.CANCEL)
    }
  }

  /** See `ReplySender.reply`. */
  reply(
    frames: ReplyFrames,
    stream: DohStream,
    length: Octets,
    lifetime: Seconds,
    offset: Octets
  ): void {
    this.replies.reply(frames, stream, length, lifetime, offset)
    if (stream.unsent === undefined) return
    stream.since = this.context.clock.now()
    if (this.hasEnded) this.streams.close(stream)
  }

  /** Answers with a status and no body. */
  refuse(stream: DohStream, status: number): void {
    this.replies.addStatus(this.context.frames, stream.id, status, stream.isComplete)
    this.streams.close(stream)
  }

  /** Ends a stream without a reply. */
  reject(stream: DohStream, error: number, frames = this.context.frames): void {
    frames.addFrame(wordsFrame(FRAME.RST_STREAM, stream.id, error))
    this.streams.close(stream)
  }

  headers(frame: ReceivedFrame): number {
    const { context, streams } = this
    const { fields, frames, queriesInFlight } = context
    const { stream: id, octets, start, end, isLast } = frame
    fields.clear()
    if (!this.decoder.decode(octets, start, end, fields.add)) return ERROR.COMPRESSION_ERROR
    const open = streams.get(id)
    if (open !== undefined) return this.trailers(open, isLast)
    if ((id & 1) === 0) return ERROR.PROTOCOL_ERROR
    if (id <= streams.last) return streams.errorOfFields(id)
    // After GOAWAY.
    if (!this.accepting) return ERROR.NO_ERROR
    streams.last = id
    if (streams.inProgress < queriesInFlight && streams.keptReplies <= MAX_KEPT) {
      this.open(id, isLast)
    } else frames.addFrame(wordsFrame(FRAME.RST_STREAM, id, ERROR.REFUSED_STREAM))
    if (streams.get(id) === undefined) streams.remember(id, isLast)
    return ERROR.NO_ERROR
  }

  data(frame: ReceivedFrame, flow: Octets): number {
    if (!this.takeFlow(flow)) return ERROR.FLOW_CONTROL_ERROR
    const stream = this.streams.get(frame.stream)
    if (stream === undefined) return this.streams.errorOfBody(frame.stream)
    if (stream.isComplete) this.reject(stream, ERROR.STREAM_CLOSED)
    else if (stream.query !== undefined) this.endGet(stream, frame)
    else if (frame.isLast && stream.body === undefined) {
      this.complete(stream, frame.octets, frame.start, frame.end)
    } else this.keepBody(stream, frame)
    return ERROR.NO_ERROR
  }

  reset(id: number): number {
    const stream = this.streams.get(id)
    if (stream === undefined) return this.streams.errorOfClosed(id)
    this.streams.close(stream, true)
    return ERROR.NO_ERROR
  }

  initialWindow(octets: Octets): number {
    return this.replies.setInitialWindow(this.context.frames, octets)
      ? ERROR.NO_ERROR
      : ERROR.FLOW_CONTROL_ERROR
  }

  /** This side opens no streams. */
  streamLimit(): number {
    return ERROR.NO_ERROR
  }

  settingsEnd(): number {
    this.context.frames.addFrame(SETTINGS_ACK)
    return ERROR.NO_ERROR
  }

  ping(frame: ReceivedFrame): number {
    this.context.frames.addFrame(pingReply(frame))
    return ERROR.NO_ERROR
  }

  peerGoAway(): number {
    return this.goAway()
  }

  windowUpdate(id: number, increment: Octets): number {
    const { replies, streams, context } = this
    const { frames } = context
    if (id === 0) {
      return replies.widen(frames, increment) ? ERROR.NO_ERROR : ERROR.FLOW_CONTROL_ERROR
    }
    const stream = streams.get(id)
    if (stream === undefined) return streams.errorOfClosed(id)
    if (!replies.widenStream(frames, stream, increment)) {
      this.reject(stream, ERROR.FLOW_CONTROL_ERROR)
    }
    return ERROR.NO_ERROR
  }

  /** A request whose fields have just been read. */
  private open(id: number, isLast: boolean): void {
    const { fields, clock, frames } = this.context
    const wanted = fields.evaluate()
    // RFC 9113 §8.1.1.
    if (wanted === MALFORMED || (isLast && fields.contentLength > 0)) {
      frames.addFrame(wordsFrame(FRAME.RST_STREAM, id, ERROR.PROTOCOL_ERROR))
    } else if (wanted > POST) this.replies.addStatus(frames, id, wanted, isLast)
    else if (wanted === POST && isLast) {
      this.replies.addStatus(frames, id, STATUS.badRequest, isLast)
    } else if (fields.contentLength > MAX_MESSAGE) {
      this.replies.addStatus(frames, id, STATUS.contentTooLarge, isLast)
    } else {
      const identity = this.handler.identityOf(fields.token)
      if (typeof identity === 'number') {
        this.replies.addStatus(frames, id, identity, isLast)
        return
      }
      const { initialWindow } = this.replies
      const stream = new DohStream(id, initialWindow, clock.now(), fields.contentLength, identity)
      this.streams.add(stream)
      if (wanted === POST) return
      if (isLast) this.completeGet(stream, fields.query)
      else stream.query = fields.query
    }
  }

  /** The end of a GET, which some clients send as an empty body. */
  private endGet(stream: DohStream, { length, isLast }: ReceivedFrame): void {
    if (length > 0) this.refuse(stream, STATUS.badRequest)
    else if (isLast) this.completeGet(stream, stream.query!)
  }

  private completeGet(stream: DohStream, query: string): void {
    stream.isComplete = true
    this.queries++
    this.handler.onText(stream, query)
  }

  /** Fields behind the body, which mean nothing here: RFC 9113 §8.1. */
  private trailers(stream: DohStream, isLast: boolean): number {
    if (stream.isComplete) this.reject(stream, ERROR.STREAM_CLOSED)
    else if (!isLast || !this.context.fields.areTrailers) this.reject(stream, ERROR.PROTOCOL_ERROR)
    else if (stream.query !== undefined) this.completeGet(stream, stream.query)
    else {
      const body = stream.takeBody(Buffer.alloc(0))
      this.complete(stream, body, 0, body.length)
    }
    return ERROR.NO_ERROR
  }

  private keepBody(stream: DohStream, frame: ReceivedFrame): void {
    const { octets, start, end, length } = frame
    const { streams } = this
    if (stream.bodySize + length > MAX_MESSAGE || streams.keptBodies + length > MAX_KEPT) {
      this.refuse(stream, STATUS.contentTooLarge)
      return
    }
    const part = octets.subarray(start, end)
    if (frame.isLast) {
      const body = stream.takeBody(part)
      this.complete(stream, body, 0, body.length)
      return
    }
    stream.body ??= []
    stream.body.push(Buffer.from(part))
    stream.bodySize += length
    streams.keptBodies += length
  }

  private complete(stream: DohStream, octets: Buffer, start: Octets, end: Octets): void {
    stream.isComplete = true
    this.streams.keptBodies -= stream.bodySize
    stream.bodySize = 0
    const { contentLength } = stream
    // RFC 9113 §8.1.1.
    if (contentLength >= 0 && contentLength !== end - start) {
      this.reject(stream, ERROR.PROTOCOL_ERROR)
      return
    }
    this.queries++
    this.handler.onBody(stream, octets, start, end)
  }

  /** RFC 9113 §6.9.1; what the window allows for is given back in portions. */
  private takeFlow(flow: Octets): boolean {
    this.uncredited += flow
    if (this.uncredited > DEFAULT_WINDOW) return false
    if (this.uncredited > DEFAULT_WINDOW / 2) {
      this.context.frames.addFrame(wordsFrame(FRAME.WINDOW_UPDATE, 0, this.uncredited))
      this.uncredited = 0
    }
    return true
  }
}
