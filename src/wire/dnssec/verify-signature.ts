import { verify } from 'node:crypto'
import { setUint16, setUint32 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { RECORD_FIXED_SIZE } from '../dns/registry/sizes.js'
import { ALGORITHM } from './algorithms.js'
import { ancestorWith, countSignedLabels, wildcardBelow } from './canonical-name.js'
import { publicKeyOf, type Dnskey } from './dnskey.js'
import type { Rrset } from './rrset.js'
import type { Rrsig } from './rrsig.js'

/** Hashes of OpenSSL; Ed25519 and Ed448 have their own. */
const HASHES: Readonly<Record<number, string>> = {
  [ALGORITHM.RSASHA256]: 'sha256',
  [ALGORITHM.RSASHA512]: 'sha512',
  [ALGORITHM.ECDSAP256SHA256]: 'sha256',
  [ALGORITHM.ECDSAP384SHA384]: 'sha384'
}

/** The name that was signed: the owner, or the wildcard it was expanded from. RFC 4035 §5.3.2. */
export function signedName(name: Uint8Array, { labels }: Pick<Rrsig, 'labels'>): Uint8Array {
  if (labels >= countSignedLabels(name)) return name
  // Shorter than the name, so never too long.
  return wildcardBelow(ancestorWith(name, labels))!
}

/** Whether the owner was expanded from a wildcard. RFC 4035 §5.3.4. */
export function isExpanded({ name }: Pick<Rrset, 'name'>, { labels }: Rrsig): boolean {
  return labels < countSignedLabels(name)
}

/**
 * What a signature is over: RRSIG RDATA without the signature, then each record in canonical form. RFC 4034 §3.1.8.1.
 */
export function signedData({ name, type, rdata }: Rrset, signature: Rrsig): Uint8Array {
  const owner = signedName(name, signature)
  const head = new Uint8Array(owner.length + RECORD_FIXED_SIZE)
  head.set(owner)
  setUint16(head, owner.length, type)
  setUint16(head, owner.length + 2, RRCLASS.IN)
  setUint32(head, owner.length + 4, signature.originalTtl)
  const parts = [signature.prefix]
  for (const octets of rdata) {
    const own = head.slice()
    setUint16(own, owner.length + 8, octets.length)
    parts.push(own, octets)
  }
  return Buffer.concat(parts)
}

/**
 * Whether the key made the signature. Times, signer and labels are checked elsewhere; this is one verification, the
 * expensive part.
 */
export function verifySignature(rrset: Rrset, signature: Rrsig, key: Dnskey): boolean {
  const publicKey = publicKeyOf(key)
  if (publicKey === undefined) return false
  const hash = HASHES[key.algorithm]
  try {
    const data = signedData(rrset, signature)
    const half = HALVES[key.algorithm]
    const octets = half === undefined ? signature.signature : toDer(signature.signature, half)
    return octets !== undefined && verify(hash, data, publicKey, octets)
  } catch {
    return false // a signature of an impossible length
  }
}

/** Octets of R and of S, which ECDSA signatures have side by side. RFC 6605 §4. */
const HALVES: Readonly<Record<number, Octets>> = {
  [ALGORITHM.ECDSAP256SHA256]: 32,
  [ALGORITHM.ECDSAP384SHA384]: 48
}
const SEQUENCE = 0x30
const INTEGER = 0x02

/**
 * R and S as OpenSSL has them: ECDSA-Sig-Value of RFC 3279 §2.2.3. Node 24 converts them too (`dsaEncoding`), but that takes 26 µs, as
 * long as a third of a verification. Undefined: of an impossible length.
 */
function toDer(signature: Uint8Array, half: Octets): Uint8Array | undefined {
  if (signature.length !== 2 * half) return undefined
  // Each number is longer by an octet of zero at most.
  const der = new Uint8Array(2 * half + 8)
  der[0] = SEQUENCE
  const middle = writeInteger(signature.subarray(0, half), der, 2)
  const end = writeInteger(signature.subarray(half), der, middle)
  der[1] = end - 2
  return der.subarray(0, end)
}

/** The shortest form of a positive number. X.690 §8.3. Returns the position after it. */
function writeInteger(octets: Uint8Array, der: Uint8Array, at: Octets): Octets {
  let first = 0
  while (first < octets.length - 1 && octets[first] === 0) first++
  const rest = octets.subarray(first)
  const zeros = rest[0]! >= 0x80 ? 1 : 0
  der[at] = INTEGER
  der[at + 1] = zeros + rest.length
  der.set(rest, at + 2 + zeros)
  return at + 2 + zeros + rest.length
}
