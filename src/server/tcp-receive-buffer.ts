import type { Octets } from '../base/units.js'
import { PREFIX } from './tcp-reply-buffer.js'

const NOTHING = new Uint8Array(0)

/**
 * Octets received and not yet dealt with. What the stream hands over is used where it is; only
 * what is left of it when more comes is copied, into room that doubles, so that a client that
 * sends a message octet by octet does not make us copy it as often.
 */
export class ReceiveBuffer {
  octets: Uint8Array = NOTHING
  /** The next message is `octets[start + PREFIX, messageEnd)`. */
  start: Octets = 0
  private end: Octets = 0
  private isOwn = false

  append(chunk: Uint8Array): void {
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

  /** Forgets all before `position`. */
  skipTo(position: Octets): void {
    this.start = position
    if (position === this.end) this.clear()
  }

  clear(): void {
    this.octets = NOTHING
    this.start = this.end = 0
    this.isOwn = false
  }

  private grow(more: Octets): void {
    const held = this.end - this.start
    const octets = new Uint8Array(2 * (held + more))
    octets.set(this.octets.subarray(this.start, this.end))
    this.octets = octets
    this.start = 0
    this.end = held
    this.isOwn = true
  }
}
