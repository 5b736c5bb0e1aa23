import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import { getUint16 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import { ALGORITHM } from './algorithms.js'

/** Flags, protocol and algorithm, before the key. RFC 4034 §2.1. */
const KEY_AT: Octets = 4
const FLAG_ZONE = 0x0100
/** RFC 5011 §3. */
const FLAG_REVOKED = 0x0080
const PROTOCOL = 3
/** Limits on RSA keys: RFC 5702 §2, and an exponent that does not slow down verification. */
const MIN_MODULUS: Octets = 64
const MAX_MODULUS: Octets = 512
const MAX_EXPONENT: Octets = 4

/** A public key of a zone. RFC 4034 §2. */
export interface Dnskey {
  readonly rdata: Uint8Array
  readonly algorithm: number
  readonly keyTag: number
  /** Whether it may sign records of the zone: zone key flag, protocol 3, not revoked. */
  readonly isZoneKey: boolean
}

/** @throws InterdictError WIRE_RDATA */
export function decodeDnskey(rdata: Uint8Array): Dnskey {
  if (rdata.length <= KEY_AT) throw failure('WIRE_RDATA', 'DNSKEY', 0)
  const flags = getUint16(rdata, 0)
  const isZone = (flags & FLAG_ZONE) !== 0 && rdata[2] === PROTOCOL
  return {
    rdata,
    algorithm: rdata[3]!,
    keyTag: keyTagOf(rdata),
    isZoneKey: isZone && (flags & FLAG_REVOKED) === 0
  }
}

/** RFC 4034 appendix B. The tag of algorithm 1 differs, but that is not supported. */
export function keyTagOf(rdata: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < rdata.length; i++) sum += i % 2 === 0 ? rdata[i]! << 8 : rdata[i]!
  return (sum + (sum >>> 16)) & 0xffff
}

const imported = new WeakMap<Dnskey, KeyObject | null>()

/** The key for OpenSSL, imported once. Undefined: malformed, or of an algorithm that is not supported. */
export function publicKeyOf(key: Dnskey): KeyObject | undefined {
  let found = imported.get(key)
  if (found === undefined) imported.set(key, (found = importKey(key)))
  return found ?? undefined
}

function importKey({ rdata, algorithm }: Dnskey): KeyObject | null {
  const jwk = toJwk(algorithm, rdata.subarray(KEY_AT))
  if (jwk === undefined) return null
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return null // not a point on the curve, for example
  }
}

function toJwk(algorithm: number, key: Uint8Array): JsonWebKey | undefined {
  switch (algorithm) {
    case ALGORITHM.RSASHA256:
    case ALGORITHM.RSASHA512:
      return rsaKey(key)
    case ALGORITHM.ECDSAP256SHA256:
      return pointKey('P-256', key, 32)
    case ALGORITHM.ECDSAP384SHA384:
      return pointKey('P-384', key, 48)
    case ALGORITHM.ED25519:
      return key.length === 32 ? { kty: 'OKP', crv: 'Ed25519', x: base64url(key) } : undefined
    case ALGORITHM.ED448:
      return key.length === 57 ? { kty: 'OKP', crv: 'Ed448', x: base64url(key) } : undefined
    default:
      return undefined
  }
}

/** Length of the exponent in one octet, or in two after a zero; exponent; modulus. RFC 3110 §2. */
function rsaKey(key: Uint8Array): JsonWebKey | undefined {
  const isLong = key[0] === 0
  const at = isLong ? 3 : 1
  if (key.length < at) return undefined
  const size = isLong ? getUint16(key, 1) : key[0]!
  const modulus = key.subarray(at + size)
  if (size === 0 || size > MAX_EXPONENT) return undefined
  if (modulus.length < MIN_MODULUS || modulus.length > MAX_MODULUS) return undefined
  return { kty: 'RSA', e: base64url(key.subarray(at, at + size)), n: base64url(modulus) }
}

/** RFC 6605 §4: x and y. */
function pointKey(crv: string, key: Uint8Array, size: Octets): JsonWebKey | undefined {
  if (key.length !== 2 * size) return undefined
  const [x, y] = [base64url(key.subarray(0, size)), base64url(key.subarray(size))]
  return { kty: 'EC', crv, x, y }
}

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url')
}
