import { createCipheriv } from 'node:crypto'
import type { Octets } from '../../base/units.js'

/** One of AES, which is also as long as an address of IPv6. */
const BLOCK: Octets = 16
/** What the first bit of an octet is worth. */
const FIRST_BIT = 0x80

/**
 * Crypto-PAn (Fan, Xu, Ammar and Moon, "Prefix-preserving IP address anonymization", 2004): a
 * permutation of addresses under which two that have their first n bits in common, and no more,
 * have so many in common afterwards. Each bit is flipped or not by what AES-128 makes of the bits
 * before it.
 *
 * @param address 4 or 16 octets
 * @param key 32 octets: half for AES, half for the pad
 */
export function cryptoPan(address: Uint8Array, key: Uint8Array): Uint8Array {
  const aes = createCipheriv('aes-128-ecb', key.subarray(0, BLOCK), null).setAutoPadding(false)
  const pad = aes.update(key.subarray(BLOCK, 2 * BLOCK))
  const bits = address.length * 8
  // All blocks in one call: the way into the cipher costs more than the cipher.
  const blocks = Buffer.alloc(bits * BLOCK)
  for (let bit = 0; bit < bits; bit++) {
    pad.copy(blocks, bit * BLOCK)
    copyLeadingBits(blocks.subarray(bit * BLOCK), address, bit)
  }
  const made = aes.update(blocks)
  const out = Uint8Array.from(address)
  for (let bit = 0; bit < bits; bit++) {
    if (made[bit * BLOCK]! >= FIRST_BIT) out[bit >> 3]! ^= FIRST_BIT >> (bit & 7)
  }
  return out
}

/** Puts the first `bits` of `from` in place of those of `block`. */
function copyLeadingBits(block: Uint8Array, from: Uint8Array, bits: number): void {
  const whole = bits >> 3
  for (let i = 0; i < whole; i++) block[i] = from[i]!
  const rest = bits & 7
  if (rest === 0) return
  const mask = 0xff >> rest
  block[whole] = (from[whole]! & ~mask) | (block[whole]! & mask)
}
