/**
 * Replies made locally, encoded over the query they answer: the header at `query.at`, the question
 * with the client's spelling, then the CNAMEs of `query.aliases` and the rest. Every function returns the
 * reply's length in octets and keeps to `limit`, the largest message that the client accepts; the
 * caller ensures that the buffer has that many octets after `query.at`. `cached-reply.ts` encodes
 * answers of upstreams.
 */
import { copyOctets, setUint16, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { Query } from '../message/query.js'
import { readName } from '../name/name.js'
import { RCODE } from '../registry/rcode.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { RECORD_HEADER_SIZE } from '../registry/sizes.js'
import {
  beginRecords,
  encodeHeader,
  encodeRecordHeader,
  encodeTruncated,
  finishReply,
  fits
} from './reply-frame.js'

/** CPU `RFC8482`, OS empty. RFC 8482 §4.2, RFC 1035 §3.3.2. */
const MINIMAL_ANY = Uint8Array.of(7, ...Buffer.from('RFC8482'), 0)

/** Refresh, retry and expire of the local SOA: never transferred, but tools expect sane values. */
const SOA_TIMERS = [3600, 600, 86_400] as const
/** An SOA record from TYPE on, with TTL, SERIAL and MINIMUM left at 0. RFC 1035 §3.3.13. */
const SOA = soaTemplate()
const SOA_TTL: Octets = 4
const SOA_SERIAL: Octets = SOA.length - 20
const SOA_MINIMUM: Octets = SOA.length - 4

/**
 * Encodes an error: header, the question if it was valid, and RCODE.
 *
 * @param rcode 16 and above need EDNS (RFC 6891 §6.1.3); SERVFAIL is used without it
 */
export function encodeError(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rcode: number,
  ede: Uint8Array | undefined
): Octets {
  encodeHeader(octets, query, 0, 0, rcode, 0, 0)
  return finishReply(octets, query, limit, query.questionEnd, rcode, ede)
}

/** Sets AA in an encoded reply. RFC 1035 §4.1.1. */
export function setAuthoritative(octets: Uint8Array, { at }: Query): void {
  octets[at + 2]! |= 0x04
}

/**
 * Encodes NXDOMAIN or NODATA (NOERROR without an answer), with a local SOA in AUTHORITY, so that
 * clients can cache it for `ttl`. RFC 2308 §3.
 *
 * @param soaLabel label of `query.qname` at which the SOA's owner begins; its `labels` for the root
 */
export function encodeNegative(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rcode: number,
  soaLabel: number,
  ttl: Seconds,
  serial: number,
  ede: Uint8Array | undefined
): Octets {
  const { qname, aliases } = query
  const root = soaLabel >= qname.labels
  if (!fits(query, limit, (root ? 1 : 2) + SOA.length)) return encodeTruncated(octets, query)
  let pos = beginRecords(octets, query)
  if (root) {
    octets[pos++] = 0
  } else {
    setUint16(octets, pos, 0xc000 | (aliases.owner + qname.starts[soaLabel]!))
    pos += 2
  }
  copySoa(octets, pos, ttl, serial)
  encodeHeader(octets, query, 0, 0, rcode, aliases.count, 1)
  return finishReply(octets, query, limit, pos + SOA.length, rcode, ede)
}

/** Encodes one address as the answer. @param rdata 4 octets for an A record, 16 for AAAA */
export function encodeAddress(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rdata: Uint8Array,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  const type = rdata.length === 4 ? RRTYPE.A : RRTYPE.AAAA
  return encodeRecord(octets, query, limit, type, rdata, ttl, ede)
}

/**
 * Encodes a text about this server as the answer, in the class of the question (usually CH).
 *
 * @param text one character-string with its length octet. RFC 1035 §3.3.14
 */
export function encodeText(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  text: Uint8Array
): Octets {
  return encodeRecord(octets, query, limit, RRTYPE.TXT, text, 0, undefined)
}

/** Encodes the minimal answer to ANY: `HINFO "RFC8482" ""`. RFC 8482 §4.2. */
export function encodeMinimalAny(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  ttl: Seconds
): Octets {
  return encodeRecord(octets, query, limit, RRTYPE.HINFO, MINIMAL_ANY, ttl, undefined)
}

/** Encodes a CNAME as the answer. @param target wire form, including the root label */
export function encodeCname(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  target: Uint8Array,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  return encodeRecord(octets, query, limit, RRTYPE.CNAME, target, ttl, ede)
}

/** Encodes the local SOA as the answer, for QNAMEs that are apexes of local zones. RFC 6303 §3. */
export function encodeOwnSoa(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  ttl: Seconds,
  serial: number
): Octets {
  const { aliases } = query
  if (!fits(query, limit, 2 + SOA.length)) return encodeTruncated(octets, query)
  const pos = beginRecords(octets, query)
  setUint16(octets, pos, 0xc000 | aliases.owner)
  copySoa(octets, pos + 2, ttl, serial)
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, aliases.count + 1, 0)
  return finishReply(octets, query, limit, pos + 2 + SOA.length, RCODE.NOERROR, undefined)
}

/** Encodes one record of `query.qname` as the answer. */
export function encodeRecord(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  type: number,
  rdata: Uint8Array,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  if (!fits(query, limit, RECORD_HEADER_SIZE + rdata.length)) return encodeTruncated(octets, query)
  const pos = beginRecords(octets, query)
  encodeRecordHeader(octets, pos, query, type, ttl, rdata.length)
  copyOctets(rdata, 0, rdata.length, octets, pos + RECORD_HEADER_SIZE)
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, query.aliases.count + 1, 0)
  return finishReply(
    octets,
    query,
    limit,
    pos + RECORD_HEADER_SIZE + rdata.length,
    RCODE.NOERROR,
    ede
  )
}

/** Copies the SOA from TYPE on; `ttl` limits both the SOA and the negative answer. */
function copySoa(octets: Uint8Array, at: Octets, ttl: Seconds, serial: number): void {
  octets.set(SOA, at)
  setUint32(octets, at + SOA_TTL, ttl)
  setUint32(octets, at + SOA_SERIAL, serial)
  setUint32(octets, at + SOA_MINIMUM, ttl)
}

function soaTemplate(): Uint8Array {
  const mname = readName('interdict.invalid')
  const rname = readName('hostmaster.interdict.invalid')
  const names = mname.length + rname.length
  const octets = new Uint8Array(10 + names + 20)
  setUint16(octets, 0, RRTYPE.SOA)
  setUint16(octets, 2, RRCLASS.IN)
  setUint16(octets, 8, names + 20)
  octets.set(mname, 10)
  octets.set(rname, 10 + mname.length)
  SOA_TIMERS.forEach((seconds, i) => setUint32(octets, 10 + names + 4 + 4 * i, seconds))
  return octets
}
