import type { Octets } from '../units.js'
import { copyOctets, getUint16 } from './octets.js'

/** The length field of DNS over TCP and TLS, in front of each message. RFC 7766 §8. */
const PREFIX: Octets = 2

const NO_OCTETS = Buffer.alloc(0)

/**
 * Octets received and not yet processed. Octets in the stream are used in place; only what is left of them is copied
 * (`keep`), into a buffer that doubles in size, so that a client that sends a message octet by octet does not cause a
 * copy for each.
 */
export class ReceiveBuffer {
  octets: Buffer = NO_OCTETS
  /** The next message is `octets[start + PREFIX, messageEnd)`. */
  start: Octets = 0
  /** Received so far is `octets[start, end)`. */
  end: Octets = 0
  private isOwn = false

  /** Takes `octets[start, end)`, which must not change before `keep`. */
  append(octets: Buffer, start: Octets, end: Octets): void {
    if (this.start === this.end) {
      this.octets = octets
      this.start = start
      this.end = end
      this.isOwn = false
      return
    }
    const more = end - start
    if (!this.isOwn || this.octets.length - this.end < more) this.grow(more)
    this.end = copyOctets(octets, start, end, this.octets, this.end)
  }

  /** Copies what is left, so that the octets of the stream may change. */
  keep(): void {
    if (!this.isOwn && this.start < this.end) this.grow(0)
  }

  /** The end of the next message, or undefined while it is not all there. */
  get messageEnd(): Octets | undefined {
    const { octets, start } = this
    if (this.end - start < PREFIX) return undefined
    const end = start + PREFIX + getUint16(octets, start)
    return end <= this.end ? end : undefined
  }

  /** Discards everything before `position`. */
  skipTo(position: Octets): void {
    this.start = position
    if (position === this.end) this.clear()
  }

  clear(): void {
    this.octets = NO_OCTETS
    this.start = this.end = 0
    this.isOwn = false
  }

  private grow(more: Octets): void {
    const length = this.end - this.start
    const octets = Buffer.alloc(2 * (length + more))
    octets.set(this.octets.subarray(this.start, this.end))
    this.octets = octets
    this.start = 0
    this.end = length
    this.isOwn = true
  }
}
