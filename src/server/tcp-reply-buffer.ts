import type { Octets } from '../base/units.js'

/** Octets of the length in front of each message. RFC 7766 §8 */
export const PREFIX: Octets = 2

/** The longest message that the length can announce. */
export const MAX_MESSAGE: Octets = 0xffff

/**
 * Where the replies to the queries of one read are made and lined up, to be written at once. All
 * connections of a listener share one: a read is dealt with before the next begins.
 */
export class ReplyBuffer {
  /** Two of the longest: with less room than one left, what is ready has to be written first. */
  readonly octets = new Uint8Array(2 * (PREFIX + MAX_MESSAGE))
  private filled: Octets = 0

  /** Puts a query where its reply will be made, and returns where. */
  placeQuery(source: Uint8Array, start: Octets, end: Octets): Octets {
    const at = this.filled + PREFIX
    this.octets.set(source.subarray(start, end), at)
    return at
  }

  /** Keeps the reply of this length that now stands where the query was placed. */
  commit(length: Octets): void {
    this.octets[this.filled] = length >>> 8
    this.octets[this.filled + 1] = length & 0xff
    this.filled += PREFIX + length
  }

  get hasRoom(): boolean {
    return this.filled + PREFIX + MAX_MESSAGE <= this.octets.length
  }

  /** All replies kept, as a copy that the stream may hold on to; the buffer is empty after. */
  take(): Buffer | undefined {
    if (this.filled === 0) return undefined
    const copy = Buffer.from(this.octets.subarray(0, this.filled))
    this.filled = 0
    return copy
  }
}

/** A message behind its length. */
export function withLengthPrefix(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX + message.length)
  frame.writeUInt16BE(message.length, 0)
  frame.set(message, PREFIX)
  return frame
}
