import { chainHash, hashOctet } from '../base/hash.js'
import type { Octets } from '../base/units.js'

/** Longest name, length octets and root label included. RFC 1035 §2.3.4. */
export const MAX_NAME: Octets = 255
/** Longest label, its length octet not counted. RFC 1035 §2.3.4. */
export const MAX_LABEL: Octets = 63
/** Most labels that fit in a name of 255 octets, root label not counted. */
export const MAX_LABELS = 127

/** ASCII lower case of every octet: DNS compares names without case. RFC 4343. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
)

/**
 * A domain name in lower-cased wire form, cut into labels, with the hash of each of its suffixes:
 * what policy looks names up by. One instance is filled again and again; nothing is allocated.
 *
 * `octets[0, length)` is the name, root label included. Label `i` counts from the left (the first
 * label of `www.example` is 0); `starts[i]` is the position of its length octet, and
 * `hashes[i]` the hash of the suffix that begins with it. The suffix `octets[starts[i], length)`
 * is what a hash is compared against. Octets from `length` on mean nothing.
 */
export class HashedName {
  readonly octets = new Uint8Array(MAX_NAME)
  readonly starts = new Uint8Array(MAX_LABELS + 1)
  readonly hashes = new Int32Array(MAX_LABELS + 1)
  length: Octets = 0
  labels = 0

  /**
   * Takes a well-formed uncompressed name from `source` at `at`, lower-casing it.
   *
   * @param seed the snapshot's, so that hashes are comparable with its table
   */
  take(source: Uint8Array, at: Octets, seed: number): void {
    this.read(source, at, source.length, seed)
  }

  /**
   * Takes a name that nobody has checked, in one pass: lower-cases, cuts and hashes it.
   *
   * Measured on Node 20: 1.2 ns per octet, most of it the multiplication; with a second counter
   * for the position in `octets` 1.4 ns, with arithmetic instead of LOWER 1.3 ns.
   *
   * @param end no octet at or after it is looked at
   * @returns the position after the root label; 0 if the name is compressed, cut short or longer
   *   than MAX_NAME, and then this instance holds the empty name (`length` 0, not even a root)
   */
  read(source: Uint8Array, at: Octets, end: Octets, seed: number): Octets {
    const { octets, starts, hashes } = this
    const last = at + MAX_NAME < end ? at + MAX_NAME : end
    let from = at
    let labels = 0
    this.length = 0
    this.labels = 0
    while (from < last) {
      const head = source[from]!
      if (head === 0) break
      const next = from + 1 + head
      // Not `>`: behind the label there is the root label at least.
      if (head > MAX_LABEL || next >= last) return 0
      let hash = seed
      starts[labels] = from - at
      octets[from - at] = head
      for (from++; from < next; from++) {
        const octet = LOWER[source[from]!]!
        octets[from - at] = octet
        hash = hashOctet(hash, octet)
      }
      hashes[labels++] = hash
    }
    if (from >= last) return 0
    octets[from - at] = 0
    this.length = from - at + 1
    this.labels = labels
    // From the hashes of single labels to those of suffixes, from the root down.
    let suffix = seed
    for (let label = labels - 1; label >= 0; label--) {
      suffix = chainHash(suffix, hashes[label]!)
      hashes[label] = suffix
    }
    return from + 1
  }
}
