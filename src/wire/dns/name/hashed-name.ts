import { chainHash, hashOctet } from '../../../base/bytes/hash.js'
import { getInt32Le } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'

/** Longest name, length octets and root label included. RFC 1035 §2.3.4. */
export const MAX_NAME: Octets = 255
/** Longest label, without its length octet. RFC 1035 §2.3.4. */
export const MAX_LABEL: Octets = 63
/** Most labels in a name of 255 octets, without the root label. */
export const MAX_LABELS = 127

/** ASCII lower case of every octet: DNS names are case-insensitive. RFC 4343. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
)

/** Multiplier of `nameHash`, taken from MurmurHash3 because it distributes bits well. */
const NAME_HASH_FACTOR = 0xcc9e2d51

/**
 * A domain name in lower-cased wire form, split into labels, with a hash of each of its suffixes for
 * policy lookups. One instance is reused for all names; nothing is allocated.
 *
 * `octets[0, length)` is the name, including the root label. Label `i` counts from the left (the
 * first label of `www.example` is 0); `starts[i]` is the position of its length octet, and
 * `hashes[i]` the hash of the suffix `octets[starts[i], length)`. Octets from `length` on are
 * undefined.
 */
export class HashedName {
  /** One octet longer than the longest name, to be a whole number of words. */
  readonly octets = new Uint8Array(MAX_NAME + 1)
  /** The same memory, four octets at a time. */
  readonly words = new Int32Array(this.octets.buffer)
  readonly starts = new Uint8Array(MAX_LABELS + 1)
  /** Valid after `set` or `hashSuffixes`. */
  readonly hashes = new Int32Array(MAX_LABELS + 1)
  length: Octets = 0
  labels = 0
  /** Hash of the whole name, computed differently from the suffix hashes. */
  nameHash = 0
  private areSuffixesHashed = false

  /**
   * Sets the name to the well-formed uncompressed one at `at`, lower-cased, and computes all hashes.
   *
   * @param seed the policy snapshot's, so that hashes match its table
   */
  set(source: Uint8Array, at: Octets, seed: number): void {
    this.decode(source, at, source.length, seed)
    this.hashSuffixes(seed)
  }

  /**
   * Decodes an untrusted name: splits it into labels, lower-cases it and computes `nameHash`.
   *
   * Suffix hashes are computed only on demand: a cached answer is found by the whole name, and the
   * suffix hash waits for a multiplication per octet, 1.2 ns on Node 20.
   *
   * @param end no octet at or after it is read
   * @returns the position after the root label; 0 if the name is compressed, truncated or longer
   *   than MAX_NAME: this instance is then empty (`length` 0, not even a root label)
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

  /** Computes the suffix hashes if needed. @param seed as given to `decode` */
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
   * Copies, lower-cases and hashes the name, four octets at a time. Length octets are at most 63, so
   * none is mistaken for a letter.
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
 * ASCII lower case of four octets at once: the high bit of each octet of `upper` is set for A to Z,
 * whose lower case is 0x20 higher.
 */
export function lowerCaseWord(word: number): number {
  const low = word & 0x7f7f7f7f
  const upper = (low + 0x3f3f3f3f) & ~(low + 0x25252525) & ~word & 0x80808080
  return word | (upper >>> 2)
}

/** For four octets: 0x20, the bit that makes a letter upper or lower case, for each letter. */
export function letterMask(word: number): number {
  const low = (word & 0x5f5f5f5f) | 0x20202020
  return ((low + 0x1f1f1f1f) & ~(low + 0x05050505) & ~word & 0x80808080) >>> 2
}
