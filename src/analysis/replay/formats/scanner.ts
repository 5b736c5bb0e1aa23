import type { Octets } from '../../../base/units.js'
import { addWord, firstOctets, type HashKey } from '../octet-interner.js'

/** Octets after the end of a line that may be read. */
export const READ_AHEAD: Octets = 4

const ONES = 0x01010101
const HIGHS = 0x80808080 | 0
const QUOTES = 0x22 * ONES
const ESCAPES = 0x5c * ONES
const SPACES = 0x20 * ONES

/** Constant text of at least four octets, compared four octets at a time. */
export class Literal {
  readonly length: Octets
  /** All but the last four octets; the last four may overlap with these. */
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

export function literal(text: string): Literal {
  return new Literal(Buffer.from(text, 'latin1'))
}

/**
 * Scans lines four octets at a time, three times as fast as one by one, and hashes strings on the way.
 * Reads up to `READ_AHEAD` octets after the end of a line.
 */
export class Scanner {
  octets: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  /** Hash of the most recent string. */
  hash = 0
  private readonly salt: HashKey

  constructor(salt: HashKey) {
    this.salt = salt
  }

  /** Sets the buffer that positions refer to. */
  use(octets: Buffer): void {
    if (octets === this.octets) return
    this.octets = octets
    this.view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  }

  /** The position after `piece` if it is at `at`; -1 if it is not, or `at` is -1. */
  skip(at: Octets, piece: Literal): Octets {
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
   * The position of the closing quote of the JSON string that starts at `from`. -1 if the string has an
   * escape or a control character, does not end before `to`, or `from` is -1.
   */
  endOfString(from: Octets, to: Octets): Octets {
    if (from < 0) return -1
    const { view } = this
    const { seed, factor } = this.salt
    let hash = seed
    for (let at = from; at < to; at += 4) {
      const word = view.getInt32(at, true)
      const quotes = zeroOctets(word ^ QUOTES)
      const others = zeroOctets(word ^ ESCAPES) | (((word - SPACES) | 0) & ~word & HIGHS)
      if ((quotes | others) === 0) {
        hash = addWord(hash, word, factor)
        continue
      }
      const octets = octetsBefore(quotes | others)
      if (octets !== octetsBefore(quotes) || at + octets >= to) return -1
      this.hash = octets === 0 ? hash : addWord(hash, firstOctets(word, octets), factor)
      return at + octets
    }
    return -1
  }
}

/** Sets the high bit of each octet that is 0 (and possibly of octets after the first one). */
function zeroOctets(word: number): number {
  return ((word - ONES) | 0) & ~word & HIGHS
}

/** Number of octets before the first with its high bit set; 4 if there is none. */
function octetsBefore(highs: number): number {
  return highs === 0 ? 4 : (31 - Math.clz32(highs & -highs)) >> 3
}
