/** Replies with the records that a list (RPZ local data) has for a name. See `local-reply.ts`. */
import { copyOctets, getUint16 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { Query } from '../message/query.js'
import { MAX_NAME } from '../name/hashed-name.js'
import { RCODE } from '../registry/rcode.js'
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

/** TYPE and RDLENGTH of a stored record. */
const STORED_HEADER_SIZE: Octets = 4

/** Size of a label `*` at the start of a CNAME's target, which QNAME replaces. */
const WILDCARD_LABEL_SIZE: Octets = 2

/**
 * Encodes the list's records of QTYPE as the answer, with `query.qname` as owner. A CNAME answers any QTYPE;
 * for ANY the answer has one RR type only (RFC 8482 §4.1).
 *
 * @param stored TYPE, RDLENGTH, RDATA of each record, in `[from, to)`
 * @returns the reply's length; 0 without a record of the type
 */
export function encodeListRecords(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  stored: Uint8Array,
  from: Octets,
  to: Octets,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  const type = answerType(stored, from, to, query.qtype)
  const size = measureRecords(type, stored, from, to, query)
  if (size === 0) return 0
  if (!fits(query, limit, size)) return encodeTruncated(octets, query)
  let pos = beginRecords(octets, query)
  let { count } = query.aliases
  for (let at = from; at < to; at += STORED_HEADER_SIZE + getUint16(stored, at + 2)) {
    if (getUint16(stored, at) !== type) continue
    const replaced = wildcardSize(type, stored, at)
    const added = replaced > 0 ? query.qname.length - 1 : 0
    const length = added + getUint16(stored, at + 2) - replaced
    encodeRecordHeader(octets, pos, query, type, ttl, length)
    const rdata = at + STORED_HEADER_SIZE
    pos = copyOctets(query.qname.octets, 0, added, octets, pos + RECORD_HEADER_SIZE)
    pos = copyOctets(stored, rdata + replaced, rdata + length - added + replaced, octets, pos)
    count++
  }
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, count, 0)
  return finishReply(octets, query, limit, pos, RCODE.NOERROR, ede)
}

/** Size of all records of a type; 0 if there are none, or a name would be too long. */
function measureRecords(
  type: number,
  stored: Uint8Array,
  from: Octets,
  to: Octets,
  { qname }: Query
): Octets {
  let room = 0
  for (let at = from; at < to; at += STORED_HEADER_SIZE + getUint16(stored, at + 2)) {
    if (getUint16(stored, at) !== type) continue
    const replaced = wildcardSize(type, stored, at)
    const length = getUint16(stored, at + 2) + (replaced > 0 ? qname.length - 1 - replaced : 0)
    if (replaced > 0 && length > MAX_NAME) return 0
    room += RECORD_HEADER_SIZE + length
  }
  return room
}

/** The RR type of the answer. */
function answerType(stored: Uint8Array, from: Octets, to: Octets, qtype: number): number {
  for (let at = from; at < to; at += STORED_HEADER_SIZE + getUint16(stored, at + 2)) {
    if (getUint16(stored, at) === RRTYPE.CNAME) return RRTYPE.CNAME
  }
  return qtype === RRTYPE.ANY ? getUint16(stored, from) : qtype
}

/**
 * Writes the target of the list's CNAME to `into`, if it has one.
 *
 * @param stored as for `encodeListRecords`
 * @returns the length of the target; 0 without a CNAME, or if its target would be too long
 */
export function listAlias(
  stored: Uint8Array,
  from: Octets,
  to: Octets,
  { qname }: Query,
  into: Uint8Array
): Octets {
  for (let at = from; at < to; at += STORED_HEADER_SIZE + getUint16(stored, at + 2)) {
    if (getUint16(stored, at) !== RRTYPE.CNAME) continue
    const rdata = at + STORED_HEADER_SIZE
    const replaced = wildcardSize(RRTYPE.CNAME, stored, at)
    const added = replaced > 0 ? qname.length - 1 : 0
    const kept = getUint16(stored, at + 2) - replaced
    if (added + kept > MAX_NAME) return 0
    copyOctets(qname.octets, 0, added, into, 0)
    return copyOctets(stored, rdata + replaced, rdata + replaced + kept, into, added)
  }
  return 0
}

/** How many octets of RDATA are replaced by QNAME: the label `*` at the start of a CNAME. */
function wildcardSize(type: number, stored: Uint8Array, at: Octets): Octets {
  const rdata = at + STORED_HEADER_SIZE
  const isWild = type === RRTYPE.CNAME && stored[rdata] === 1 && stored[rdata + 1] === 0x2a
  return isWild ? WILDCARD_LABEL_SIZE : 0
}
