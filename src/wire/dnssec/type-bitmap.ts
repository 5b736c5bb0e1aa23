import { failure } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { RRTYPE } from '../dns/registry/rrtype.js'

const MAX_WINDOW: Octets = 32

/** The types at a name, in an NSEC or NSEC3 record. RFC 4034 §4.1.2. */
export class TypeBitmap {
  private readonly windows = new Map<number, Uint8Array>()

  /** @param octets the bitmap, to the end of the RDATA @throws InterdictError WIRE_RDATA */
  constructor(octets: Uint8Array) {
    for (let pos = 0; pos < octets.length;) {
      const size = octets[pos + 1] ?? 0
      const end = pos + 2 + size
      if (size === 0 || size > MAX_WINDOW || end > octets.length)
        throw failure('WIRE_RDATA', 'NSEC', pos)
      this.windows.set(octets[pos]!, octets.slice(pos + 2, end))
      pos = end
    }
  }

  has(type: number): boolean {
    const octet = this.windows.get(type >> 8)?.[(type & 0xff) >> 3] ?? 0
    return (octet & (0x80 >> (type & 7))) !== 0
  }

  /** A delegation: the records at the name belong to a child zone, except DS. */
  get isDelegation(): boolean {
    return this.has(RRTYPE.NS) && !this.has(RRTYPE.SOA)
  }

  /**
   * Whether there is no record of a type at the name itself, nor an alias. DS belongs to the parent zone, all
   * other types to the child: the record of the wrong side proves nothing. RFC 6840 §4.1, §4.4.
   */
  lacks(type: number, isRoot: boolean): boolean {
    if (this.has(type) || this.has(RRTYPE.CNAME)) return false
    if (type === RRTYPE.DS) return isRoot || !this.has(RRTYPE.SOA)
    return !this.isDelegation
  }
}
