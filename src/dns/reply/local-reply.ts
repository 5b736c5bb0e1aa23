/**
 * Replies of our own making, written over the query they answer: the header at `query.at`, the
 * question as the client spelt it, the rest from `query.questionEnd` on. Every writer returns the
 * reply's length in octets and keeps to `limit`, the most octets that the client takes; the caller
 * sees to it that the buffer has so many after `query.at`. What upstreams said is written by
 * `cached-reply.ts`.
 */
import { copyOctets, setUint16, setUint32 } from '../../base/octets.js'
import type { Octets, Seconds } from '../../base/units.js'
import { type Query } from '../message/query.js'
import { readName } from '../name/name.js'
import { RCODE } from '../registry/rcode.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE } from '../registry/sizes.js'
import { finishReply, fits, encodeHeader, encodeTruncated } from './reply-frame.js'

/** Owner that points at QNAME, TYPE, CLASS, TTL, RDLENGTH. RFC 1035 §4.1.3, §4.1.4. */
const RECORD_HEADER_SIZE: Octets = 12

/** CPU `RFC8482`, OS empty. RFC 8482 §4.2, RFC 1035 §3.3.2. */
const MINIMAL_ANY = Uint8Array.of(7, ...Buffer.from('RFC8482'), 0)

/** Refresh, retry and expire of our SOA: nobody transfers it, but tools look for sane values. */
const SOA_TIMERS = [3600, 600, 86_400] as const
/** SOA from TYPE on, with TTL, SERIAL and MINIMUM left at 0. RFC 1035 §3.3.13. */
const SOA = soaTemplate()
const SOA_TTL: Octets = 4
const SOA_SERIAL: Octets = SOA.length - 20
const SOA_MINIMUM: Octets = SOA.length - 4

/**
 * A header, the question if it could be read, and the error.
 *
 * @param rcode 16 and above need EDNS (RFC 6891 §6.1.3); without it SERVFAIL is said instead
 */
export function encodeError(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rcode: number,
  ede: Uint8Array | undefined
): Octets {
  encodeHeader(octets, query, 0, 0, rcode, 0, 0, 0)
  return finishReply(octets, query, limit, query.questionEnd, rcode, ede)
}

/** Says of a reply that is written that we speak for the zone: AA. RFC 1035 §4.1.1. */
export function setAuthoritative(octets: Uint8Array, { at }: Query): void {
  octets[at + 2]! |= 0x04
}

/**
 * NXDOMAIN, or NOERROR without an answer (NODATA), with an SOA of our own making in AUTHORITY, so
 * that it can be kept for `ttl`. RFC 2308 §3.
 *
 * @param soaLabel the label of QNAME at which the SOA's owner begins; `query.qname.labels`: root
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
  const { qname } = query
  const root = soaLabel >= qname.labels
  let pos = query.questionEnd
  if (!fits(query, limit, (root ? 1 : 2) + SOA.length)) return encodeTruncated(octets, query)
  if (root) {
    octets[pos++] = 0
  } else {
    setUint16(octets, pos, 0xc000 | (HEADER_SIZE + qname.starts[soaLabel]!))
    pos += 2
  }
  copySoa(octets, pos, ttl, serial)
  encodeHeader(octets, query, 0, 0, rcode, 0, 1, 0)
  return finishReply(octets, query, limit, pos + SOA.length, rcode, ede)
}

/** One address as the answer. @param rdata 4 octets for an A record, 16 for AAAA */
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
 * A text about this server as the answer, in the class of the question (CH, as a rule).
 *
 * @param text one character-string, its length octet first. RFC 1035 §3.3.14
 */
export function encodeText(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  text: Uint8Array
): Octets {
  return encodeRecord(octets, query, limit, RRTYPE.TXT, text, 0, undefined)
}

/** What is said instead of all that there is to say: `HINFO "RFC8482" ""`. RFC 8482 §4.2. */
export function encodeMinimalAny(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  ttl: Seconds
): Octets {
  return encodeRecord(octets, query, limit, RRTYPE.HINFO, MINIMAL_ANY, ttl, undefined)
}

/** A CNAME as the answer. @param target wire form, root label included */
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

/** SOA of our own making as the answer, where QNAME is a zone of ours. RFC 6303 §3. */
export function encodeOwnSoa(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  ttl: Seconds,
  serial: number
): Octets {
  const pos = query.questionEnd
  if (!fits(query, limit, 2 + SOA.length)) return encodeTruncated(octets, query)
  setUint16(octets, pos, 0xc000 | HEADER_SIZE)
  copySoa(octets, pos + 2, ttl, serial)
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, 1, 0, 0)
  return finishReply(octets, query, limit, pos + 2 + SOA.length, RCODE.NOERROR, undefined)
}

/** One record of QNAME as the answer. @param rdata in which a pointer may lead to octet 12 */
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
  const pos = query.questionEnd
  setUint16(octets, pos, 0xc000 | HEADER_SIZE)
  setUint16(octets, pos + 2, type)
  setUint16(octets, pos + 4, query.qclass)
  setUint32(octets, pos + 6, ttl)
  setUint16(octets, pos + 10, rdata.length)
  copyOctets(rdata, 0, rdata.length, octets, pos + RECORD_HEADER_SIZE)
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, 1, 0, 0)
  return finishReply(
    octets,
    query,
    limit,
    pos + RECORD_HEADER_SIZE + rdata.length,
    RCODE.NOERROR,
    ede
  )
}

/** The SOA from TYPE on; it may be kept for `ttl`, and so may what it says not to exist. */
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
