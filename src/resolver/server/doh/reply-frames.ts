import type { ByteStream } from '../../../base/bytes/byte-stream.js'
import { copyOctets, setUint16 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { FLAG, FRAME, FRAME_HEADER, writeFrameHeader } from '../../../wire/http2/frame.js'
import { appendIndexed, appendNamed, EMPTY_TABLE } from '../../../wire/http2/hpack-encoder.js'
import { MAX_MESSAGE } from '../tcp-reply-buffer.js'
import { MEDIA_TYPE, STATUS } from './request-fields.js'

/** In the static table of HPACK: RFC 7541 Appendix A. */
const INDEX = {
  status: 8,
  status200: 8,
  status400: 12,
  status404: 13,
  allow: 22,
  cacheControl: 24,
  contentLength: 28,
  contentType: 31
} as const
/**
 * In front of the lifetime: shared caches keep no reply, since another client may be in another network, where
 * other rules apply. RFC 9111 §5.2.2.7.
 */
const CACHE_CONTROL = Buffer.from('private, max-age=', 'latin1')
const NOTHING = Buffer.alloc(0)
/** Digits of the longest lifetime: 2^32 - 1. */
const MAX_DIGITS = 10

/** Fields of each reply up to the length of Content-Length: status, media type, and that field's name. */
const HEAD = encoded(octets => {
  const pos = appendNamed(
    octets,
    appendIndexed(octets, 0, INDEX.status200),
    INDEX.contentType,
    MEDIA_TYPE
  )
  return appendNamed(octets, pos, INDEX.contentLength, '') - 1
})
/** Behind them: the name of Cache-Control. */
const CACHE_CONTROL_NAME = encoded(octets => appendNamed(octets, 0, INDEX.cacheControl, '') - 1)
/**
 * What is written to TLS is cut into records of this size, the least that OpenSSL has. Where one may hold several
 * replies, each is padded to a multiple of it: dnsperf loses all replies of a record but one. RFC 9113 §10.7.
 */
export const RECORD: Octets = 512
/** Most padding of one frame, with the octet that has its length: RFC 9113 §6.1. */
export const MAX_PADDING: Octets = 256
/** Longest HEADERS frame of a reply, and the header of its DATA frame. */
const HEAD_ROOM: Octets =
  2 * FRAME_HEADER +
  MAX_PADDING +
  1 +
  HEAD.length +
  CACHE_CONTROL_NAME.length +
  CACHE_CONTROL.length +
  2 * MAX_DIGITS +
  3

/** Longest reply, and short frames beside it. */
const REPLY_ROOM: Octets = HEAD_ROOM + MAX_MESSAGE + MAX_PADDING + 256

/**
 * Collects the frames of one read or one reply, to write them at once. All connections of a listener share one:
 * each read is processed before the next begins.
 */
export class ReplyFrames {
  /** Room for two of the longest replies and a few short frames: `hasRoom` is false when less than one is left. */
  readonly octets = Buffer.alloc(2 * REPLY_ROOM)
  private filled: Octets = 0

  get hasRoom(): boolean {
    return this.filled + REPLY_ROOM <= this.octets.length
  }

  /** Where a query is placed, and its reply encoded over it. */
  get place(): Octets {
    return this.filled + HEAD_ROOM
  }

  /**
   * Adds the reply `octets[place, place + length)`, which fits a frame: its fields, and itself as body.
   *
   * @param offset -1: the reply is alone in what is written; otherwise it is padded to the end of a TLS record, with so
   *   many octets in front of the frames collected here
   * @returns what it counts for in flow control: at most `MAX_PADDING` more than its length
   */
  addReply(
    stream: number,
    length: Octets,
    lifetime: Seconds,
    isFirst: boolean,
    offset: Octets
  ): Octets {
    const { octets, place, filled } = this
    let pos = this.addHead(stream, length, lifetime, isFirst)
    const padding = offset < 0 ? 0 : -(offset + pos + FRAME_HEADER + length) & (RECORD - 1)
    const afterData = Math.min(padding, MAX_PADDING)
    if (padding > MAX_PADDING) pos = padHead(octets, filled, pos, padding - MAX_PADDING)
    const flags = afterData > 0 ? FLAG.END_STREAM | FLAG.PADDED : FLAG.END_STREAM
    let body = writeFrameHeader(octets, pos, length + afterData, FRAME.DATA, flags, stream)
    if (afterData > 0) octets[body++] = afterData - 1
    octets.copyWithin(body, place, place + length)
    this.filled =
      afterData > 0 ? pad(octets, body + length, body + length + afterData - 1) : body + length
    return length + afterData
  }

  /** Adds the fields of a reply whose body follows by `addData`. @returns the position after them */
  addHead(stream: number, length: Octets, lifetime: Seconds, isFirst: boolean): Octets {
    const { octets } = this
    const start = this.filled
    let pos = start + FRAME_HEADER
    if (isFirst) octets[pos++] = EMPTY_TABLE
    pos = copyOctets(HEAD, 0, HEAD.length, octets, pos)
    pos = appendNumber(octets, pos, NOTHING, length)
    pos = copyOctets(CACHE_CONTROL_NAME, 0, CACHE_CONTROL_NAME.length, octets, pos)
    pos = appendNumber(octets, pos, CACHE_CONTROL, lifetime)
    const size = pos - start - FRAME_HEADER
    writeFrameHeader(octets, start, size, FRAME.HEADERS, FLAG.END_HEADERS, stream)
    this.filled = pos
    return pos
  }

  /** Adds a part of a body. */
  addData(stream: number, part: Uint8Array, isLast: boolean): void {
    const flags = isLast ? FLAG.END_STREAM : 0
    const { octets, filled } = this
    this.filled = writeFrameHeader(octets, filled, part.length, FRAME.DATA, flags, stream)
    octets.set(part, this.filled)
    this.filled += part.length
  }

  /** Adds a response without a body. */
  addStatus(stream: number, status: number, isFirst: boolean): void {
    const { octets } = this
    const start = this.filled
    let pos = start + FRAME_HEADER
    if (isFirst) octets[pos++] = EMPTY_TABLE
    if (status === STATUS.badRequest) pos = appendIndexed(octets, pos, INDEX.status400)
    else if (status === STATUS.notFound) pos = appendIndexed(octets, pos, INDEX.status404)
    else pos = appendNamed(octets, pos, INDEX.status, String(status))
    pos = appendNamed(octets, pos, INDEX.contentLength, '0')
    // RFC 9110 §15.5.6.
    if (status === STATUS.methodNotAllowed) pos = appendNamed(octets, pos, INDEX.allow, 'GET, POST')
    const flags = FLAG.END_HEADERS | FLAG.END_STREAM
    writeFrameHeader(octets, start, pos - start - FRAME_HEADER, FRAME.HEADERS, flags, stream)
    this.filled = pos
  }

  /** Adds a whole frame. */
  addFrame(frame: Uint8Array): void {
    this.octets.set(frame, this.filled)
    this.filled += frame.length
  }

  /** Sends all frames; the buffer is empty afterwards. */
  flushTo(stream: ByteStream): void {
    const { filled } = this
    if (filled === 0) return
    this.filled = 0
    stream.write(this.octets, 0, filled)
  }
}

function encoded(append: (octets: Uint8Array) => Octets): Uint8Array {
  const octets = new Uint8Array(64)
  return octets.slice(0, append(octets))
}

/**
 * Pads the HEADERS frame `octets[start, end)` by 1 to `MAX_PADDING` octets. RFC 9113 §6.2.
 *
 * @returns its new end
 */
function padHead(octets: Uint8Array, start: Octets, end: Octets, padding: Octets): Octets {
  const payload = start + FRAME_HEADER
  octets.copyWithin(payload + 1, payload, end)
  octets[payload] = padding - 1
  octets[start + 4]! |= FLAG.PADDED
  setUint16(octets, start + 1, end - payload + padding)
  return pad(octets, end + 1, end + padding)
}

/** Fills `octets[start, end)` with padding. @returns its end */
function pad(octets: Uint8Array, start: Octets, end: Octets): Octets {
  octets.fill(0, start, end)
  return end
}

/** A string of some text and a decimal number, with its length in front. @returns the position after it */
function appendNumber(octets: Uint8Array, at: Octets, text: Uint8Array, value: number): Octets {
  let digits = 1
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++
  octets[at] = text.length + digits
  const start = copyOctets(text, 0, text.length, octets, at + 1)
  let rest = value
  for (let pos = start + digits - 1; pos >= start; pos--) {
    octets[pos] = 0x30 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  return start + digits
}
