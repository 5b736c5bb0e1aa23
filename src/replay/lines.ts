import type { Octets } from '../base/units.js'

const LINE_FEED = 0x0a
const RETURN = 0x0d
/** A longer line is none of any log that we read. */
export const LONGEST_LINE: Octets = 1 << 20

/** Takes `octets[from, to)`, a line without its end. Nothing may be kept of it. */
export type TakeLine = (octets: Uint8Array, from: Octets, to: Octets) => void

/**
 * Cuts a stream of octets into lines. What is left of a line at the end of a chunk is kept for the
 * next; one beyond `LONGEST_LINE` is given as its beginning.
 */
export class LineCutter {
  #rest = Buffer.alloc(0)
  #skipping = false

  constructor(readonly take: TakeLine) {}

  push(chunk: Buffer): void {
    const octets = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let from = 0
    for (;;) {
      const end = octets.indexOf(LINE_FEED, from)
      if (end === -1) break
      if (this.#skipping) this.#skipping = false
      else this.#give(octets, from, end)
      from = end + 1
    }
    this.#keep(octets, from)
  }

  /** The last line may have no end. */
  end(): void {
    if (this.#rest.length > 0 && !this.#skipping) this.#give(this.#rest, 0, this.#rest.length)
    this.#rest = Buffer.alloc(0)
  }

  #keep(octets: Buffer, from: Octets): void {
    if (octets.length - from <= LONGEST_LINE) {
      // A copy: who gave the chunk fills it again.
      this.#rest = this.#skipping ? Buffer.alloc(0) : Buffer.from(octets.subarray(from))
      return
    }
    if (!this.#skipping) this.#give(octets, from, from + LONGEST_LINE)
    this.#skipping = true
    this.#rest = Buffer.alloc(0)
  }

  #give(octets: Buffer, from: Octets, to: Octets): void {
    this.take(octets, from, to > from && octets[to - 1] === RETURN ? to - 1 : to)
  }
}
