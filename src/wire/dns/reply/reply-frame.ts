import { copyOctets, setUint16, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { copyEdes } from './copy-edes.js'
import type { Query } from '../message/query.js'
import { OPCODE } from '../registry/opcode.js'
import { RCODE } from '../registry/rcode.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, OPT_FIXED_SIZE, UDP_PAYLOAD } from '../registry/sizes.js'

/*
 * The parts of every reply: the header before the question, and the OPT record at the end if the
 * query had one. See `local-reply.ts` for how replies are encoded.
 */

const TC = 0x02
const RA = 0x80

/** Encodes an empty answer with TC set: the client retries over TCP. RFC 7766 §5. */
export function encodeTruncated(octets: Uint8Array, query: Query): Octets {
  encodeHeader(octets, query, TC, 0, RCODE.NOERROR, 0, 0)
  return finishReply(octets, query, 0, query.questionEnd, RCODE.NOERROR, undefined)
}

/**
 * Encodes the header: keeps ID, OPCODE, RD and CD of the query, clears Z and AA, and sets the counts;
 * ADDITIONAL has an OPT or nothing. RA is for queries: other opcodes are answered without, as BIND
 * does. RFC 1035 §4.1.1, RFC 4035 §3.2.2 for CD, RFC 6895 §2.
 */
export function encodeHeader(
  octets: Uint8Array,
  query: Query,
  tc: number,
  ad: number,
  rcode: number,
  answers: number,
  authorities: number
): void {
  const { at, edns } = query
  const headerRcode = rcode > 0x0f && !edns ? RCODE.SERVFAIL : rcode & 0x0f
  octets[at + 2] = 0x80 | (octets[at + 2]! & 0x79) | tc
  const ra = query.opcode === OPCODE.QUERY ? RA : 0
  octets[at + 3] = ra | ad | (octets[at + 3]! & 0x10) | headerRcode
  octets[at + 4] = 0
  octets[at + 5] = query.questionEnd > at + HEADER_SIZE ? 1 : 0
  setUint16(octets, at + 6, answers)
  setUint16(octets, at + 8, authorities)
  setUint16(octets, at + 10, edns ? 1 : 0)
}

/** Writes the CNAMEs of `query.aliases` after the question, and returns the position after them. */
export function beginRecords(octets: Uint8Array, { aliases, questionEnd }: Query): Octets {
  if (aliases.count === 0) return questionEnd
  return copyOctets(aliases.octets, 0, aliases.length, octets, questionEnd)
}

/** Encodes the part of a record of `query.qname` before its RDATA of `length` octets. */
export function encodeRecordHeader(
  octets: Uint8Array,
  at: Octets,
  query: Query,
  type: number,
  ttl: Seconds,
  length: Octets
): void {
  setUint16(octets, at, 0xc000 | query.aliases.owner)
  setUint16(octets, at + 2, type)
  setUint16(octets, at + 4, query.qclass)
  setUint32(octets, at + 6, ttl)
  setUint16(octets, at + 10, length)
}

/** Whether `length` octets fit after question and aliases, followed by an OPT if one is required. */
export function fits(query: Query, limit: Octets, length: Octets): boolean {
  const opt = query.edns ? OPT_FIXED_SIZE + query.replyOptionsLength : 0
  return query.questionEnd - query.at + query.aliases.length + length + opt <= limit
}

/**
 * Completes a reply whose records end at `at`: if the query had an OPT, appends an OPT with
 * `query.replyOptions` and the extended errors, that of the rule that made an alias first; what does
 * not fit goes without EXTRA-TEXT or not at all.
 *
 * @param ede as encoded by `encodeEde`
 * @returns the length of the whole reply
 */
export function finishReply(
  octets: Uint8Array,
  query: Query,
  limit: Octets,
  at: Octets,
  rcode: number,
  ede: Uint8Array | undefined
): Octets {
  if (!query.edns) return at - query.at
  const options = at + OPT_FIXED_SIZE
  octets[at] = 0
  setUint16(octets, at + 1, RRTYPE.OPT)
  setUint16(octets, at + 3, UDP_PAYLOAD)
  octets[at + 5] = rcode >> 4
  octets[at + 6] = 0
  octets[at + 7] = query.dnssecOk ? 0x80 : 0
  octets[at + 8] = 0
  let end = options
  if (query.replyOptionsLength > 0) end = copyReplyOptions(octets, options, query)
  const { aliases } = query
  if (aliases.ede !== undefined) end += copyEdes(octets, end, query.at + limit, aliases.ede)
  if (ede !== undefined) end += copyEdes(octets, end, query.at + limit, ede)
  setUint16(octets, at + 9, end - options)
  return end - query.at
}

/** Returns the position after the options. There is always room: see `Query.replyOptions`. */
function copyReplyOptions(octets: Uint8Array, at: Octets, query: Query): Octets {
  return copyOctets(query.replyOptions, 0, query.replyOptionsLength, octets, at)
}
