import type { Octets } from '../../base/units.js'

/** How a value is laid out: the low three bits of a field's key. */
const KIND = { varint: 0, fixed64: 1, octets: 2, fixed32: 5 } as const
const KIND_BITS = 3
/** Fields with numbers from here on are passed over. */
const MOST_FIELDS = 16

/**
 * The fields of one message in the encoding of Protocol Buffers, by their numbers: the part of it that
 * dnstap has; of repeated fields the last. Filled again and again.
 */
export class Fields {
  readonly #numbers = new Float64Array(MOST_FIELDS)
  /** 0: there is none, since a key stands before each. */
  readonly #starts = new Int32Array(MOST_FIELDS)
  readonly #ends = new Int32Array(MOST_FIELDS)
  #at: Octets = 0

  /** Reads `octets[from, to)`; false where it is no message. */
  read(octets: Uint8Array, from: Octets, to: Octets): boolean {
    this.#numbers.fill(NaN)
    this.#starts.fill(0)
    this.#at = from
    while (this.#at < to) {
      const key = this.#varint(octets, to)
      // A key that is cut short has no kind.
      if (!this.#readValue(octets, to, Math.floor(key / 2 ** KIND_BITS), key % 2 ** KIND_BITS))
        return false
    }
    // A varint that is cut short leaves it behind the end.
    return this.#at === to
  }

  /** A number; undefined where there is none. */
  number(field: number): number | undefined {
    const number = this.#numbers[field]!
    return Number.isNaN(number) ? undefined : number
  }

  /** Where a field of octets begins; 0 where there is none. */
  start(field: number): Octets {
    return this.#starts[field]!
  }

  end(field: number): Octets {
    return this.#ends[field]!
  }

  #readValue(octets: Uint8Array, to: Octets, field: number, kind: number): boolean {
    switch (kind) {
      case KIND.varint:
        this.#put(field, this.#varint(octets, to))
        return true
      case KIND.octets: {
        const end = this.#varint(octets, to) + this.#at
        if (!(end <= to)) return false
        if (field < MOST_FIELDS) {
          this.#starts[field] = this.#at
          this.#ends[field] = end
        }
        this.#at = end
        return true
      }
      case KIND.fixed32:
        if (this.#at + 4 > to) return false
        this.#put(field, fixed32(octets, this.#at))
        this.#at += 4
        return true
      case KIND.fixed64:
        this.#at += 8
        return true
      default:
        return false
    }
  }

  #put(field: number, value: number): void {
    if (field < MOST_FIELDS) this.#numbers[field] = value
  }

  /** Seven bits an octet, the lowest first; NaN where it is cut short or longer than 64 bits. */
  #varint(octets: Uint8Array, to: Octets): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      if (this.#at >= to) break
      const octet = octets[this.#at++]!
      value += (octet & 0x7f) * factor
      if (octet < 0x80) return value
    }
    this.#at = to + 1
    return NaN
  }
}

function fixed32(octets: Uint8Array, at: Octets): number {
  const low = octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16)
  return low + octets[at + 3]! * 2 ** 24
}
