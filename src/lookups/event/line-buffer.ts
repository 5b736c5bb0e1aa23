import type { Octets } from '../../base/units.js'
import { writeAddress } from './address-text.js'

/**
 * Block size, a power of two far above a line: in blocks of 64 KiB, writing a line costs a sixth of
 * what it costs to write each one by itself.
 */
const BLOCK: Octets = 64 * 1024
/** Below this length, a loop (1.2 ns per octet) is faster than `set` (14 ns for any length). */
const LOOP_LIMIT: Octets = 12

const ZERO = 0x30
const DOT = 0x2e

/**
 * Octets of a label that need no escape in JSON text, in lower case (RFC 4343); 0 for all others.
 */
const PLAIN = Uint8Array.from({ length: 256 }, (_, octet) => {
  const escaped = octet <= 0x20 || octet >= 0x7f || [DOT, 0x22, 0x5c].includes(octet)
  return escaped ? 0 : octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
})

/** The other octets: RFC 1035 §5.1 escapes (a quote needs none), then JSON escapes. */
const ESCAPED = Array.from({ length: 256 }, (_, octet) =>
  ascii(JSON.stringify(escapeOctet(octet)).slice(1, -1))
)

function escapeOctet(octet: number): string {
  if (octet === DOT || octet === 0x5c) return `\\${String.fromCharCode(octet)}`
  return octet === 0x22 ? '"' : `\\${String(octet).padStart(3, '0')}`
}

/** Encodes ASCII text. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** Text being written into a block. The caller reserves space; the methods do not check. */
export class LineBuffer {
  octets: Uint8Array = Buffer.allocUnsafeSlow(BLOCK)
  length: Octets = 0

  /** Whether this many more octets fit. */
  fits(octets: Octets): boolean {
    return this.length + octets <= this.octets.length
  }

  /** The text so far. It shares the block's memory: see `clear` and `replace`. */
  get written(): Uint8Array {
    return this.octets.subarray(0, this.length)
  }

  /** Restarts in the same block, after the text was copied or written to disk. */
  clear(): void {
    this.length = 0
  }

  /** Restarts in a new block, because the old one is still in use or too small. */
  replace(octets: Octets = BLOCK): void {
    this.octets = Buffer.allocUnsafeSlow(Math.max(octets, BLOCK))
    this.length = 0
  }

  append(piece: Uint8Array): void {
    const { octets, length: at } = this
    const { length } = piece
    if (length < LOOP_LIMIT) for (let i = 0; i < length; i++) octets[at + i] = piece[i]!
    else octets.set(piece, at)
    this.length = at + length
  }

  /** Appends an integer from 0 to 2^32 - 1. */
  appendNumber(value: number): void {
    const { octets } = this
    let length = 1
    for (let rest = value >>> 0; rest >= 10; rest = tenth(rest)) length++
    this.length += length
    let at = this.length - 1
    let rest = value >>> 0
    for (; rest >= 10; rest = tenth(rest)) octets[at--] = ZERO + (rest % 10)
    octets[at] = ZERO + rest
  }

  /** Appends an address given as four 32-bit words, formatted like `showAddress`. */
  appendAddress(words: Uint32Array): void {
    this.length = writeAddress(this.octets, this.length, words)
  }

  /**
   * Appends a name in wire format as the content of a JSON string: canonical text (ASCII lower
   * case, no final dot, unusual octets as `\DDD`), the root as `.`.
   */
  appendName(qname: Uint8Array, length: Octets): void {
    const { octets } = this
    let to = this.length
    if (length <= 1) octets[to++] = DOT
    for (let from = 0; from < length && qname[from]! !== 0;) {
      if (from > 0) octets[to++] = DOT
      const end = Math.min(from + 1 + qname[from]!, length)
      for (from++; from < end; from++) {
        const octet = PLAIN[qname[from]!]!
        if (octet !== 0) octets[to++] = octet
        else for (const escape of ESCAPED[qname[from]!]!) octets[to++] = escape
      }
    }
    this.length = to
  }
}

/** Unsigned arithmetic, so that V8 multiplies and shifts: a division takes 20 cycles. */
function tenth(value: number): number {
  return ((value >>> 0) / 10) >>> 0
}
