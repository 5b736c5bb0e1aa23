import { failure } from '../../base/errors/error.js'
import { readName } from '../../wire/dns/name/name.js'
import { isAtOrBelow, isSame } from '../../wire/dnssec/canonical-name.js'
import { DIGEST } from '../../wire/dnssec/algorithms.js'
import { decodeDs, dsOf, isSupportedDs, type Ds } from '../../wire/dnssec/ds.js'

/** A zone whose keys are trusted by configuration. RFC 4033 §2. */
export interface TrustAnchor {
  /** In lower-cased wire form. */
  readonly zone: Uint8Array
  readonly ds: readonly Ds[]
}

/**
 * The root's key-signing keys of 2017 and 2024, which IANA publishes with their validity at
 * https://data.iana.org/root-anchors/root-anchors.xml.
 */
export const ROOT_ANCHORS = [
  '. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D',
  '. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16'
] as const

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

/**
 * Trust anchors of an operator beside those of the root, unless they have some for the root themselves.
 *
 * @throws InterdictError TRUST_ANCHOR_INVALID
 */
export function trustAnchorsWith(own: readonly string[]): TrustAnchors {
  const hasRoot = own.some(text => readTrustAnchor(text).zone.length === 1)
  return new TrustAnchors(hasRoot ? own : [...ROOT_ANCHORS, ...own])
}

/** Trust anchors by zone: own ones beside the root's. */
export class TrustAnchors {
  private readonly anchors: TrustAnchor[] = []

  /** @throws InterdictError TRUST_ANCHOR_INVALID */
  constructor(texts: readonly string[] = ROOT_ANCHORS) {
    for (const text of texts) {
      const { zone, ds } = readTrustAnchor(text)
      const at = this.anchors.findIndex(anchor => isSame(anchor.zone, zone))
      if (at === -1) this.anchors.push({ zone, ds })
      else this.anchors[at] = { zone, ds: [...this.anchors[at]!.ds, ...ds] }
    }
    this.anchors.sort((a, b) => b.zone.length - a.zone.length)
  }

  /** The anchor nearest to a name. Undefined: none is above it. */
  find(name: Uint8Array): TrustAnchor | undefined {
    return this.anchors.find(({ zone }) => isAtOrBelow(name, zone))
  }
}
