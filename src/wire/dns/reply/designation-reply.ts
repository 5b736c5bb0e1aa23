import { copyOctets, setUint16 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { Query } from '../message/query.js'
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

/** The encrypted listeners of this gateway as records, ready to send. Plain data. */
export interface DesignationRecords {
  /** RDATA of each SVCB record. RFC 9460 §2.2. */
  readonly rdata: readonly Uint8Array[]
  /** Complete A and AAAA records of the target name. */
  readonly additionals: Uint8Array
  readonly additionalCount: number
  readonly ttl: Seconds
}

/**
 * Encodes where encrypted DNS is offered: SVCB records of `query.qname`, and the addresses of their target
 * in ADDITIONAL if they fit (RFC 9462 §4). As the functions of `local-reply.ts`.
 */
export function encodeDesignation(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  { rdata, additionals, additionalCount, ttl }: DesignationRecords
): Octets {
  let size = 0
  for (const { length } of rdata) size += RECORD_HEADER_SIZE + length
  if (!fits(query, limit, size)) return encodeTruncated(octets, query)
  let pos = beginRecords(octets, query)
  for (const one of rdata) {
    encodeRecordHeader(octets, pos, query, RRTYPE.SVCB, ttl, one.length)
    pos = copyOctets(one, 0, one.length, octets, pos + RECORD_HEADER_SIZE)
  }
  encodeHeader(octets, query, 0, 0, RCODE.NOERROR, query.aliases.count + rdata.length, 0)
  if (fits(query, limit, size + additionals.length)) {
    pos = copyOctets(additionals, 0, additionals.length, octets, pos)
    setUint16(octets, query.at + 10, additionalCount + (query.edns ? 1 : 0))
  }
  return finishReply(octets, query, limit, pos, RCODE.NOERROR, undefined)
}
