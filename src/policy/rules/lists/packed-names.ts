import type { Octets } from '../../../base/units.js'
import type { CoverCode } from '../model/types.js'

/** Offsets in an entry. It begins with the length of its name. */
const COVER_AT = 1
const LINE_AT = 2
const RECORD_AT = 6
const NAME_AT = 10
const NO_RECORD = new Uint8Array(0)

/** Visits a name in place: `octets[at, at + length)`; its record, if any, follows, up to `end`. */
export type VisitPacked = (
  octets: Uint8Array,
  at: Octets,
  length: Octets,
  cover: CoverCode,
  line: number,
  end: Octets
) => void

/** The memory of `PackedNames`, to be sent to another thread. */
export interface PackedMemory {
  readonly octets: Uint8Array<ArrayBuffer>
  readonly count: number
  readonly nameOctets: Octets
}

/** Names with cover, line and an optional record each, in one buffer: a million take 30 MB. */
export class PackedNames {
  /** Number of names, and octets of them in wire form. */
  count = 0
  nameOctets: Octets = 0
  private octets = new Uint8Array(256)
  private view = new DataView(this.octets.buffer)
  private used: Octets = 0

  /** @param length of the name at `octets[at]`, root label included */
  add(
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: CoverCode,
    line: number,
    record: Uint8Array = NO_RECORD
  ): void {
    const start = this.used
    this.reserve(NAME_AT + length + record.length)
    const { octets: own, view } = this
    own[start] = length
    own[start + COVER_AT] = cover
    view.setUint32(start + LINE_AT, line)
    view.setUint32(start + RECORD_AT, record.length)
    for (let i = 0; i < length; i++) own[start + NAME_AT + i] = octets[at + i]!
    for (let i = 0; i < record.length; i++) own[start + NAME_AT + length + i] = record[i]!
    this.count++
    this.nameOctets += length
  }

  /** Adds a copy of an entry. @param octets of other packed names; the name of the entry is at `at` */
  addFrom(octets: Uint8Array, at: Octets): void {
    const start = at - NAME_AT
    const length = octets[start]!
    const size = NAME_AT + length + uint32At(octets, start + RECORD_AT)
    const to = this.used
    this.reserve(size)
    const own = this.octets
    for (let i = 0; i < size; i++) own[to + i] = octets[start + i]!
    this.count++
    this.nameOctets += length
  }

  /** Names that another thread has packed. */
  static from({ octets, count, nameOctets }: PackedMemory): PackedNames {
    const names = new PackedNames()
    names.octets = octets
    names.view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
    names.used = octets.length
    names.count = count
    names.nameOctets = nameOctets
    return names
  }

  /** The memory in use; no name may be added any more. */
  memory(): PackedMemory {
    const { octets, used, count, nameOctets } = this
    return { octets: octets.subarray(0, used), count, nameOctets }
  }

  /** Visits all names in insertion order. None may be added meanwhile. */
  forEach(see: VisitPacked): void {
    const { octets, view, used } = this
    for (let start = 0; start < used;) {
      const length = octets[start]!
      const at = start + NAME_AT
      const end = at + length + view.getUint32(start + RECORD_AT)
      see(
        octets,
        at,
        length,
        octets[start + COVER_AT] as CoverCode,
        view.getUint32(start + LINE_AT),
        end
      )
      start = end
    }
  }

  private reserve(room: Octets): void {
    this.used += room
    if (this.used <= this.octets.length) return
    const larger = new Uint8Array(Math.max(2 * this.octets.length, this.used))
    larger.set(this.octets)
    this.octets = larger
    this.view = new DataView(larger.buffer)
  }
}

function uint32At(octets: Uint8Array, at: Octets): number {
  const high = (octets[at]! << 8) | octets[at + 1]!
  return high * 65_536 + ((octets[at + 2]! << 8) | octets[at + 3]!)
}

/** Length of a name in wire form, root label included. */
export function wireLength(name: Uint8Array): Octets {
  let end = 0
  while (name[end] !== 0) end += 1 + name[end]!
  return end + 1
}

/** A name as a map key. */
export function nameKey(name: Uint8Array, at: Octets, length: Octets): string {
  return Buffer.from(name.buffer, name.byteOffset + at, length).toString('latin1')
}
