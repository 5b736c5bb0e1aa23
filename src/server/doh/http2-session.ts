import type { Clock } from '../../base/clock.js'
import type { Milliseconds, Octets, Seconds } from '../../base/units.js'
import {
  DEFAULT_FRAME_SIZE,
  DEFAULT_WINDOW,
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEADER,
  MAX_WINDOW,
  SETTING,
  settingsFrame,
  wordsFrame,
  writeFrameHeader
} from '../../http2/frame.js'
import type { FrameHandler } from '../../http2/frame-reader.js'
import { HpackDecoder } from '../../http2/hpack-decoder.js'
import type { ConnectionIdentity } from '../client-recognizer.js'
import { MAX_MESSAGE } from '../tcp-reply-buffer.js'
import { DohStream } from './doh-stream.js'
import { MAX_PADDING, type ReplyFrames } from './reply-frames.js'
import { GET, MALFORMED, MAX_FIELDS, POST, STATUS, type RequestFields } from './request-fields.js'

/** Frames that a client may send without a query: a first request needs few. */
const FRAMES_ALLOWED = 1000
/** Frames more for each query: HEADERS, DATA, WINDOW_UPDATE, PING and some to spare. */
const FRAMES_PER_QUERY = 16
/** Parts of bodies that may be kept for one client, and what it leaves unread: two of the longest messages. */
const MAX_KEPT: Octets = 2 * MAX_MESSAGE
const SETTINGS_ACK = ack()

/** Takes the queries of a session, and may answer them at once. */
export interface QueryHandler {
  /** Whose a request is, by the token in its path, or the status with which it is refused. */
  identityOf(token: string): ConnectionIdentity | undefined | number
  /** A query in a body, any octets: `octets[start, end)`. */
  onBody(stream: DohStream, octets: Buffer, start: Octets, end: Octets): void
  /** A query in base64url. */
  onText(stream: DohStream, query: string): void
  /** Writes the frames collected so far. */
  flush(frames: ReplyFrames): void
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
  private readonly streams = new Map<number, DohStream>()
  private readonly decoder = new HpackDecoder()
  private lastStream = 0
  private frameCount = 0
  /** Queries that wait for an upstream though their streams are closed: they count as requests in progress. */
  private abandoned = 0
  /** Octets of bodies that are incomplete. */
  private keptBodies: Octets = 0
  /** Octets of replies that the client does not take yet. */
  private keptReplies: Octets = 0
  /** Octets received and not yet announced as such. */
  private uncredited: Octets = 0
  private window: Octets = DEFAULT_WINDOW
  private initialWindow: Octets = DEFAULT_WINDOW
  private hasSentFields = false
  /** The client sends nothing more. */
  private hasEnded = false

  constructor(
    private readonly handler: QueryHandler,
    private readonly context: SessionContext
  ) {}

  get openStreams(): number {
    return this.streams.size
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
      this.context.frames.addFrame(wordsFrame(FRAME.GOAWAY, 0, this.lastStream, error))
    this.accepting = false
    return ERROR.NO_ERROR
  }

  /** Ends what waits for the client, which sends nothing more: the rest of a request, or room for a reply. */
  abandonIncomplete(): void {
    this.hasEnded = true
    for (const stream of this.streams.values()) {
      if (!stream.isComplete || stream.unsent !== undefined) this.close(stream)
    }
  }

  abandonAll(): void {
    for (const stream of this.streams.values()) this.close(stream)
  }

  /** Resets streams whose client sends no more of its request, or takes no more of its reply, since `before`. */
  resetSlow(before: Milliseconds): void {
    for (const stream of this.streams.values()) {
      if (!stream.isPending && stream.since <= before) this.reject(stream, ERROR.CANCEL)
    }
  }

  /**
   * Sends the reply `frames.octets[place, place + length)`.
   *
   * @param offset see `ReplyFrames.addReply`
   */
  reply(
    frames: ReplyFrames,
    stream: DohStream,
    length: Octets,
    lifetime: Seconds,
    offset: Octets
  ): void {
    const isFirst = this.isFirstBlock()
    const most = length + MAX_PADDING
    if (most <= DEFAULT_FRAME_SIZE && most <= this.window && most <= stream.window) {
      this.window -= frames.addReply(stream.id, length, lifetime, isFirst, offset)
      this.close(stream)
      return
    }
    const { place } = frames
    stream.unsent = Uint8Array.from(frames.octets.subarray(place, place + length))
    stream.since = this.context.clock.now()
    this.keptReplies += length
    frames.addHead(stream.id, length, lifetime, isFirst)
    this.send(frames, stream)
    if (this.hasEnded) this.close(stream)
  }

  /** Answers with a status and no body. */
  refuse(stream: DohStream, status: number): void {
    this.addStatus(stream.id, status, stream.isComplete)
    this.close(stream)
  }

  /** Ends a stream without a reply. */
  reject(stream: DohStream, error: number, frames = this.context.frames): void {
    frames.addFrame(wordsFrame(FRAME.RST_STREAM, stream.id, error))
    this.close(stream)
  }

  /** The query waits for an upstream. */
  wait(stream: DohStream): void {
    stream.isPending = true
  }

  /** The query waits no longer. @returns whether its stream is still open */
  resume(stream: DohStream): boolean {
    stream.isPending = false
    if (this.streams.get(stream.id) === stream) return true
    this.abandoned--
    return false
  }

  headers(id: number, octets: Buffer, start: Octets, end: Octets, isLast: boolean): number {
    const { fields, frames, queriesInFlight } = this.context
    fields.clear()
    if (!this.decoder.decode(octets, start, end, fields.add)) return ERROR.COMPRESSION_ERROR
    const open = this.streams.get(id)
    if (open !== undefined) return this.trailers(open, isLast)
    if ((id & 1) === 0) return ERROR.PROTOCOL_ERROR
    // Of a stream that this side has closed, or after GOAWAY.
    if (id <= this.lastStream || !this.accepting) return ERROR.NO_ERROR
    this.lastStream = id
    if (this.streams.size + this.abandoned >= queriesInFlight || this.keptReplies > MAX_KEPT) {
      frames.addFrame(wordsFrame(FRAME.RST_STREAM, id, ERROR.REFUSED_STREAM))
      return ERROR.NO_ERROR
    }
    this.open(id, isLast)
    return ERROR.NO_ERROR
  }

  data(
    id: number,
    octets: Buffer,
    start: Octets,
    end: Octets,
    flow: Octets,
    isLast: boolean
  ): number {
    if (!this.takeFlow(flow)) return ERROR.FLOW_CONTROL_ERROR
    const stream = this.streams.get(id)
    if (stream === undefined) return this.closed(id)
    if (stream.isComplete) this.reject(stream, ERROR.STREAM_CLOSED)
    else if (isLast && stream.body === undefined) this.complete(stream, octets, start, end)
    else this.keepBody(stream, octets, start, end, isLast)
    return ERROR.NO_ERROR
  }

  reset(id: number): number {
    const stream = this.streams.get(id)
    if (stream === undefined) return this.closed(id)
    this.close(stream)
    return ERROR.NO_ERROR
  }

  setting(id: number, value: number): number {
    if (id !== SETTING.INITIAL_WINDOW_SIZE) return ERROR.NO_ERROR
    const change = value - this.initialWindow
    this.initialWindow = value
    // RFC 9113 §6.9.2.
    for (const stream of this.streams.values()) {
      stream.window += change
      if (stream.window > MAX_WINDOW) return ERROR.FLOW_CONTROL_ERROR
    }
    this.sendAll()
    return ERROR.NO_ERROR
  }

  settingsEnd(): number {
    this.context.frames.addFrame(SETTINGS_ACK)
    return ERROR.NO_ERROR
  }

  ping(octets: Buffer, start: Octets): number {
    const frame = new Uint8Array(FRAME_HEADER + 8)
    frame.set(
      octets.subarray(start, start + 8),
      writeFrameHeader(frame, 0, 8, FRAME.PING, FLAG.ACK, 0)
    )
    this.context.frames.addFrame(frame)
    return ERROR.NO_ERROR
  }

  windowUpdate(id: number, increment: Octets): number {
    if (id === 0) {
      this.window += increment
      if (this.window > MAX_WINDOW) return ERROR.FLOW_CONTROL_ERROR
      this.sendAll()
      return ERROR.NO_ERROR
    }
    const stream = this.streams.get(id)
    if (stream === undefined) return this.closed(id)
    stream.window += increment
    if (stream.window > MAX_WINDOW) this.reject(stream, ERROR.FLOW_CONTROL_ERROR)
    else this.send(this.context.frames, stream)
    return ERROR.NO_ERROR
  }

  /** A frame for a stream that is not open: an error if it never was. RFC 9113 §5.1. */
  private closed(id: number): number {
    return id > this.lastStream ? ERROR.PROTOCOL_ERROR : ERROR.NO_ERROR
  }

  /** A request whose fields have just been read. */
  private open(id: number, isLast: boolean): void {
    const { fields, clock, frames } = this.context
    const wanted = fields.evaluate()
    if (wanted === MALFORMED) {
      frames.addFrame(wordsFrame(FRAME.RST_STREAM, id, ERROR.PROTOCOL_ERROR))
    } else if (wanted > POST) this.addStatus(id, wanted, isLast)
    else if ((wanted === GET) !== isLast) this.addStatus(id, STATUS.badRequest, isLast)
    else if (fields.contentLength > MAX_MESSAGE) this.addStatus(id, STATUS.contentTooLarge, isLast)
    else {
      const identity = this.handler.identityOf(fields.token)
      if (typeof identity === 'number') {
        this.addStatus(id, identity, isLast)
        return
      }
      const stream = new DohStream(
        id,
        this.initialWindow,
        clock.now(),
        fields.contentLength,
        identity
      )
      this.streams.set(id, stream)
      if (wanted === POST) return
      stream.isComplete = true
      this.queries++
      this.handler.onText(stream, fields.query)
    }
  }

  /** The rest of a request may come, but is not needed: RFC 9113 §8.1. */
  private addStatus(id: number, status: number, isComplete: boolean): void {
    const { frames } = this.context
    frames.addStatus(id, status, this.isFirstBlock())
    if (!isComplete) frames.addFrame(wordsFrame(FRAME.RST_STREAM, id, ERROR.NO_ERROR))
  }

  /** Fields behind the body, which mean nothing here: RFC 9113 §8.1. */
  private trailers(stream: DohStream, isLast: boolean): number {
    if (stream.isComplete || !isLast) return ERROR.PROTOCOL_ERROR
    const body = stream.takeBody(Buffer.alloc(0))
    this.complete(stream, body, 0, body.length)
    return ERROR.NO_ERROR
  }

  private keepBody(
    stream: DohStream,
    octets: Buffer,
    start: Octets,
    end: Octets,
    isLast: boolean
  ): void {
    const size = end - start
    if (stream.bodySize + size > MAX_MESSAGE || this.keptBodies + size > MAX_KEPT) {
      this.refuse(stream, STATUS.contentTooLarge)
      return
    }
    const part = octets.subarray(start, end)
    if (isLast) {
      const body = stream.takeBody(part)
      this.complete(stream, body, 0, body.length)
      return
    }
    stream.body ??= []
    stream.body.push(Buffer.from(part))
    stream.bodySize += size
    this.keptBodies += size
  }

  private complete(stream: DohStream, octets: Buffer, start: Octets, end: Octets): void {
    stream.isComplete = true
    this.keptBodies -= stream.bodySize
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

  private sendAll(): void {
    if (this.keptReplies === 0) return
    for (const stream of this.streams.values()) {
      if (this.window <= 0) return
      this.send(this.context.frames, stream)
    }
  }

  /** Sends as much of a reply as the client takes now. */
  private send(frames: ReplyFrames, stream: DohStream): void {
    while (stream.unsent !== undefined) {
      const { length } = stream.unsent
      const size = Math.min(length, this.window, stream.window, DEFAULT_FRAME_SIZE)
      if (size <= 0) return
      if (!frames.hasRoom) this.handler.flush(frames)
      frames.addData(stream.id, stream.unsent.subarray(0, size), size === length)
      this.window -= size
      stream.window -= size
      this.keptReplies -= size
      stream.unsent = size === length ? undefined : stream.unsent.subarray(size)
      if (size === length) this.close(stream)
    }
  }

  private isFirstBlock(): boolean {
    const isFirst = !this.hasSentFields
    this.hasSentFields = true
    return isFirst
  }

  private close(stream: DohStream): void {
    this.streams.delete(stream.id)
    this.keptBodies -= stream.bodySize
    this.keptReplies -= stream.unsent?.length ?? 0
    stream.unsent = undefined
    if (stream.isPending) this.abandoned++
  }
}

function ack(): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER)
  writeFrameHeader(frame, 0, 0, FRAME.SETTINGS, FLAG.ACK, 0)
  return frame
}
