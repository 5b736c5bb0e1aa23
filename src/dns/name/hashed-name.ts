import { chainHash, hashOctet } from '../../base/hash.js'
import { getInt32Le } from '../../base/octets.js'
import type { Octets } from '../../base/units.js'

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

/** Multiplier of the hash of a whole name; that of MurmurHash3, chosen for how it spreads bits. */
const NAME_HASH_FACTOR = 0xcc9e2d51

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
  /** One octet longer than the longest name, so that it is whole words. */
  readonly octets = new Uint8Array(MAX_NAME + 1)
  /** The same, four octets at a time. */
  readonly words = new Int32Array(this.octets.buffer)
  readonly starts = new Uint8Array(MAX_LABELS + 1)
  /** Good after `take` or `hashSuffixes`. */
  readonly hashes = new Int32Array(MAX_LABELS + 1)
  length: Octets = 0
  labels = 0
  /** Of the whole name: a hash of its own, unlike those of suffixes. */
  nameHash = 0
  private areSuffixesHashed = false

  /**
   * Takes a well-formed uncompressed name from `source` at `at`, lower-casing it, with all hashes.
   *
   * @param seed the snapshot's, so that hashes are comparable with its table
   */
  set(source: Uint8Array, at: Octets, seed: number): void {
    this.decode(source, at, source.length, seed)
    this.hashSuffixes(seed)
  }

  /**
   * Takes a name that nobody has checked: cuts it, lower-cases it and hashes it as a whole.
   *
   * Suffixes are hashed only when they are asked for: what was answered before is found by the
   * whole name, and a hash by octets waits for a multiplication at each, 1.2 ns on Node 20.
   *
   * @param end no octet at or after it is looked at
   * @returns the position after the root label; 0 if the name is compressed, cut short or longer
   *   than MAX_NAME, and then this instance holds the empty name (`length` 0, not even a root)
   */
  decode(source: Uint8Array, at: Octets, end: Octets, seed: number): Octets {
    const { starts } = this
    const last = at + MAX_NAME < end ? at + MAX_NAME : end
    let from = at
    let labels = 0
    this.length = 0
    this.labels = 0
    this.areSuffixesHashed = false
    while (from < last) {
      const head = source[from]!
      if (head === 0) break
      if (head > MAX_LABEL) return 0
      starts[labels++] = from - at
      from += 1 + head
    }
    if (from >= last) return 0
    this.length = from - at + 1
    this.labels = labels
    this.lowerCase(source, at, seed)
    return from + 1
  }

  /** Hashes every suffix, unless that is done. @param seed as given to `read` */
  hashSuffixes(seed: number): void {
    if (this.areSuffixesHashed) return
    this.areSuffixesHashed = true
    const { octets, starts, hashes, labels } = this
    let suffix = seed
    let end = this.length - 1
    for (let label = labels - 1; label >= 0; label--) {
      const start = starts[label]!
      let hash = seed
      for (let at = start + 1; at < end; at++) hash = hashOctet(hash, octets[at]!)
      suffix = chainHash(suffix, hash)
      hashes[label] = suffix
      end = start
    }
  }

  /**
   * Copies the name and hashes it, four octets at a time. Octets of length are at most 63, so that
   * none is taken for a letter.
   */
  private lowerCase(source: Uint8Array, at: Octets, seed: number): void {
    const { octets, words, length } = this
    const whole = length >> 2
    let hash = seed ^ length
    for (let i = 0, from = at | 0; i < whole; i++, from = (from + 4) | 0) {
      const word = lowerCaseWord(getInt32Le(source, from))
      words[i] = word
      hash = Math.imul(hash ^ word, NAME_HASH_FACTOR)
      hash ^= hash >>> 15
    }
    for (let i = whole << 2; i < length; i++) {
      const octet = LOWER[source[at + i]!]!
      octets[i] = octet
      hash = Math.imul(hash ^ octet, NAME_HASH_FACTOR)
    }
    this.nameHash = hash ^ (hash >>> 15)
  }
}

/**
 * ASCII lower case of four octets at once: the high bit of each octet of `upper` says that it is
 * one of A to Z, whose lower case has 0x20 more.
 */
export function lowerCaseWord(word: number): number {
  const low = word & 0x7f7f7f7f
  const upper = (low + 0x3f3f3f3f) & ~(low + 0x25252525) & ~word & 0x80808080
  return word | (upper >>> 2)
}

/** The bit by which the cases of a letter differ, 0x20, in each of four octets that is a letter. */
export function letterMask(word: number): number {
  const low = (word & 0x5f5f5f5f) | 0x20202020
  return ((low + 0x1f1f1f1f) & ~(low + 0x05050505) & ~word & 0x80808080) >>> 2
}
