import { getInt32Le } from './octets.js'

/**
 * The hash shared by policy tables and query parsing. Hashes are 32-bit integers with a random seed per
 * process, so that nobody outside can prepare colliding names. A collision only costs a comparison, since
 * names are stored and compared.
 *
 * A name is hashed from the root down, one label at a time, which also yields the hashes of all its
 * suffixes: `H(root) = seed`, `H(label.parent) = chain(H(parent), hash(label))`.
 */

/** Multiplier of FNV-1a, 32 bits. */
const FNV_PRIME = 0x01000193

/** Adds one lower-cased octet to the hash of a label, which starts as the seed. */
export function hashOctet(hash: number, octet: number): number {
  return Math.imul(hash ^ octet, FNV_PRIME)
}

/** The hash of a name from its parent's hash and its first label's hash. */
export function chainHash(parent: number, label: number): number {
  const mixed = Math.imul(parent ^ label, 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}

/**
 * Hashes octets, four at a time: 30 octets take 12 ns; octet by octet, 40 ns.
 *
 * Each step folds the product's high bits into its low bits, so that the seed decides which octets
 * collide.
 *
 * @param blind bits of each four octets that are ignored, as if they were set
 */
export function hashOctets(octets: Uint8Array, seed: number, blind = 0): number {
  const { length } = octets
  let hash = seed ^ length
  let at = 0
  for (const last = (length - 4) | 0; at <= last; at = (at + 4) | 0) {
    hash = Math.imul(hash ^ (getInt32Le(octets, at) | blind), 0xcc9e2d51)
    hash ^= hash >>> 15
  }
  const tail = blind & 0xff
  for (; at < length; at = (at + 1) | 0) hash = Math.imul(hash ^ (octets[at]! | tail), FNV_PRIME)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}
