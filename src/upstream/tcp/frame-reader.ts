import type { Octets } from '../../base/units.js'

/** Octets of the length in front of every message over TCP. RFC 1035 §4.2.2. */
export const FRAME_HEAD: Octets = 2

/** Puts messages together again from a TCP stream, which may be cut anywhere. RFC 7766 §8. */
export class FrameReader {
  private headOctets = 0
  private length: Octets = 0
  private have: Octets = 0
  private message = new Uint8Array(0)

  /** @param deliver takes each whole message; its octets are its own */
  constructor(private readonly deliver: (message: Uint8Array) => void) {}

  take(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      at = this.headOctets < FRAME_HEAD ? this.takeHead(chunk, at) : this.takeBody(chunk, at)
      if (this.headOctets === FRAME_HEAD && this.have === this.length) this.finish()
    }
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

/** Puts the length in front of the message that stands in `frame` from `FRAME_HEAD` on. */
export function writeFrameHead(frame: Uint8Array, length: Octets): void {
  frame[0] = length >> 8
  frame[1] = length & 0xff
}
