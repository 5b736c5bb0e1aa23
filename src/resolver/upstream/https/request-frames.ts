import { copyOctets } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import {
  FLAG,
  FRAME,
  FRAME_HEADER,
  PREFACE,
  SETTING,
  settingsFrame,
  wordsFrame,
  writeFrameHeader
} from '../../../wire/http2/frame.js'
import { appendIndexed, appendNamed, EMPTY_TABLE } from '../../../wire/http2/hpack-encoder.js'
import { CONNECTION_WINDOW, MAX_FIELDS, MEDIA_TYPE, STREAM_WINDOW } from './doh-limits.js'

/** In the static table of HPACK: RFC 7541 Appendix A. */
const INDEX = {
  authority: 1,
  methodPost: 3,
  path: 4,
  schemeHttps: 7,
  accept: 19,
  contentLength: 28,
  contentType: 31
} as const

/** Frames collected before they are written: one TLS record. */
const SIZE: Octets = 16_384
/** Octets of the fields besides authority and path, and of frame headers. */
const OTHER_FIELDS: Octets = 128

/** The first frames of a connection: RFC 9113 §3.4. */
const OPENING = Buffer.concat([
  PREFACE,
  settingsFrame(
    [SETTING.ENABLE_PUSH, 0],
    [SETTING.INITIAL_WINDOW_SIZE, STREAM_WINDOW],
    [SETTING.MAX_HEADER_LIST_SIZE, MAX_FIELDS]
  ),
  wordsFrame(FRAME.WINDOW_UPDATE, 0, CONNECTION_WINDOW.more)
])

/** The URI of an upstream. */
export interface RequestTarget {
  /** Host, and the port if it is not the usual one. */
  readonly authority: string
  readonly path: string
}

/** Collects the frames that leave a connection in one turn of the event loop, to write them at once. */
export class RequestFrames {
  /** Octets of a HEADERS frame whose payload is for queries of `blockFor` octets. */
  private block: Uint8Array
  private blockFor: Octets = 0
  private isFirst = true
  private readonly octets: Uint8Array
  private filled: Octets = 0

  /** @param write sends octets, which it may keep */
  constructor(
    private readonly target: RequestTarget,
    private readonly write: (octets: Uint8Array) => void
  ) {
    this.block = this.encode(0)
    this.octets = new Uint8Array(Math.max(SIZE, this.block.length + OTHER_FIELDS))
  }

  /** Adds what a connection begins with. */
  addOpening(): void {
    this.addFrame(OPENING)
  }

  /** Adds the fields of a request with a body of `length` octets, which `addBody` adds. */
  addHead(stream: number, length: Octets): void {
    if (length !== this.blockFor) {
      this.block = this.encode(length)
      this.blockFor = length
    }
    const { block, octets } = this
    const size = block.length + (this.isFirst ? 1 : 0)
    const at = this.reserve(FRAME_HEADER + size)
    let pos = writeFrameHeader(octets, at, size, FRAME.HEADERS, FLAG.END_HEADERS, stream)
    if (this.isFirst) octets[pos++] = EMPTY_TABLE
    this.isFirst = false
    copyOctets(block, 0, block.length, octets, pos)
  }

  /** Adds `body[start, end)`, which is shorter than the largest frame. */
  addBody(stream: number, body: Uint8Array, start: Octets, end: Octets, isLast: boolean): void {
    const size = end - start
    const at = this.reserve(FRAME_HEADER + size)
    const flags = isLast ? FLAG.END_STREAM : 0
    const pos = writeFrameHeader(this.octets, at, size, FRAME.DATA, flags, stream)
    copyOctets(body, start, end, this.octets, pos)
  }

  /** Adds a whole frame. */
  addFrame(frame: Uint8Array): void {
    copyOctets(frame, 0, frame.length, this.octets, this.reserve(frame.length))
  }

  readonly flush = (): void => {
    if (this.filled > 0) this.write(this.octets.slice(0, this.filled))
    this.filled = 0
  }

  /** Makes room. All frames of one turn of the event loop leave together. @returns where it is */
  private reserve(size: Octets): Octets {
    if (this.filled + size > this.octets.length) this.flush()
    if (this.filled === 0) queueMicrotask(this.flush)
    const at = this.filled
    this.filled += size
    return at
  }

  /** The header block of a request: POST, RFC 8484 §4.1. It does not depend on requests before. */
  private encode(length: Octets): Uint8Array {
    const { authority, path } = this.target
    const octets = new Uint8Array(authority.length + path.length + OTHER_FIELDS)
    let pos = appendIndexed(octets, 0, INDEX.methodPost)
    pos = appendIndexed(octets, pos, INDEX.schemeHttps)
    pos = appendNamed(octets, pos, INDEX.authority, authority)
    pos = appendNamed(octets, pos, INDEX.path, path)
    pos = appendNamed(octets, pos, INDEX.accept, MEDIA_TYPE)
    pos = appendNamed(octets, pos, INDEX.contentType, MEDIA_TYPE)
    pos = appendNamed(octets, pos, INDEX.contentLength, String(length))
    return octets.subarray(0, pos)
  }
}
