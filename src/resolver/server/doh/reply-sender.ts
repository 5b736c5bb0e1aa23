import type { Octets, Seconds } from '../../../base/units.js'
import {
  DEFAULT_FRAME_SIZE,
  DEFAULT_WINDOW,
  ERROR,
  FRAME,
  MAX_WINDOW,
  wordsFrame
} from '../../../wire/http2/frame.js'
import type { DohStream } from './doh-stream.js'
import type { OpenStreams } from './open-streams.js'
import { MAX_PADDING, type ReplyFrames } from './reply-frames.js'

/** Writes frames to the connection. */
export interface FrameWriter {
  /** Writes the frames collected so far. */
  flush(frames: ReplyFrames): void
}

/** Sends the replies of one HTTP/2 connection, as fast as the client takes them. RFC 9113 §5.2. */
export class ReplySender {
  /** Of a stream that is opened now. */
  initialWindow: Octets = DEFAULT_WINDOW
  private window: Octets = DEFAULT_WINDOW
  private hasSentFields = false

  constructor(
    private readonly streams: OpenStreams,
    private readonly writer: FrameWriter
  ) {}

  /**
   * Sends the reply `frames.octets[place, place + length)`, or keeps what the client does not take yet.
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
    const most = length + MAX_PADDING
    if (most <= DEFAULT_FRAME_SIZE && most <= this.window && most <= stream.window) {
      this.window -= frames.addReply(stream.id, length, lifetime, this.isFirstBlock(), offset)
      this.streams.close(stream)
      return
    }
    const { place } = frames
    stream.unsent = Uint8Array.from(frames.octets.subarray(place, place + length))
    this.streams.keptReplies += length
    frames.addHead(stream.id, length, lifetime, this.isFirstBlock())
    this.send(frames, stream)
  }

  /** Sends a status without a body. The rest of a request may come, but is not needed: RFC 9113 §8.1. */
  addStatus(frames: ReplyFrames, id: number, status: number, isComplete: boolean): void {
    frames.addStatus(id, status, this.isFirstBlock())
    if (!isComplete) frames.addFrame(wordsFrame(FRAME.RST_STREAM, id, ERROR.NO_ERROR))
  }

  /** The client takes more on all streams together. @returns false: more than allowed, RFC 9113 §6.9.1 */
  widen(frames: ReplyFrames, increment: Octets): boolean {
    this.window += increment
    if (this.window > MAX_WINDOW) return false
    this.sendAll(frames)
    return true
  }

  /** The client takes more on one stream. @returns as `widen` */
  widenStream(frames: ReplyFrames, stream: DohStream, increment: Octets): boolean {
    stream.window += increment
    if (stream.window > MAX_WINDOW) return false
    this.send(frames, stream)
    return true
  }

  /** The client changes the window of all streams. RFC 9113 §6.9.2. @returns as `widen` */
  setInitialWindow(frames: ReplyFrames, window: Octets): boolean {
    const change = window - this.initialWindow
    this.initialWindow = window
    for (const stream of this.streams.all()) {
      stream.window += change
      if (stream.window > MAX_WINDOW) return false
    }
    this.sendAll(frames)
    return true
  }

  private sendAll(frames: ReplyFrames): void {
    if (this.streams.keptReplies === 0) return
    for (const stream of this.streams.all()) {
      if (this.window <= 0) return
      this.send(frames, stream)
    }
  }

  /** Sends as much of a reply as the client takes now. */
  private send(frames: ReplyFrames, stream: DohStream): void {
    while (stream.unsent !== undefined) {
      const { length } = stream.unsent
      const size = Math.min(length, this.window, stream.window, DEFAULT_FRAME_SIZE)
      if (size <= 0) return
      if (!frames.hasRoom) this.writer.flush(frames)
      frames.addData(stream.id, stream.unsent.subarray(0, size), size === length)
      this.window -= size
      stream.window -= size
      this.streams.keptReplies -= size
      stream.unsent = size === length ? undefined : stream.unsent.subarray(size)
      if (size === length) this.streams.close(stream)
    }
  }

  private isFirstBlock(): boolean {
    const isFirst = !this.hasSentFields
    this.hasSentFields = true
    return isFirst
  }
}
