/** Replies with local records: see `local-reply.ts`. AA is set by `setAuthoritative`. RFC 1035 §4.1.1. */
import {
  copyOctets,
  getUint16,
  getUint32,
  setUint16,
  setUint32
} from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import type { Query } from '../message/query.js'
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

/** TYPE, TTL and RDLENGTH of a stored record; RDATA follows. */
export const STORED_RECORD_HEADER: Octets = 8

/**
 * Encodes the records of a type as the answer, with `query.qname` as owner.
 *
 * @param stored TYPE, TTL, RDLENGTH, RDATA of each record, in `[from, to)`; RDATA has no compressed names
 * @param type ANY: all records
 * @returns the reply's length; 0 without a record of the type
 */
export function encodeRecords(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  stored: Uint8Array,
  from: Octets,
  to: Octets,
  type: number
): Octets {
  const size = measureRecords(stored, from, to, type)
  if (size === 0) return 0
  if (!fits(query, limit, size)) return encodeTruncated(octets, query)
  let pos = beginRecords(octets, query)
  let { count } = query.aliases
  for (let at = from; at < to; at = nextRecord(stored, at)) {
    const own = getUint16(stored, at)
    if (own !== type && type !== RRTYPE.ANY) continue
    const length = getUint16(stored, at + 6)
    encodeRecordHeader(octets, pos, query, own, getUint32(stored, at + 2), length)
    const rdata = at + STORED_RECORD_HEADER
    pos = copyOctets(stored, rdata, rdata + length, octets, pos + RECORD_HEADER_SIZE)
    count++
  }
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, count, 0)
  return finishReply(octets, query, limit, pos, RCODE.NOERROR, undefined)
}

/** Position of a record of a type among stored ones; -1: there is none. */
export function findRecord(stored: Uint8Array, from: Octets, to: Octets, type: number): Octets {
  for (let at = from; at < to; at = nextRecord(stored, at))
    if (getUint16(stored, at) === type) return at
  return -1
}

/**
 * Encodes NXDOMAIN or NODATA with the SOA of a local zone in AUTHORITY. RFC 2308 §3.
 *
 * @param soaLabel label of `query.qname` at which the zone begins; its `labels` for the root
 * @param stored RDATA of the SOA, in `[from, to)`
 */
export function encodeZoneNegative(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  rcode: number,
  soaLabel: number,
  ttl: number,
  stored: Uint8Array,
  from: Octets,
  to: Octets
): Octets {
  const { qname, aliases } = query
  const isRoot = soaLabel >= qname.labels
  const owner = isRoot ? 1 : 2
  const length = to - from
  if (!fits(query, limit, owner + RECORD_HEADER_SIZE - 2 + length))
    return encodeTruncated(octets, query)
  let pos = beginRecords(octets, query)
  if (isRoot) octets[pos] = 0
  else setUint16(octets, pos, 0xc000 | (aliases.owner + qname.starts[soaLabel]!))
  pos += owner
  setUint16(octets, pos, RRTYPE.SOA)
  setUint16(octets, pos + 2, RRCLASS.IN)
  setUint32(octets, pos + 4, ttl)
  setUint16(octets, pos + 8, length)
  pos = copyOctets(stored, from, to, octets, pos + 10)
  encodeHeader(octets, query, 0, 0, rcode, aliases.count, 1)
  return finishReply(octets, query, limit, pos, rcode, undefined)
}

function nextRecord(stored: Uint8Array, at: Octets): Octets {
  return at + STORED_RECORD_HEADER + getUint16(stored, at + 6)
}

function measureRecords(stored: Uint8Array, from: Octets, to: Octets, type: number): Octets {
  let size = 0
  for (let at = from; at < to; at = nextRecord(stored, at)) {
    if (getUint16(stored, at) !== type && type !== RRTYPE.ANY) continue
    size += RECORD_HEADER_SIZE + getUint16(stored, at + 6)
  }
  return size
}
