import { verify, type KeyObject, type VerifyKeyObjectInput } from 'node:crypto'
import { setUint16, setUint32 } from '../../base/bytes/octets.js'
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
    return verify(hash, data, verifyInput(publicKey, key.algorithm), signature.signature)
  } catch {
    return false // a signature of an impossible length
  }
}

function verifyInput(key: KeyObject, algorithm: number): KeyObject | VerifyKeyObjectInput {
  const isPoint: boolean =
    algorithm === ALGORITHM.ECDSAP256SHA256 || algorithm === ALGORITHM.ECDSAP384SHA384
  // R and S, side by side. RFC 6605 §4.
  return isPoint ? { key, dsaEncoding: 'ieee-p1363' } : key
}
