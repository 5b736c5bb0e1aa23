import { createHash } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import { getUint16 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import { parentOf } from './canonical-name.js'
import { TypeBitmap } from './type-bitmap.js'

/** More iterations make a zone insecure. RFC 9276 §3.2; the limit of Unbound, BIND and Knot Resolver is not higher. */
export const MAX_ITERATIONS = 150

const SALT_AT: Octets = 5
const SHA1 = 1
const HASH_SIZE: Octets = 20
/** Five bits per character. */
const HASH_LABEL_SIZE: Octets = 32
const OPT_OUT = 0x01

/** An NSEC3 record: no hashed name is between `hash` and `next`. RFC 5155 §3. */
export interface Nsec3 {
  readonly zone: Uint8Array
  readonly hash: Uint8Array
  readonly next: Uint8Array
  readonly isOptOut: boolean
  readonly parameters: Nsec3Parameters
  readonly types: TypeBitmap
}

export interface Nsec3Parameters {
  readonly iterations: number
  readonly salt: Uint8Array
}

/**
 * Undefined: a hash algorithm or flags that are not known, or an owner that is not a hash, so that the record is
 * ignored. RFC 5155 §8.1, §8.2.
 *
 * @param owner in lower-cased wire form
 * @throws InterdictError WIRE_RDATA
 */
export function decodeNsec3(owner: Uint8Array, rdata: Uint8Array): Nsec3 | undefined {
  const saltEnd = SALT_AT + (rdata[4] ?? 0)
  const nextAt = saltEnd + 1
  const nextEnd = nextAt + (rdata[saltEnd] ?? 0)
  if (rdata.length < nextEnd || rdata.length < nextAt) throw failure('WIRE_RDATA', 'NSEC3', 0)
  const flags = rdata[1]!
  const hash =
    owner[0] === HASH_LABEL_SIZE ? fromBase32(owner.subarray(1, 1 + HASH_LABEL_SIZE)) : undefined
  if (rdata[0] !== SHA1 || (flags & ~OPT_OUT) !== 0 || hash === undefined) return undefined
  if (nextEnd - nextAt !== HASH_SIZE) return undefined
  return {
    zone: parentOf(owner)!,
    hash,
    next: rdata.slice(nextAt, nextEnd),
    isOptOut: (flags & OPT_OUT) !== 0,
    parameters: { iterations: getUint16(rdata, 2), salt: rdata.slice(SALT_AT, saltEnd) },
    types: new TypeBitmap(rdata.subarray(nextEnd))
  }
}

/** The hash of a name. RFC 5155 §5. @param name in lower-cased wire form */
export function hashName(name: Uint8Array, { iterations, salt }: Nsec3Parameters): Uint8Array {
  let hash: Uint8Array = name
  for (let i = 0; i <= iterations; i++) hash = createHash('sha1').update(hash).update(salt).digest()
  return hash
}

/** Whether a hash is in the gap of a record, so that the name does not exist. */
export function coversHash({ hash, next }: Nsec3, wanted: Uint8Array): boolean {
  const isAfter = Buffer.compare(hash, wanted) < 0
  const isBefore = Buffer.compare(wanted, next) < 0
  // The last record of the zone leads back to the first; a single record covers all but itself.
  return Buffer.compare(hash, next) < 0 ? isAfter && isBefore : isAfter || isBefore
}

const DIGITS = '0123456789abcdefghijklmnopqrstuv'

/** Base 32 with the extended hex alphabet, in lower case and without padding. RFC 4648 §7. */
export function toBase32(octets: Uint8Array): string {
  let text = ''
  let bits = 0
  let word = 0
  for (const octet of octets) {
    word = ((word << 8) | octet) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS.charAt((word >> (bits - 5)) & 31)
  }
  return bits === 0 ? text : text + DIGITS.charAt((word << (5 - bits)) & 31)
}

/** Undefined: not base 32. */
function fromBase32(text: Uint8Array): Uint8Array | undefined {
  const octets: number[] = []
  let bits = 0
  let word = 0
  for (const digit of text) {
    const value = DIGITS.indexOf(String.fromCharCode(digit))
    if (value === -1) return undefined
    word = ((word << 5) | value) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    octets.push((word >> bits) & 0xff)
  }
  return Uint8Array.from(octets)
}
