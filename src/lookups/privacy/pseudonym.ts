import { createHmac, type KeyObject } from 'node:crypto'
import { isMapped, type Address } from '../../base/values/address.js'
import type { Octets } from '../../base/units.js'
import { cryptoPan } from './crypto-pan.js'

/**
 * Octets of the HMAC that are used. Among a million clients under one key, two have the same
 * pseudonym for one in 40 million keys.
 */
const KEPT_OCTETS: Octets = 8

/** As octets, or as a `KeyObject`, which makes an HMAC in a fifth of the time. */
export type PseudonymKey = Uint8Array | KeyObject

/**
 * The pseudonym of an address: the first quarter of the HMAC-SHA-256 (RFC 2104) of its 16 octets,
 * as 16 hexadecimal digits. It has no dot, colon or slash, so it cannot be mistaken for an address.
 */
export function pseudonymOf(address: Address, key: PseudonymKey): string {
  return hmac(key, address).subarray(0, KEPT_OCTETS).toString('hex')
}

/** The pseudonym of a client that is recognized by its identity: likewise, of its name. */
export function devicePseudonymOf(device: Uint8Array | string, key: PseudonymKey): string {
  // The additional step tells names from addresses, which have 16 octets.
  return hmac(hmac(key, 'device'), device).subarray(0, KEPT_OCTETS).toString('hex')
}

/**
 * A prefix-preserving pseudonym: 8 hexadecimal digits for IPv4 and 32 for IPv6, four bits each, so
 * that clients in one /24 share the first six digits, and those in one /56 the first 14.
 */
export function prefixPreservingPseudonymOf(address: Address, key: PseudonymKey): string {
  const ipv4 = isMapped(address)
  const panKey = hmac(key, `crypto-pan ${ipv4 ? 'ipv4' : 'ipv6'}`)
  const octets = ipv4 ? address.subarray(12) : address
  return Buffer.from(cryptoPan(octets, panKey)).toString('hex')
}

function hmac(key: PseudonymKey, what: Uint8Array | string): Buffer {
  return createHmac('sha256', key).update(what).digest()
}
