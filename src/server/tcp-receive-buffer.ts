import type { Octets } from '../base/units.js'
import { PREFIX } from './tcp-reply-buffer.js'

const NO_OCTETS = Buffer.alloc(0)

/**
 * Octets received and not yet processed. A chunk from the stream is used in place; only what is left
 * of it when the next chunk arrives is copied, into a buffer that doubles in size, so that a client
 * that sends a message octet by octet does not cause a copy for each.
 */
export class ReceiveBuffer {
  octets: Buffer = NO_OCTETS
  /** The next message is `octets[start + PREFIX, messageEnd)`. */
  start: Octets = 0
  /** Received so far is `octets[start, end)`. */
  end: Octets = 0
  private isOwn = false

  append(chunk: Buffer): void {
    if (this.start === this.end) {
      this.octets = chunk
      this.start = 0
      this.end = chunk.length
      this.isOwn = false
      return
    }
    if (!this.isOwn || this.octets.length - this.end < chunk.length) this.grow(chunk.length)
    this.octets.set(chunk, this.end)
    this.end += chunk.length
  }

  /** The end of the next message, or undefined while it is not all there. */
  get messageEnd(): Octets | undefined {
    const { octets, start } = this
    if (this.end - start < PREFIX) return undefined
    const end = start + PREFIX + ((octets[start]! << 8) | octets[start + 1]!)
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
