import type { Octets } from '../../base/units.js'
import { addWord, firstOctets, type Salt } from '../octet-book.js'

/** Octets that may be looked at after the end of a line. */
export const READ_AHEAD: Octets = 4

const ONES = 0x01010101
const HIGHS = 0x80808080 | 0
const QUOTES = 0x22 * ONES
const ESCAPES = 0x5c * ONES
const SPACES = 0x20 * ONES

/** Words that stand between values, of four octets at least, to be compared four at a time. */
export class Piece {
  readonly length: Octets
  /** All but the last four octets; with these, some may be there twice. */
  readonly words: Int32Array
  readonly last: number

  constructor(octets: Uint8Array) {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
    this.length = octets.length
    this.words = Int32Array.from({ length: (octets.length - 1) >> 2 }, (_, i) =>
      view.getInt32(4 * i, true)
    )
    this.last = view.getInt32(octets.length - 4, true)
  }
}

export function pieceOf(text: string): Piece {
  return new Piece(Buffer.from(text, 'latin1'))
}

/**
 * Finds its way through lines four octets at a time, which is three times as fast as one by one, and
 * hashes what it passes. Looks at up to `READ_AHEAD` octets after the end of a line.
 */
export class Scanner {
  octets: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  /** Of the text that was passed last. */
  hash = 0
  readonly #salt: Salt

  constructor(salt: Salt) {
    this.#salt = salt
  }

  /** What positions are in from now on. */
  use(octets: Buffer): void {
    if (octets === this.octets) return
    this.octets = octets
    this.view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  }

  /** The position after `piece` where it stands at `at`; -1 where it does not, or `at` is -1. */
  after(at: Octets, piece: Piece): Octets {
    const { view } = this
    const { words, length } = piece
    const end = at + length
    if (at < 0 || end > view.byteLength) return -1
    for (let i = 0, pos = at; i < words.length; i++, pos += 4) {
      if (view.getInt32(pos, true) !== words[i]) return -1
    }
    return view.getInt32(end - 4, true) === piece.last ? end : -1
  }

  /**
   * Where the string of JSON ends in whose quotes `from` stands: its quote. -1 where it has an escape or
   * a control character, does not end before `to`, or `from` is -1.
   */
  quote(from: Octets, to: Octets): Octets {
    if (from < 0) return -1
    const { view } = this
    const { seed, factor } = this.#salt
    let hash = seed
    for (let at = from; at < to; at += 4) {
      const word = view.getInt32(at, true)
      const quotes = zeros(word ^ QUOTES)
      const others = zeros(word ^ ESCAPES) | (((word - SPACES) | 0) & ~word & HIGHS)
      if ((quotes | others) === 0) {
        hash = addWord(hash, word, factor)
        continue
      }
      const octets = firstOf(quotes | others)
      if (octets !== firstOf(quotes) || at + octets >= to) return -1
      this.hash = octets === 0 ? hash : addWord(hash, firstOctets(word, octets), factor)
      return at + octets
    }
    return -1
  }
}

/** The high bit of each octet that is 0, and maybe of some after the first such. */
function zeros(word: number): number {
  return ((word - ONES) | 0) & ~word & HIGHS
}

/** How many octets are before the first whose high bit is set; 4 where none is. */
function firstOf(highs: number): number {
  return highs === 0 ? 4 : (31 - Math.clz32(highs & -highs)) >> 3
}
