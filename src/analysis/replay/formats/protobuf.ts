import type { Octets } from '../../../base/units.js'

/** Wire types: the low three bits of a field's key. */
const KIND = { varint: 0, fixed64: 1, octets: 2, fixed32: 5 } as const
const KIND_BITS = 3
/** Fields with this number or a higher one are skipped. */
const MOST_FIELDS = 16

/**
 * The fields of one Protocol Buffers message by number, as far as dnstap needs them; the last one of
 * repeated fields. One instance is reused.
 */
export class ProtobufFields {
  private readonly numbers = new Float64Array(MOST_FIELDS)
  /** 0: missing, since a key precedes each value. */
  private readonly starts = new Int32Array(MOST_FIELDS)
  private readonly ends = new Int32Array(MOST_FIELDS)
  private at: Octets = 0

  /** Parses `octets[from, to)`; false if it is not a message. */
  read(octets: Uint8Array, from: Octets, to: Octets): boolean {
    this.numbers.fill(NaN)
    this.starts.fill(0)
    this.at = from
    while (this.at < to) {
      const key = this.varint(octets, to)
      // A truncated key has no wire type.
      if (!this.readValue(octets, to, Math.floor(key / 2 ** KIND_BITS), key % 2 ** KIND_BITS))
        return false
    }
    // A truncated varint moves the position past the end.
    return this.at === to
  }

  /** A number; undefined if missing. */
  number(field: number): number | undefined {
    const number = this.numbers[field]!
    return Number.isNaN(number) ? undefined : number
  }

  /** Start of a field of octets; 0 if missing. */
  start(field: number): Octets {
    return this.starts[field]!
  }

  end(field: number): Octets {
    return this.ends[field]!
  }

  private readValue(octets: Uint8Array, to: Octets, field: number, kind: number): boolean {
    switch (kind) {
      case KIND.varint:
        this.put(field, this.varint(octets, to))
        return true
      case KIND.octets: {
        const end = this.varint(octets, to) + this.at
        if (!(end <= to)) return false
        if (field < MOST_FIELDS) {
          this.starts[field] = this.at
          this.ends[field] = end
        }
        this.at = end
        return true
      }
      case KIND.fixed32:
        if (this.at + 4 > to) return false
        this.put(field, fixed32(octets, this.at))
        this.at += 4
        return true
      case KIND.fixed64:
        this.at += 8
        return true
      default:
        return false
    }
  }

  private put(field: number, value: number): void {
    if (field < MOST_FIELDS) this.numbers[field] = value
  }

  /** Seven bits per octet, least significant first; NaN if truncated or longer than 64 bits. */
  private varint(octets: Uint8Array, to: Octets): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      if (this.at >= to) break
      const octet = octets[this.at++]!
      value += (octet & 0x7f) * factor
      if (octet < 0x80) return value
    }
    this.at = to + 1
    return NaN
  }
}

function fixed32(octets: Uint8Array, at: Octets): number {
  const low = octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16)
  return low + octets[at + 3]! * 2 ** 24
}
