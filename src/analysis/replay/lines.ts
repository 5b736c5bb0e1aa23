import type { Octets } from '../../base/units.js'
import { READ_AHEAD } from './formats/scanner.js'

const LINE_FEED = 0x0a
const RETURN = 0x0d
/** No supported log has a longer line. */
const LONGEST_LINE: Octets = 1 << 20
const FIRST_PARTIAL: Octets = 1 << 12

/**
 * Handles `octets[from, to)`, a line without its line ending. The buffer is reused afterwards. At least
 * `READ_AHEAD` octets after the line are readable and have no meaning.
 */
export type HandleLine = (octets: Buffer, from: Octets, to: Octets) => void

/**
 * Splits a stream of octets into lines. A partial line at the end of a chunk is buffered until the next
 * chunk; a line longer than `LONGEST_LINE` is emitted truncated.
 */
export class LineSplitter {
  /** The start of a line that continues in the next chunk. */
  private partial = Buffer.alloc(FIRST_PARTIAL + READ_AHEAD)
  private length: Octets = 0
  private skipping = false

  constructor(readonly take: HandleLine) {}

  push(chunk: Buffer): void {
    let from = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, from)
      if (end === -1) break
      const isHeld = this.length > 0 || end + READ_AHEAD > chunk.length
      if (this.skipping) this.skipping = false
      else if (isHeld) this.emitPartial(chunk, from, end)
      else this.emit(chunk, from, end)
      from = end + 1
    }
    if (!this.skipping) this.appendPartial(chunk, from, chunk.length)
  }

  /** Emits a last line without line ending. */
  end(): void {
    if (this.length > 0) this.emit(this.partial, 0, this.length)
    this.length = 0
  }

  private emitPartial(chunk: Buffer, from: Octets, to: Octets): void {
    this.appendPartial(chunk, from, to)
    if (this.skipping) this.skipping = false
    else this.emit(this.partial, 0, this.length)
    this.length = 0
  }

  /** Copies, because the caller reuses the chunk. */
  private appendPartial(chunk: Buffer, from: Octets, to: Octets): void {
    const length = this.length + to - from
    if (length > this.partial.length - READ_AHEAD) this.grow(length)
    chunk.copy(this.partial, this.length, from, to)
    this.length = length
    if (length <= LONGEST_LINE) return
    this.emit(this.partial, 0, LONGEST_LINE)
    this.length = 0
    this.skipping = true
  }

  private grow(least: Octets): void {
    const held = Buffer.alloc(2 * least + READ_AHEAD)
    this.partial.copy(held, 0, 0, this.length)
    this.partial = held
  }

  private emit(octets: Buffer, from: Octets, to: Octets): void {
    this.take(octets, from, to > from && octets[to - 1] === RETURN ? to - 1 : to)
  }
}
