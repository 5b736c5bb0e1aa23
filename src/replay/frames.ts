import type { Octets } from '../base/units.js'
import type { TakeLine } from './lines.js'

/** Frames of DNS are far below this: a longer one means that lengths are no lengths. */
const LONGEST_FRAME: Octets = 1 << 20
const WORD: Octets = 4

/**
 * Cuts a stream of octets into the data frames of Frame Streams: each is behind its length, 32 bits;
 * the length 0 says that a control frame follows, behind a length of its own. Control frames say what
 * comes and that it ends; they are passed over.
 */
export class FrameCutter {
  #rest = Buffer.alloc(0)
  #isBroken = false

  constructor(readonly take: TakeLine) {}

  push(chunk: Buffer): void {
    if (this.#isBroken) return
    const octets = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (at + WORD <= octets.length) {
      const length = octets.readUInt32BE(at)
      const isControl = length === 0
      const head = isControl ? 2 * WORD : WORD
      if (at + head > octets.length) break
      const size = isControl ? octets.readUInt32BE(at + WORD) : length
      if (size > LONGEST_FRAME) {
        this.#isBroken = true
        this.take(octets, at, at)
        return
      }
      const end = at + head + size
      if (end > octets.length) break
      if (!isControl) this.take(octets, at + head, end)
      at = end
    }
    this.#rest = Buffer.from(octets.subarray(at))
  }

  /** A frame that is cut short is given as what there is of it. */
  end(): void {
    if (this.#rest.length > 0 && !this.#isBroken) this.take(this.#rest, 0, this.#rest.length)
  }
}
