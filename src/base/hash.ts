import { getInt32Le } from './octets.js'

/**
 * The hash that policy tables and query reading share. Hashes are 32-bit integers, seeded with a
 * random number per process so that nobody outside can prepare names that collide; a collision
 * only ever costs a comparison, since names are stored and compared.
 *
 * A name's hash is built from the root down, one label at a time, so that the hashes of all its
 * suffixes come out on the way: `H(root) = seed`, `H(label.parent) = chain(H(parent), hash(label))`.
 */

/** Multiplier of FNV-1a, 32 bits. */
const FNV_PRIME = 0x01000193

/** Adds one octet, already lower-cased, to a label's hash, which starts as the seed. */
export function hashOctet(hash: number, octet: number): number {
  return Math.imul(hash ^ octet, FNV_PRIME)
}

/** The hash of a name from its parent's hash and its first label's hash. */
export function chainHash(parent: number, label: number): number {
  const mixed = Math.imul(parent ^ label, 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}

/**
 * The hash of some octets, four at a time: of 30 octets in 12 ns, and octet by octet in 40.
 *
 * Each step shifts what was multiplied into itself, so that which octets collide depends on the
 * seed.
 *
 * @param blind bits of each four octets that make no difference: as if they were set
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
