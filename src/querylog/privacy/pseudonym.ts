import { createHmac } from 'node:crypto'
import { isMapped, type Address } from '../../base/address.js'
import type { Octets } from '../../base/units.js'
import { cryptoPan } from './crypto-pan.js'

/**
 * Octets that are left of the HMAC. Of a million clients under one key, two have the same pseudonym
 * once in 40 million keys.
 */
const KEPT_OCTETS: Octets = 8

/**
 * The word that stands for an address under a key: the first quarter of HMAC-SHA-256 (RFC 2104) of its
 * 16 octets, as 16 hexadecimal digits. Without dot, colon or slash, so it is never taken for an
 * address.
 */
export function pseudonymOf(address: Address, key: Uint8Array): string {
  return hmac(key, address).subarray(0, KEPT_OCTETS).toString('hex')
}

/**
 * The same, prefix-preserving: 8 hexadecimal digits for IPv4 and 32 for IPv6, four bits each, so
 * that clients of one /24 have the first six digits in common, and those of one /56 the first 14.
 */
export function prefixPreservingPseudonymOf(address: Address, key: Uint8Array): string {
  const ipv4 = isMapped(address)
  const panKey = hmac(key, `crypto-pan ${ipv4 ? 'ipv4' : 'ipv6'}`)
  const octets = ipv4 ? address.subarray(12) : address
  return Buffer.from(cryptoPan(octets, panKey)).toString('hex')
}

function hmac(key: Uint8Array, what: Uint8Array | string): Buffer {
  return createHmac('sha256', key).update(what).digest()
}
