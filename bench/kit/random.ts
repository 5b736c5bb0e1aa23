export { seeded } from '../../src/base/values/seeded.js'

/** A permutation of the 32-bit integers: different in, different out. (murmur3's last step) */
export function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
