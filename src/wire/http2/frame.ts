import { setUint16, setUint32 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'

/*
 * Frames of HTTP/2: RFC 9113 §4.1. Nine octets (length of the payload, type, flags, stream) and the payload.
 */

export const FRAME_HEADER: Octets = 9
/** Largest payload unless the receiver allows more: RFC 9113 §4.2. */
export const DEFAULT_FRAME_SIZE: Octets = 16_384
/** Initial size of flow-control windows: RFC 9113 §6.9.2. */
export const DEFAULT_WINDOW: Octets = 65_535
/** RFC 9113 §6.9.1. */
export const MAX_WINDOW: Octets = 0x7fff_ffff

/** The highest number of a stream: RFC 9113 §5.1.1. */
export const MAX_STREAM = 0x7fff_ffff

/** What a client sends before its first frame, which is SETTINGS: RFC 9113 §3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** RFC 9113 §6. */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9
} as const

/** RFC 9113 §6; ACK is of SETTINGS and PING, END_STREAM of DATA and HEADERS. */
export const FLAG = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20
} as const

/** RFC 9113 §6.5.2. */
export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6
} as const

/** RFC 9113 §7. */
export const ERROR = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11
} as const

/** Writes the header of a frame. @returns the position of its payload */
export function writeFrameHeader(
  octets: Uint8Array,
  at: Octets,
  length: Octets,
  type: number,
  flags: number,
  stream: number
): Octets {
  octets[at] = length >>> 16
  octets[at + 1] = length >>> 8
  octets[at + 2] = length
  octets[at + 3] = type
  octets[at + 4] = flags
  setUint32(octets, at + 5, stream)
  return at + FRAME_HEADER
}

/** A frame whose payload is 32-bit numbers: RST_STREAM, GOAWAY without debug data, WINDOW_UPDATE. */
export function wordsFrame(type: number, stream: number, ...words: readonly number[]): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER + 4 * words.length)
  let pos = writeFrameHeader(frame, 0, 4 * words.length, type, 0, stream)
  for (const word of words) {
    setUint32(frame, pos, word)
    pos += 4
  }
  return frame
}

/** A SETTINGS frame: RFC 9113 §6.5.1. */
export function settingsFrame(...settings: readonly (readonly [number, number])[]): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER + 6 * settings.length)
  let pos = writeFrameHeader(frame, 0, 6 * settings.length, FRAME.SETTINGS, 0, 0)
  for (const [id, value] of settings) {
    setUint16(frame, pos, id)
    setUint32(frame, pos + 2, value)
    pos += 6
  }
  return frame
}

/** Confirms a SETTINGS frame: RFC 9113 §6.5.3. */
export const SETTINGS_ACK: Uint8Array = Uint8Array.of(0, 0, 0, FRAME.SETTINGS, FLAG.ACK, 0, 0, 0, 0)
