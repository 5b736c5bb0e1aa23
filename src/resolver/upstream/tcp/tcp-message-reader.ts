import { getUint16, setUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'

/** Size of the length field before each message over TCP. RFC 1035 §4.2.2. */
export const FRAME_HEAD: Octets = 2

/** Reassembles messages from a TCP stream, whose chunks may begin anywhere. RFC 7766 §8. */
export class TcpMessageReader {
  private headOctets = 0
  private length: Octets = 0
  private have: Octets = 0
  private message = new Uint8Array(0)

  /** @param deliver called with each complete message, which is there as long as the chunk is */
  constructor(private readonly deliver: (message: Uint8Array) => void) {}

  take(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      const whole = this.headOctets === 0 ? this.takeWhole(chunk, at) : at
      if (whole > at) {
        at = whole
        continue
      }
      at = this.headOctets < FRAME_HEAD ? this.takeHead(chunk, at) : this.takeBody(chunk, at)
      if (this.headOctets === FRAME_HEAD && this.have === this.length) this.finish()
    }
  }

  /** Delivers the message that begins at `at` without a copy. @returns the position after it; `at`: it is incomplete */
  private takeWhole(chunk: Uint8Array, at: Octets): Octets {
    const start = at + FRAME_HEAD
    if (start > chunk.length) return at
    const end = start + getUint16(chunk, at)
    if (end > chunk.length) return at
    this.deliver(chunk.subarray(start, end))
    return end
  }

  private takeHead(chunk: Uint8Array, at: Octets): Octets {
    this.length = (this.length << 8) | chunk[at]!
    if (++this.headOctets === FRAME_HEAD) this.message = new Uint8Array(this.length)
    return at + 1
  }

  private takeBody(chunk: Uint8Array, at: Octets): Octets {
    const end = Math.min(chunk.length, at + this.length - this.have)
    this.message.set(chunk.subarray(at, end), this.have)
    this.have += end - at
    return end
  }

  private finish(): void {
    const { message } = this
    this.headOctets = this.length = this.have = 0
    this.deliver(message)
  }
}

/** Writes the length field for the message that begins at `frame[FRAME_HEAD]`. */
export function writeFrameHead(frame: Uint8Array, length: Octets): void {
  setUint16(frame, 0, length)
}
