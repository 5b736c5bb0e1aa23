import { failure } from '../../base/errors/error.js'
import { readName } from '../dns/name/name.js'
import { DIGEST } from './algorithms.js'
import { decodeDs, dsOf, isSupportedDs, type Ds } from './ds.js'

/** A zone whose keys are trusted by configuration. RFC 4033 §2. */
export interface TrustAnchor {
  /** In lower-cased wire form. */
  readonly zone: Uint8Array
  readonly ds: readonly Ds[]
}

/** Owner, type, three numbers, and a digest or a key. */
const ANCHOR =
  /^(?<owner>\S+)\s+(?:IN\s+)?(?<type>DS|DNSKEY)\s+(?<first>\d+)\s+(?<second>\d+)\s+(?<third>\d+)\s+(?<data>\S.*)$/is

/**
 * Reads a trust anchor in zone file format: `corp.example DS 12345 13 2 9F…`, or the DNSKEY that signs the keys.
 *
 * @throws InterdictError TRUST_ANCHOR_INVALID
 */
export function readTrustAnchor(text: string): TrustAnchor {
  const reject = (why: string) => failure('TRUST_ANCHOR_INVALID', text, why)
  const fields = ANCHOR.exec(text.trim())?.groups
  if (fields === undefined) throw reject('expected ZONE DS ... or ZONE DNSKEY ...')
  const zone = readZone(fields.owner!, reject)
  const isDs = fields.type!.toUpperCase() === 'DS'
  const data = fields.data!.replace(/\s+/g, '')
  if (!(isDs ? HEX : BASE64).test(data))
    throw reject(`expected ${isDs ? 'hex digits' : 'base 64'} at the end`)
  const [first, second, third] = [fields.first, fields.second, fields.third].map(Number) as [
    number,
    number,
    number
  ]
  if (first > 0xffff || second > 0xff || third > 0xff) throw reject('a number is too large')
  const octets = Buffer.from(data, isDs ? 'hex' : 'base64')
  const rdata = Uint8Array.of(first >> 8, first & 0xff, second, third, ...octets)
  const ds = isDs ? decodeDs(rdata) : dsOf(zone, rdata)
  if (!isSupportedDs(ds)) throw reject('this algorithm or digest is not supported')
  const size = ds.digestType === DIGEST.SHA256 ? 32 : 48
  if (ds.digest.length !== size) throw reject(`expected a digest of ${size} octets`)
  return { zone, ds: [ds] }
}

const HEX = /^[0-9a-f]+$/i
const BASE64 = /^[0-9a-z+/]+=*$/i

function readZone(text: string, reject: (why: string) => Error): Uint8Array {
  try {
    return readName(text)
  } catch {
    throw reject('the zone is not a domain name')
  }
}
