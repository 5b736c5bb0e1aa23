import type { Octets } from '../../base/units.js'

/** Tags of the types that are read here: ITU-T X.690 §8, RFC 5280 appendix A. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30
} as const

/** Thrown for anything that is not what it should be; its message says what. */
export class DerError extends Error {}

/** Reads DER (X.690) value by value. */
export class DerReader {
  /** Of the value that `next` has found. */
  tag = 0
  start: Octets = 0
  end: Octets = 0

  constructor(
    readonly octets: Uint8Array,
    private at: Octets = 0,
    private readonly limit: Octets = octets.length
  ) {}

  get hasMore(): boolean {
    return this.at < this.limit
  }

  /** The tag of the value that comes next; 0: none. */
  get nextTag(): number {
    return this.hasMore ? this.octets[this.at]! : 0
  }

  /** Where the value begins that comes next, with its tag and length. */
  get position(): Octets {
    return this.at
  }

  /** Finds the value that comes next. @throws DerError if it has another tag */
  next(tag = this.nextTag): this {
    const { octets, limit } = this
    if (this.nextTag !== tag || tag === 0) {
      throw new DerError(`expected tag ${tag}, found ${this.nextTag} at byte ${this.at}`)
    }
    let at = this.at + 1
    let length = octets[at++]!
    if (length > 0x80) {
      const size = length & 0x7f
      if (size > 4) throw new DerError(`length of ${size} bytes at byte ${this.at}`)
      length = 0
      for (let i = 0; i < size; i++) length = 256 * length + (octets[at++] ?? 0)
    }
    if (!(at + length <= limit)) throw new DerError(`value at byte ${this.at} ends outside`)
    this.tag = tag
    this.start = at
    this.end = this.at = at + length
    return this
  }

  /** The content of the value that comes next. */
  read(tag: number): Uint8Array {
    const { start, end } = this.next(tag)
    return this.octets.subarray(start, end)
  }

  /** A reader of the values inside the one that comes next. */
  enter(tag: number = TAG.sequence): DerReader {
    const { start, end } = this.next(tag)
    return new DerReader(this.octets, start, end)
  }

  /** The value that comes next with its tag and length. */
  whole(tag: number): Uint8Array {
    const { position } = this
    return this.octets.subarray(position, this.next(tag).end)
  }
}

/** Of an OBJECT IDENTIFIER: X.690 §8.19. */
export function oidText(octets: Uint8Array): string {
  const parts: number[] = []
  let part = 0
  for (const octet of octets) {
    part = 128 * part + (octet & 0x7f)
    if (octet >= 0x80) continue
    parts.push(part)
    part = 0
  }
  const [first = 0, ...rest] = parts
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - 40 * top, ...rest].join('.')
}
