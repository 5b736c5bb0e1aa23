import type { Octets } from '../../base/units.js'
import type { HandleLine } from './lines.js'

/** DNS frames are far shorter: a longer one means that the stream is corrupt. */
const LONGEST_FRAME: Octets = 1 << 20
const WORD: Octets = 4

/**
 * Splits a stream of octets into the data frames of Frame Streams. Each follows its length (32 bits);
 * length 0 announces a control frame, which has its own length. Control frames (content type, start,
 * stop) are skipped.
 */
export class FrameSplitter {
  private rest = Buffer.alloc(0)
  private isBroken = false

  constructor(readonly take: HandleLine) {}

  push(chunk: Buffer): void {
    if (this.isBroken) return
    const octets = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (at + WORD <= octets.length) {
      const length = octets.readUInt32BE(at)
      const isControl = length === 0
      const head = isControl ? 2 * WORD : WORD
      if (at + head > octets.length) break
      const size = isControl ? octets.readUInt32BE(at + WORD) : length
      if (size > LONGEST_FRAME) {
        this.isBroken = true
        this.take(octets, at, at)
        return
      }
      const end = at + head + size
      if (end > octets.length) break
      if (!isControl) this.take(octets, at + head, end)
      at = end
    }
    this.rest = Buffer.from(octets.subarray(at))
  }

  /** Emits a truncated last frame as far as it is there. */
  end(): void {
    if (this.rest.length > 0 && !this.isBroken) this.take(this.rest, 0, this.rest.length)
  }
}
