import { createHash } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import { getUint16 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import { DIGEST, digestHash, isSupportedAlgorithm } from './algorithms.js'
import { decodeDnskey, type Dnskey } from './dnskey.js'

const DIGEST_AT: Octets = 4

/** A reference to a key of a child zone. RFC 4034 §5. */
export interface Ds {
  readonly keyTag: number
  readonly algorithm: number
  readonly digestType: number
  readonly digest: Uint8Array
}

/** @throws InterdictError WIRE_RDATA */
export function decodeDs(rdata: Uint8Array): Ds {
  if (rdata.length <= DIGEST_AT) throw failure('WIRE_RDATA', 'DS', 0)
  return {
    keyTag: getUint16(rdata, 0),
    algorithm: rdata[2]!,
    digestType: rdata[3]!,
    digest: rdata.slice(DIGEST_AT)
  }
}

/** False: it is ignored, and a zone that has only such DS counts as unsigned. RFC 4035 §5.2. */
export function isSupportedDs({ algorithm, digestType }: Ds): boolean {
  return isSupportedAlgorithm(algorithm) && digestHash(digestType) !== undefined
}

/** The digest of a key, over the zone and the RDATA. RFC 4034 §5.1.4. */
export function digestOf(zone: Uint8Array, key: Dnskey, digestType: number): Uint8Array {
  return createHash(digestHash(digestType)!).update(zone).update(key.rdata).digest()
}

/** Whether this is the DS of a key. @param zone in lower-cased wire form */
export function matchesKey(ds: Ds, zone: Uint8Array, key: Dnskey): boolean {
  return Buffer.compare(digestOf(zone, key, ds.digestType), ds.digest) === 0
}

/** The DS of a key given as DNSKEY, with SHA-256. */
export function dsOf(zone: Uint8Array, dnskey: Uint8Array): Ds {
  const key = decodeDnskey(dnskey)
  const { keyTag, algorithm } = key
  const digestType = DIGEST.SHA256
  return { keyTag, algorithm, digestType, digest: digestOf(zone, key, digestType) }
}
