import type { ByteStream } from '../../base/bytes/byte-stream.js'
import { copyOctets } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'

/** Size of the length field in front of each message. RFC 7766 §8 */
export const PREFIX: Octets = 2

/** Longest message that the length field can express. */
export const MAX_MESSAGE: Octets = 0xffff

/**
 * Collects the replies to the queries of one read, to write them at once. All connections of a
 * listener share one: each read is processed before the next begins.
 */
export class ReplyBuffer {
  /** Room for two of the longest messages: `hasRoom` is false when less than one is left. */
  readonly octets = new Uint8Array(2 * (PREFIX + MAX_MESSAGE))
  private filled: Octets = 0

  /** Copies a query to where its reply will be encoded. @returns its offset */
  placeQuery(source: Uint8Array, start: Octets, end: Octets): Octets {
    const at = this.filled + PREFIX
    copyOctets(source, start, end, this.octets, at)
    return at
  }

  /** Adds the reply that was encoded over the placed query. */
  commit(length: Octets): void {
    this.octets[this.filled] = length >>> 8
    this.octets[this.filled + 1] = length & 0xff
    this.filled += PREFIX + length
  }

  get hasRoom(): boolean {
    return this.filled + PREFIX + MAX_MESSAGE <= this.octets.length
  }

  /** Sends all replies; the buffer is empty afterwards. */
  flushTo(stream: ByteStream): void {
    const { filled } = this
    if (filled === 0) return
    this.filled = 0
    stream.write(this.octets, 0, filled)
  }
}
