import type { Octets } from '../../../base/units.js'

/** Type, version and length. RFC 8446 §5.1. */
const HEADER: Octets = 5

/** Counts the TLS records in what a connection receives. */
export class RecordCounter {
  /** Octets of the header that have come. */
  private header: Octets = 0
  /** Octets of the record that are still to come. */
  private rest: Octets = 0

  /** @returns how many records end in the next octets, `octets[0, end)` */
  count(octets: Uint8Array, end: Octets): number {
    let records = 0
    let at = 0
    while (at < end) {
      if (this.header === 0 && end - at >= HEADER) {
        this.rest = (octets[at + 3]! << 8) | octets[at + 4]!
        this.header = HEADER
        at += HEADER
      } else if (this.header < HEADER) {
        // The last two octets of the header are the length, in which the version is shifted out.
        this.rest = ((this.rest << 8) | octets[at++]!) & 0xffff
        this.header++
      }
      if (this.header < HEADER) continue
      const size = Math.min(this.rest, end - at)
      this.rest -= size
      at += size
      if (this.rest > 0) continue
      this.header = 0
      records++
    }
    return records
  }
}
