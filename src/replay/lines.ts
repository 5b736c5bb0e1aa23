import type { Octets } from '../base/units.js'
import { READ_AHEAD } from './formats/scanner.js'

const LINE_FEED = 0x0a
const RETURN = 0x0d
/** A longer line is none of any log that we read. */
export const LONGEST_LINE: Octets = 1 << 20
const FIRST_HELD: Octets = 1 << 12

/**
 * Takes `octets[from, to)`, a line without its end. Nothing may be kept of it. There are `READ_AHEAD`
 * octets after it, which mean nothing.
 */
export type TakeLine = (octets: Buffer, from: Octets, to: Octets) => void

/**
 * Cuts a stream of octets into lines. What is left of a line at the end of a chunk is held until the
 * next; one beyond `LONGEST_LINE` is given as its beginning.
 */
export class LineCutter {
  /** The beginning of a line whose end has not come. */
  #held = Buffer.alloc(FIRST_HELD + READ_AHEAD)
  #length: Octets = 0
  #skipping = false

  constructor(readonly take: TakeLine) {}

  push(chunk: Buffer): void {
    let from = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, from)
      if (end === -1) break
      const isHeld = this.#length > 0 || end + READ_AHEAD > chunk.length
      if (this.#skipping) this.#skipping = false
      else if (isHeld) this.#giveHeld(chunk, from, end)
      else this.#give(chunk, from, end)
      from = end + 1
    }
    if (!this.#skipping) this.#hold(chunk, from, chunk.length)
  }

  /** The last line may have no end. */
  end(): void {
    if (this.#length > 0) this.#give(this.#held, 0, this.#length)
    this.#length = 0
  }

  #giveHeld(chunk: Buffer, from: Octets, to: Octets): void {
    this.#hold(chunk, from, to)
    if (this.#skipping) this.#skipping = false
    else this.#give(this.#held, 0, this.#length)
    this.#length = 0
  }

  /** A copy: who gave the chunk fills it again. */
  #hold(chunk: Buffer, from: Octets, to: Octets): void {
    const length = this.#length + to - from
    if (length > this.#held.length - READ_AHEAD) this.#grow(length)
    chunk.copy(this.#held, this.#length, from, to)
    this.#length = length
    if (length <= LONGEST_LINE) return
    this.#give(this.#held, 0, LONGEST_LINE)
    this.#length = 0
    this.#skipping = true
  }

  #grow(least: Octets): void {
    const held = Buffer.alloc(2 * least + READ_AHEAD)
    this.#held.copy(held, 0, 0, this.#length)
    this.#held = held
  }

  #give(octets: Buffer, from: Octets, to: Octets): void {
    this.take(octets, from, to > from && octets[to - 1] === RETURN ? to - 1 : to)
  }
}
