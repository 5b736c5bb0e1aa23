import type { Octets } from '../../base/units.js'
import { writeAddress } from './address-text.js'

/**
 * Octets of a block, a power of two well above a line: joined into blocks of 64 KiB, lines cost a
 * sixth of what they cost written one by one.
 */
const BLOCK: Octets = 64 * 1024
/** Below this a loop, 1.2 ns an octet, is faster than `set`, 14 ns whatever the length. */
const LOOP_LIMIT: Octets = 12

const ZERO = 0x30
const DOT = 0x2e

/** An octet of a label that stands for itself in JSON text, lower-cased (RFC 4343); else 0. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, octet) => {
  const escaped = octet <= 0x20 || octet >= 0x7f || [DOT, 0x22, 0x5c].includes(octet)
  return escaped ? 0 : octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
})

/** The others: RFC 1035 §5.1 escapes (a quote needs none), then JSON's. */
const ESCAPED = Array.from({ length: 256 }, (_, octet) =>
  ascii(JSON.stringify(escapeOctet(octet)).slice(1, -1))
)

function escapeOctet(octet: number): string {
  if (octet === DOT || octet === 0x5c) return `\\${String.fromCharCode(octet)}`
  return octet === 0x22 ? '"' : `\\${String(octet).padStart(3, '0')}`
}

/** Octets of a text without characters above 127. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** Text being written into a block of octets. The caller reserves room, the methods do not look. */
export class LineBuffer {
  octets: Uint8Array = Buffer.allocUnsafeSlow(BLOCK)
  length: Octets = 0

  /** Whether so many more octets fit. */
  fits(octets: Octets): boolean {
    return this.length + octets <= this.octets.length
  }

  /** What was written. Same memory: see `clear` and `renew`. */
  get written(): Uint8Array {
    return this.octets.subarray(0, this.length)
  }

  /** Starts over in the same block: what was written has been copied or is on disk. */
  clear(): void {
    this.length = 0
  }

  /** Starts over in a new block, where somebody still holds the old one or it is too small. */
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

  /** A whole number from 0, below 2^32. */
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

  /** Four 32-bit words as the address they are, as `showAddress` writes it. */
  appendAddress(words: Uint32Array): void {
    this.length = writeAddress(this.octets, this.length, words)
  }

  /**
   * A name in wire form as the inside of a JSON string: canonical text (ASCII lower case, no final
   * dot, odd octets as `\DDD`), the root as `.`.
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

/** Unsigned throughout, so that V8 multiplies and shifts: a division is 20 cycles. */
function tenth(value: number): number {
  return ((value >>> 0) / 10) >>> 0
}
