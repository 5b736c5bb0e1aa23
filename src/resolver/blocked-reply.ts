import { RCODE } from '../dns/registry/rcode.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { encodeListRecords } from '../dns/reply/list-records-reply.js'
import {
  encodeAddress,
  encodeCname,
  encodeError,
  encodeNegative
} from '../dns/reply/local-reply.js'
import { encodeTruncated } from '../dns/reply/reply-frame.js'
import type { Policy } from '../policy/evaluate/policy.js'
import type { PreparedReply } from '../policy/tables/claim.js'
import type { Verdict } from '../policy/tables/verdict.js'
import { MATCH, PROTOCOL } from '../querylog/record/query-event.js'
import type { QueryContext } from './query-context.js'
import { DROP } from './responder.js'

/** Whether the verdict keeps a client that asks over this protocol from the answer. */
export function isBlocked(policy: Policy, verdict: Verdict, protocol: number): boolean {
  if (verdict.claim === -1) return false
  const reply = policy.claims[verdict.claim]!.reply
  if (reply === undefined) return false
  // `truncate` only wants to see the client on TCP, where it proves its address.
  return reply.action !== 'truncate' || protocol !== PROTOCOL.tcp
}

/**
 * Writes what a ban says over the query. One name, one status: a name that has an address for A
 * exists, so its other types are NODATA and never NXDOMAIN (RFC 8020 §2).
 *
 * @param match how the query came to the ban, one of `MATCH`
 * @returns the reply's length, or SILENCE
 */
export function writeBlockedReply(
  lookup: QueryContext,
  policy: Policy,
  verdict: Verdict,
  match: number
): number {
  const { octets, query, maxLength: limit } = lookup
  const reply = policy.claims[verdict.claim]!.reply!
  switch (reply.action) {
    case 'nxdomain':
      return isNameWide(match)
        ? writeNxdomain(lookup, policy, reply, verdict, match)
        : writeNoData(lookup, policy, reply)
    case 'null':
    case 'sinkhole': {
      const rdata = addressFor(query.qtype, reply)
      if (rdata === undefined) return writeNoData(lookup, policy, reply)
      return encodeAddress(octets, query, limit, rdata, reply.ttl, reply.edeOption)
    }
    case 'cname':
      return encodeCname(octets, query, limit, reply.target!, reply.ttl, reply.edeOption)
    case 'nodata':
      return writeNoData(lookup, policy, reply)
    case 'data':
      return writeData(lookup, policy, reply, verdict)
    case 'refused':
      return encodeError(octets, query, limit, RCODE.REFUSED, reply.edeOption)
    case 'drop':
      return DROP
    case 'truncate':
      return encodeTruncated(octets, query)
  }
}

/** The RCODE that `writeAction` gives, for the record of the lookup. */
export function blockedRcode(reply: PreparedReply, match: number): number {
  if (reply.action === 'nxdomain' && isNameWide(match)) return RCODE.NXDOMAIN
  return reply.action === 'refused' ? RCODE.REFUSED : RCODE.NOERROR
}

/**
 * Whether the ban holds for the whole name. Where only one type's answer leads to a banned name or
 * address, other types of the name still exist, and so does the name.
 */
function isNameWide(match: number): boolean {
  return match !== MATCH.address && match !== MATCH.svcb
}

/** What a list has of the type asked for; NODATA where it has other types only. */
function writeData(
  lookup: QueryContext,
  policy: Policy,
  reply: PreparedReply,
  verdict: Verdict
): number {
  const { octets, query, maxLength: limit } = lookup
  const data = policy.findLocalData(verdict)
  const { from, to } = data
  const length = encodeListRecords(
    octets,
    query,
    limit,
    data.octets,
    from,
    to,
    reply.ttl,
    reply.edeOption
  )
  return length > 0 ? length : writeNoData(lookup, policy, reply)
}

function addressFor(qtype: number, reply: PreparedReply): Uint8Array | undefined {
  if (qtype === RRTYPE.A) return reply.ipv4
  return qtype === RRTYPE.AAAA ? reply.ipv6 : undefined
}

function writeNxdomain(
  { octets, query, maxLength: limit }: QueryContext,
  policy: Policy,
  reply: PreparedReply,
  verdict: Verdict,
  match: number
): number {
  // The SOA stands at the parent of the banned name, since a name that does not exist is no zone;
  // at the parent of QNAME where an answer led to the ban. RFC 2308 §3.
  const missing = match === MATCH.qname ? verdict.label : 0
  const soa = missing < query.qname.labels ? missing + 1 : missing
  const { ttl, edeOption } = reply
  const serial = policy.snapshot.generation
  return encodeNegative(octets, query, limit, RCODE.NXDOMAIN, soa, ttl, serial, edeOption)
}

function writeNoData(
  { octets, query, maxLength: limit }: QueryContext,
  policy: Policy,
  reply: PreparedReply
): number {
  const { ttl, edeOption } = reply
  const serial = policy.snapshot.generation
  return encodeNegative(octets, query, limit, RCODE.NOERROR, 0, ttl, serial, edeOption)
}
