import { createCipheriv } from 'node:crypto'
import type { Octets } from '../../base/units.js'

/** AES block size, and also the length of an IPv6 address. */
const BLOCK: Octets = 16
/** Value of the most significant bit of an octet. */
const FIRST_BIT = 0x80

/**
 * Crypto-PAn (Fan, Xu, Ammar and Moon, "Prefix-preserving IP address anonymization", 2004): a
 * permutation of addresses. Two addresses that share exactly their first n bits share exactly n
 * bits afterwards. Each bit is flipped or not depending on the AES-128 encryption of the bits
 * before it.
 *
 * @param address 4 or 16 octets
 * @param key 32 octets: half for AES, half for the pad
 */
export function cryptoPan(address: Uint8Array, key: Uint8Array): Uint8Array {
  const aes = createCipheriv('aes-128-ecb', key.subarray(0, BLOCK), null).setAutoPadding(false)
  const pad = aes.update(key.subarray(BLOCK, 2 * BLOCK))
  const bits = address.length * 8
  // All blocks in one call: calling the cipher costs more than the encryption itself.
  const blocks = Buffer.alloc(bits * BLOCK)
  for (let bit = 0; bit < bits; bit++) {
    pad.copy(blocks, bit * BLOCK)
    copyLeadingBits(blocks.subarray(bit * BLOCK), address, bit)
  }
  const encrypted = aes.update(blocks)
  const out = Uint8Array.from(address)
  for (let bit = 0; bit < bits; bit++) {
    if (encrypted[bit * BLOCK]! >= FIRST_BIT) out[bit >> 3]! ^= FIRST_BIT >> (bit & 7)
  }
  return out
}

/** Copies the first `bits` bits of `from` into `block`. */
function copyLeadingBits(block: Uint8Array, from: Uint8Array, bits: number): void {
  const whole = bits >> 3
  for (let i = 0; i < whole; i++) block[i] = from[i]!
  const rest = bits & 7
  if (rest === 0) return
  const mask = 0xff >> rest
  block[whole] = (from[whole]! & ~mask) | (block[whole]! & mask)
}
