import { getUint16, getUint32 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import {
  DEFAULT_FRAME_SIZE,
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEADER,
  MAX_WINDOW,
  SETTING
} from './frame.js'
import { ReceivedFrame } from './received-frame.js'

/** What a peer sends. Each method returns an error code, which ends the connection, or NO_ERROR. */
export interface FrameHandler {
  /** The payload is a whole header block, continuations included. */
  headers(frame: ReceivedFrame): number
  /**
   * The payload is a part of a body.
   *
   * @param flow what the frame counts for in flow control: its padding too
   */
  data(frame: ReceivedFrame, flow: Octets): number
  /** @param error why, as the peer says */
  reset(stream: number, error: number): number
  /** SETTINGS_INITIAL_WINDOW_SIZE; `settingsEnd` follows. */
  initialWindow(octets: Octets): number
  /** SETTINGS_MAX_CONCURRENT_STREAMS; `settingsEnd` follows. */
  streamLimit(streams: number): number
  settingsEnd(): number
  /** The payload is eight octets, to send back. */
  ping(frame: ReceivedFrame): number
  /**
   * @param last highest stream that the peer may have processed
   * @param error why, as the peer says
   */
  peerGoAway(last: number, error: number): number
  /** @param stream 0: the window of the connection */
  windowUpdate(stream: number, increment: Octets): number
}

/** The frame is not all there. */
export const INCOMPLETE = -1
/** The connection is to end with `FrameReader.error`. */
export const FAILED = -2

const frame = new ReceivedFrame()

/**
 * Reads frames and checks what can be checked without the state of streams. RFC 9113 §6. Neither pushes nor
 * priorities: PUSH_PROMISE is an error, PRIORITY is ignored.
 */
export class FrameReader {
  error: number = ERROR.NO_ERROR
  /** The end of the frame that is being read. */
  next: Octets = 0
  private isFirst = true
  /** Stream and flags of a HEADERS frame whose CONTINUATION frames follow; 0: none. */
  private openStream = 0
  private openFlags = 0
  private parts: Buffer[] = []
  private partsSize: Octets = 0

  /**
   * @param maxBlock longest header block, compressed; a longer one ends the connection
   * @param isServer whether the peer is a server
   */
  constructor(
    private readonly handler: FrameHandler,
    private readonly maxBlock: Octets,
    private readonly isServer = false
  ) {}

  /**
   * Reads one frame at the start of `octets[start, end)`.
   *
   * @returns the position after it, INCOMPLETE or FAILED
   */
  read(octets: Buffer, start: Octets, end: Octets): Octets {
    if (end - start < FRAME_HEADER) return INCOMPLETE
    const length = (octets[start]! << 16) | getUint16(octets, start + 1)
    if (length > DEFAULT_FRAME_SIZE) return this.fail(ERROR.FRAME_SIZE_ERROR)
    const payload = start + FRAME_HEADER
    const next = (this.next = payload + length)
    if (next > end) return INCOMPLETE
    frame.octets = octets
    frame.start = payload
    frame.end = next
    frame.type = octets[start + 3]!
    frame.flags = octets[start + 4]!
    // The first bit is reserved: RFC 9113 §4.1.
    frame.stream = getUint32(octets, start + 5) & MAX_WINDOW
    const error = this.isInOrder(frame.type) ? this.dispatch() : ERROR.PROTOCOL_ERROR
    return error === ERROR.NO_ERROR ? next : this.fail(error)
  }

  private fail(error: number): typeof FAILED {
    this.error = error
    return FAILED
  }

  /** The first frame is SETTINGS: RFC 9113 §3.4. Nothing comes between HEADERS and CONTINUATION: §6.10. */
  private isInOrder(type: number): boolean {
    if (!this.isFirst) return this.openStream === 0 || type === FRAME.CONTINUATION
    this.isFirst = false
    return type === FRAME.SETTINGS && !frame.has(FLAG.ACK)
  }

  private dispatch(): number {
    const { handler } = this
    const { type, stream, length } = frame
    switch (type) {
      case FRAME.DATA:
        return this.data()
      case FRAME.HEADERS:
        return this.headers()
      case FRAME.CONTINUATION:
        return this.continuation()
      case FRAME.SETTINGS:
        return this.settings()
      case FRAME.WINDOW_UPDATE: {
        if (length !== 4) return ERROR.FRAME_SIZE_ERROR
        const increment = getUint32(frame.octets, frame.start) & MAX_WINDOW
        return increment === 0 ? ERROR.PROTOCOL_ERROR : handler.windowUpdate(stream, increment)
      }
      case FRAME.PING:
        if (stream !== 0) return ERROR.PROTOCOL_ERROR
        if (length !== 8) return ERROR.FRAME_SIZE_ERROR
        return frame.has(FLAG.ACK) ? ERROR.NO_ERROR : handler.ping(frame)
      case FRAME.RST_STREAM:
        if (stream === 0) return ERROR.PROTOCOL_ERROR
        if (length !== 4) return ERROR.FRAME_SIZE_ERROR
        return handler.reset(stream, getUint32(frame.octets, frame.start))
      case FRAME.GOAWAY:
        if (stream !== 0) return ERROR.PROTOCOL_ERROR
        return length >= 8 ? this.goAway() : ERROR.FRAME_SIZE_ERROR
      case FRAME.PRIORITY:
        if (stream === 0) return ERROR.PROTOCOL_ERROR
        return length === 5 ? ERROR.NO_ERROR : ERROR.FRAME_SIZE_ERROR
      case FRAME.PUSH_PROMISE:
        return ERROR.PROTOCOL_ERROR
      default:
        // Extensions: RFC 9113 §5.5.
        return ERROR.NO_ERROR
    }
  }

  /** RFC 9113 §6.1. */
  private data(): number {
    const flow = frame.length
    if (frame.stream === 0 || !removePadding()) return ERROR.PROTOCOL_ERROR
    return this.handler.data(frame, flow)
  }

  /** RFC 9113 §6.2. */
  private headers(): number {
    if (frame.stream === 0 || !removePadding()) return ERROR.PROTOCOL_ERROR
    if (frame.has(FLAG.PRIORITY)) frame.start += 5
    if (frame.start > frame.end) return ERROR.PROTOCOL_ERROR
    if (frame.has(FLAG.END_HEADERS)) return this.block()
    this.openStream = frame.stream
    this.openFlags = frame.flags
    return this.addPart()
  }

  /** RFC 9113 §6.10. */
  private continuation(): number {
    if (frame.stream === 0 || frame.stream !== this.openStream) return ERROR.PROTOCOL_ERROR
    const error = this.addPart()
    if (error !== ERROR.NO_ERROR || !frame.has(FLAG.END_HEADERS)) return error
    frame.octets = Buffer.concat(this.parts)
    frame.start = 0
    frame.end = frame.octets.length
    frame.flags = this.openFlags
    this.openStream = this.partsSize = 0
    this.parts = []
    return this.block()
  }

  /** Empty ones count as well, so that there cannot be any number of them. */
  private addPart(): number {
    this.partsSize += frame.length + FRAME_HEADER
    if (this.partsSize > this.maxBlock) return ERROR.ENHANCE_YOUR_CALM
    this.parts.push(Buffer.from(frame.octets.subarray(frame.start, frame.end)))
    return ERROR.NO_ERROR
  }

  private block(): number {
    return frame.length > this.maxBlock ? ERROR.ENHANCE_YOUR_CALM : this.handler.headers(frame)
  }

  /** RFC 9113 §6.5. */
  private settings(): number {
    const { octets, start, end, length } = frame
    if (frame.stream !== 0) return ERROR.PROTOCOL_ERROR
    if (frame.has(FLAG.ACK)) return length === 0 ? ERROR.NO_ERROR : ERROR.FRAME_SIZE_ERROR
    if (length % 6 !== 0) return ERROR.FRAME_SIZE_ERROR
    // Each changes the windows of all streams, so only the last one in a frame is passed on.
    let window = -1
    let streams = -1
    for (let pos = start; pos < end; pos += 6) {
      const id = getUint16(octets, pos)
      const value = getUint32(octets, pos + 2)
      const error = invalidSetting(id, value, this.isServer)
      if (error !== ERROR.NO_ERROR) return error
      if (id === SETTING.INITIAL_WINDOW_SIZE) window = value
      if (id === SETTING.MAX_CONCURRENT_STREAMS) streams = value
    }
    const { handler } = this
    let error = window < 0 ? ERROR.NO_ERROR : handler.initialWindow(window)
    if (error === ERROR.NO_ERROR && streams >= 0) error = handler.streamLimit(streams)
    return error === ERROR.NO_ERROR ? handler.settingsEnd() : error
  }

  /** RFC 9113 §6.8. */
  private goAway(): number {
    const { octets, start } = frame
    const last = getUint32(octets, start) & MAX_WINDOW
    return this.handler.peerGoAway(last, getUint32(octets, start + 4))
  }
}

/** Leaves the payload without the padding and its length. RFC 9113 §6.1. @returns false: there is more than payload */
function removePadding(): boolean {
  if (!frame.has(FLAG.PADDED)) return true
  if (frame.length === 0) return false
  frame.end -= frame.octets[frame.start++]!
  return frame.start <= frame.end
}

/** RFC 9113 §6.5.2; a server may not offer pushes to be sent to it. */
function invalidSetting(id: number, value: number, isServer: boolean): number {
  if (id === SETTING.INITIAL_WINDOW_SIZE && value > MAX_WINDOW) return ERROR.FLOW_CONTROL_ERROR
  const isWrong =
    (id === SETTING.ENABLE_PUSH && value > (isServer ? 0 : 1)) ||
    (id === SETTING.MAX_FRAME_SIZE && (value < DEFAULT_FRAME_SIZE || value > 0xff_ffff))
  return isWrong ? ERROR.PROTOCOL_ERROR : ERROR.NO_ERROR
}
