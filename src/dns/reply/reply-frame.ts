import { copyOctets, setUint16 } from '../../base/octets.js'
import type { Octets } from '../../base/units.js'
import { copyEdes } from '../edns/ede-option.js'
import { type Query } from '../message/query.js'
import { RCODE } from '../registry/rcode.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, OPT_FIXED_SIZE, UDP_PAYLOAD } from '../registry/sizes.js'

/*
 * What every reply has: the header before the question, and the OPT record that ends it if the
 * query had one. See `local-reply.ts` for how replies are written.
 */

const TC = 0x02
const RA = 0x80

/** An empty answer with TC set: come again over TCP. RFC 7766 §5. */
export function encodeTruncated(octets: Uint8Array, query: Query): Octets {
  encodeHeader(octets, query, TC, 0, RCODE.NOERROR, 0, 0, 0)
  return finishReply(octets, query, 0, query.questionEnd, RCODE.NOERROR, undefined)
}

/**
 * The header: ID, OPCODE, RD and CD stay those of the query, Z and AA are cleared; the counts, to
 * which that of ADDITIONAL adds our OPT. RFC 1035 §4.1.1, RFC 4035 §3.2.2 for CD.
 */
export function encodeHeader(
  octets: Uint8Array,
  query: Query,
  tc: number,
  ad: number,
  rcode: number,
  answers: number,
  authorities: number,
  additionals: number
): void {
  const { at, edns } = query
  const said = rcode > 0x0f && !edns ? RCODE.SERVFAIL : rcode & 0x0f
  octets[at + 2] = 0x80 | (octets[at + 2]! & 0x79) | tc
  octets[at + 3] = RA | ad | (octets[at + 3]! & 0x10) | said
  octets[at + 4] = 0
  octets[at + 5] = query.questionEnd > at + HEADER_SIZE ? 1 : 0
  setUint16(octets, at + 6, answers)
  setUint16(octets, at + 8, authorities)
  setUint16(octets, at + 10, edns ? additionals + 1 : additionals)
}

/** Whether `length` octets fit after the question, and an OPT after them if there has to be one. */
export function fits(query: Query, limit: Octets, length: Octets): boolean {
  const opt = query.edns ? OPT_FIXED_SIZE + query.replyOptionsLength : 0
  return query.questionEnd - query.at + length + opt <= limit
}

/**
 * Ends a reply whose records end at `at`: if the query had an OPT, so has the reply, and in it what
 * the query asked to have returned, and the extended error if it fits; else that without its text,
 * else nothing of it.
 *
 * @param ede as `encodeEde` prepares it
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
  if (ede !== undefined) end += copyEdes(octets, end, query.at + limit, ede)
  setUint16(octets, at + 9, end - options)
  return end - query.at
}

/** Returns the position after them. There is room always: see `Query.replyOptions`. */
function copyReplyOptions(octets: Uint8Array, at: Octets, query: Query): Octets {
  const { replyOptions: returned, replyOptionsLength: returnedLength } = query
  return copyOctets(returned, 0, returnedLength, octets, at)
}
