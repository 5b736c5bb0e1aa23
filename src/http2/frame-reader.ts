import { getUint16, getUint32 } from '../base/octets.js'
import type { Octets } from '../base/units.js'
import {
  DEFAULT_FRAME_SIZE,
  ERROR,
  FLAG,
  FRAME,
  FRAME_HEADER,
  MAX_WINDOW,
  SETTING
} from './frame.js'

/** What a peer sends. Each method returns an error code, which ends the connection, or NO_ERROR. */
export interface FrameHandler {
  /** A whole header block, continuations included: `octets[start, end)`. */
  headers(stream: number, octets: Buffer, start: Octets, end: Octets, isLast: boolean): number
  /**
   * `octets[start, end)` of a body.
   *
   * @param flow what the frame counts for in flow control: its padding too
   */
  data(
    stream: number,
    octets: Buffer,
    start: Octets,
    end: Octets,
    flow: Octets,
    isLast: boolean
  ): number
  reset(stream: number): number
  /** One setting; `settingsEnd` follows the last of a frame. */
  setting(id: number, value: number): number
  settingsEnd(): number
  /** Eight octets at `start`, to send back. */
  ping(octets: Buffer, start: Octets): number
  goAway(): number
  /** @param stream 0: the window of the connection */
  windowUpdate(stream: number, increment: Octets): number
}

/** The frame is not all there. */
export const INCOMPLETE = -1
/** The connection is to end with `FrameReader.error`. */
export const FAILED = -2

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

  /** @param maxBlock longest header block, compressed; a longer one ends the connection */
  constructor(
    private readonly handler: FrameHandler,
    private readonly maxBlock: Octets
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
    const type = octets[start + 3]!
    const flags = octets[start + 4]!
    // The first bit is reserved: RFC 9113 §4.1.
    const stream = getUint32(octets, start + 5) & MAX_WINDOW
    // The first frame is SETTINGS: RFC 9113 §3.4. Nothing comes between HEADERS and CONTINUATION: §6.10.
    if (
      this.isFirst ? type !== FRAME.SETTINGS : this.openStream !== 0 && type !== FRAME.CONTINUATION
    )
      return this.fail(ERROR.PROTOCOL_ERROR)
    this.isFirst = false
    const error = this.dispatch(type, flags, stream, octets, payload, next)
    return error === ERROR.NO_ERROR ? next : this.fail(error)
  }

  private fail(error: number): typeof FAILED {
    this.error = error
    return FAILED
  }

  private dispatch(
    type: number,
    flags: number,
    stream: number,
    octets: Buffer,
    start: Octets,
    end: Octets
  ): number {
    switch (type) {
      case FRAME.DATA:
        return this.data(flags, stream, octets, start, end)
      case FRAME.HEADERS:
        return this.headers(flags, stream, octets, start, end)
      case FRAME.CONTINUATION:
        return this.continuation(flags, stream, octets, start, end)
      case FRAME.SETTINGS:
        return this.settings(flags, stream, octets, start, end)
      case FRAME.WINDOW_UPDATE: {
        if (end - start !== 4) return ERROR.FRAME_SIZE_ERROR
        const increment = getUint32(octets, start) & MAX_WINDOW
        return increment === 0 ? ERROR.PROTOCOL_ERROR : this.handler.windowUpdate(stream, increment)
      }
      case FRAME.PING:
        if (stream !== 0) return ERROR.PROTOCOL_ERROR
        if (end - start !== 8) return ERROR.FRAME_SIZE_ERROR
        return (flags & FLAG.ACK) === 0 ? this.handler.ping(octets, start) : ERROR.NO_ERROR
      case FRAME.RST_STREAM:
        if (stream === 0) return ERROR.PROTOCOL_ERROR
        return end - start === 4 ? this.handler.reset(stream) : ERROR.FRAME_SIZE_ERROR
      case FRAME.GOAWAY:
        if (stream !== 0) return ERROR.PROTOCOL_ERROR
        return end - start >= 8 ? this.handler.goAway() : ERROR.FRAME_SIZE_ERROR
      case FRAME.PRIORITY:
        if (stream === 0) return ERROR.PROTOCOL_ERROR
        return end - start === 5 ? ERROR.NO_ERROR : ERROR.FRAME_SIZE_ERROR
      case FRAME.PUSH_PROMISE:
        return ERROR.PROTOCOL_ERROR
      default:
        // Extensions: RFC 9113 §5.5.
        return ERROR.NO_ERROR
    }
  }

  /** RFC 9113 §6.1. */
  private data(flags: number, stream: number, octets: Buffer, start: Octets, end: Octets): number {
    if (stream === 0) return ERROR.PROTOCOL_ERROR
    const isLast = (flags & FLAG.END_STREAM) !== 0
    if ((flags & FLAG.PADDED) === 0)
      return this.handler.data(stream, octets, start, end, end - start, isLast)
    const last = start < end ? end - octets[start]! : start
    if (last <= start) return ERROR.PROTOCOL_ERROR
    return this.handler.data(stream, octets, start + 1, last, end - start, isLast)
  }

  /** RFC 9113 §6.2. */
  private headers(
    flags: number,
    stream: number,
    octets: Buffer,
    start: Octets,
    end: Octets
  ): number {
    if (stream === 0) return ERROR.PROTOCOL_ERROR
    let from = start
    let to = end
    if ((flags & FLAG.PADDED) !== 0) {
      if (start === end) return ERROR.PROTOCOL_ERROR
      to -= octets[from++]!
    }
    if ((flags & FLAG.PRIORITY) !== 0) from += 5
    if (from > to) return ERROR.PROTOCOL_ERROR
    if ((flags & FLAG.END_HEADERS) !== 0) return this.block(flags, stream, octets, from, to)
    this.openStream = stream
    this.openFlags = flags
    return this.addPart(octets, from, to)
  }

  /** RFC 9113 §6.10. */
  private continuation(
    flags: number,
    stream: number,
    octets: Buffer,
    start: Octets,
    end: Octets
  ): number {
    if (stream === 0 || stream !== this.openStream) return ERROR.PROTOCOL_ERROR
    const error = this.addPart(octets, start, end)
    if (error !== ERROR.NO_ERROR || (flags & FLAG.END_HEADERS) === 0) return error
    const block = Buffer.concat(this.parts)
    this.openStream = this.partsSize = 0
    this.parts = []
    return this.block(this.openFlags, stream, block, 0, block.length)
  }

  /** Empty ones count as well, so that there cannot be any number of them. */
  private addPart(octets: Buffer, start: Octets, end: Octets): number {
    this.partsSize += end - start + FRAME_HEADER
    if (this.partsSize > this.maxBlock) return ERROR.ENHANCE_YOUR_CALM
    this.parts.push(Buffer.from(octets.subarray(start, end)))
    return ERROR.NO_ERROR
  }

  private block(flags: number, stream: number, octets: Buffer, start: Octets, end: Octets): number {
    if (end - start > this.maxBlock) return ERROR.ENHANCE_YOUR_CALM
    return this.handler.headers(stream, octets, start, end, (flags & FLAG.END_STREAM) !== 0)
  }

  /** RFC 9113 §6.5. */
  private settings(
    flags: number,
    stream: number,
    octets: Buffer,
    start: Octets,
    end: Octets
  ): number {
    if (stream !== 0) return ERROR.PROTOCOL_ERROR
    if ((flags & FLAG.ACK) !== 0) return start === end ? ERROR.NO_ERROR : ERROR.FRAME_SIZE_ERROR
    if ((end - start) % 6 !== 0) return ERROR.FRAME_SIZE_ERROR
    for (let pos = start; pos < end; pos += 6) {
      const id = getUint16(octets, pos)
      const value = getUint32(octets, pos + 2)
      const invalid = invalidSetting(id, value)
      const error = invalid === ERROR.NO_ERROR ? this.handler.setting(id, value) : invalid
      if (error !== ERROR.NO_ERROR) return error
    }
    return this.handler.settingsEnd()
  }
}

/** RFC 9113 §6.5.2. */
function invalidSetting(id: number, value: number): number {
  if (id === SETTING.INITIAL_WINDOW_SIZE && value > MAX_WINDOW) return ERROR.FLOW_CONTROL_ERROR
  const isWrong =
    (id === SETTING.ENABLE_PUSH && value > 1) ||
    (id === SETTING.MAX_FRAME_SIZE && (value < DEFAULT_FRAME_SIZE || value > 0xff_ffff))
  return isWrong ? ERROR.PROTOCOL_ERROR : ERROR.NO_ERROR
}
