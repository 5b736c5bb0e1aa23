/** Replies of records that a list has for a name. See `local-reply.ts` for how replies are written. */
import { copyOctets, getUint16, setUint16, setUint32 } from '../../base/octets.js'
import type { Octets, Seconds } from '../../base/units.js'
import { type Query } from '../message/query.js'
import { MAX_NAME } from '../name/hashed-name.js'
import { RCODE } from '../registry/rcode.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE } from '../registry/sizes.js'
import { finishReply, fits, encodeHeader, encodeTruncated } from './reply-frame.js'

/** TYPE and RDLENGTH of a record as it is kept. */
const STORED_HEADER_SIZE: Octets = 4
/** Owner that points at QNAME, TYPE, CLASS, TTL, RDLENGTH. RFC 1035 §4.1.3, §4.1.4. */
const RECORD_HEADER_SIZE: Octets = 12
/** The label `*`, in a CNAME's target: QNAME takes its place. */
const WILDCARD_LABEL_SIZE: Octets = 2

/**
 * The records of the type asked for as the answer, with QNAME as their owner: a CNAME whatever is
 * asked; of one type where all are (RFC 8482 §4.1).
 *
 * @param kept TYPE, RDLENGTH, RDATA of each record, in `[from, to)`
 * @returns the reply's length; 0 where there is no record of the type
 */
export function encodeListRecords(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  kept: Uint8Array,
  from: Octets,
  to: Octets,
  ttl: Seconds,
  ede: Uint8Array | undefined
): Octets {
  const type = answerType(kept, from, to, query.qtype)
  const taken = measureRecords(type, kept, from, to, query)
  if (taken === 0) return 0
  if (!fits(query, limit, taken)) return encodeTruncated(octets, query)
  let pos = query.questionEnd
  let count = 0
  for (let at = from; at < to; at += STORED_HEADER_SIZE + getUint16(kept, at + 2)) {
    if (getUint16(kept, at) !== type) continue
    const skipped = wildcardSize(type, kept, at)
    const added = skipped > 0 ? query.qname.length - 1 : 0
    const length = added + getUint16(kept, at + 2) - skipped
    encodeRecordHeader(octets, pos, type, query.qclass, ttl, length)
    const rdata = at + STORED_HEADER_SIZE
    pos = copyOctets(query.qname.octets, 0, added, octets, pos + RECORD_HEADER_SIZE)
    pos = copyOctets(kept, rdata + skipped, rdata + length - added + skipped, octets, pos)
    count++
  }
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, count, 0, 0)
  return finishReply(octets, query, limit, pos, RCODE.NOERROR, ede)
}

/** Octets of all records of a type; 0 where there are none, or a name of theirs gets too long. */
function measureRecords(
  type: number,
  kept: Uint8Array,
  from: Octets,
  to: Octets,
  { qname }: Query
): Octets {
  let room = 0
  for (let at = from; at < to; at += STORED_HEADER_SIZE + getUint16(kept, at + 2)) {
    if (getUint16(kept, at) !== type) continue
    const skipped = wildcardSize(type, kept, at)
    const length = getUint16(kept, at + 2) + (skipped > 0 ? qname.length - 1 - skipped : 0)
    if (skipped > 0 && length > MAX_NAME) return 0
    room += RECORD_HEADER_SIZE + length
  }
  return room
}

/** Of which type the answer is. */
function answerType(kept: Uint8Array, from: Octets, to: Octets, qtype: number): number {
  for (let at = from; at < to; at += STORED_HEADER_SIZE + getUint16(kept, at + 2)) {
    if (getUint16(kept, at) === RRTYPE.CNAME) return RRTYPE.CNAME
  }
  return qtype === RRTYPE.ANY ? getUint16(kept, from) : qtype
}

/** How many octets of RDATA QNAME takes the place of: the label `*` that a CNAME begins with. */
function wildcardSize(type: number, kept: Uint8Array, at: Octets): Octets {
  const rdata = at + STORED_HEADER_SIZE
  const isWild = type === RRTYPE.CNAME && kept[rdata] === 1 && kept[rdata + 1] === 0x2a
  return isWild ? WILDCARD_LABEL_SIZE : 0
}

function encodeRecordHeader(
  octets: Uint8Array,
  at: Octets,
  type: number,
  qclass: number,
  ttl: Seconds,
  length: Octets
): void {
  setUint16(octets, at, 0xc000 | HEADER_SIZE)
  setUint16(octets, at + 2, type)
  setUint16(octets, at + 4, qclass)
  setUint32(octets, at + 6, ttl)
  setUint16(octets, at + 10, length)
}
