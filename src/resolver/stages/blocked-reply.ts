import { copyOctets } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { encodeListRecords, listAlias } from '../../wire/dns/reply/list-records-reply.js'
import {
  encodeAddress,
  encodeCname,
  encodeError,
  encodeNegative
} from '../../wire/dns/reply/local-reply.js'
import { encodeTruncated } from '../../wire/dns/reply/reply-frame.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { Claim, PreparedReply } from '../../policy/tables/claim.js'
import type { Decision } from '../../policy/tables/decision.js'
import { MATCH, type Match } from '../../lookups/event/query-event.js'
import type { QueryContext } from '../context/query-context.js'
import { DROP } from '../context/responder.js'

/** Whether the decision blocks. */
export function isBlocked(policy: Policy, { claim }: Decision): boolean {
  return claim !== -1 && policy.claims.at(claim)!.reply !== undefined
}

/**
 * Writes the block reply over the query. A name either exists or does not: if A gets an address,
 * other types get NODATA and never NXDOMAIN (RFC 8020 §2). Only a response policy zone may say
 * otherwise.
 *
 * @param match how the query came to the blocked name or address
 * @returns the reply's length, or DROP
 */
export function writeBlockedReply(
  context: QueryContext,
  policy: Policy,
  decision: Decision,
  match: Match
): number {
  const { octets, query, maxLength } = context
  const claim = policy.claims.at(decision.claim)!
  const reply = claim.reply!
  const ede = context.edeOf(policy, claim)
  switch (reply.action) {
    case 'nxdomain':
      return deniesName(claim, match)
        ? writeNxdomain(context, policy, reply, ede, decision, match)
        : writeNoData(context, policy, reply, ede)
    case 'null-address':
    case 'sinkhole': {
      const rdata = addressFor(query.qtype, reply)
      if (rdata === undefined) return writeNoData(context, policy, reply, ede)
      return encodeAddress(octets, query, maxLength, rdata, reply.ttl, ede)
    }
    case 'cname':
      return encodeCname(octets, query, maxLength, reply.target!, reply.ttl, ede)
    case 'nodata':
      return writeNoData(context, policy, reply, ede)
    case 'data':
      return writeData(context, policy, reply, ede, decision)
    case 'refused':
      return encodeError(octets, query, maxLength, RCODE.REFUSED, ede)
    case 'drop':
      return DROP
    // Only over UDP: it moves the client to TCP, where its address cannot be spoofed.
    case 'truncate':
      return encodeTruncated(octets, query)
  }
}

/**
 * Whether the reply is an alias that has to be resolved, so that clients get addresses: few of them
 * ask for the target themselves. Without RD nothing is resolved.
 *
 * @returns length of the alias's target, which is then in `context.target`; 0: no such alias
 */
export function findAliasTarget(context: QueryContext, policy: Policy, decision: Decision): Octets {
  const { query, target } = context
  if (!query.recursionDesired || !context.followsAliases) return 0
  const reply = policy.claims.at(decision.claim)!.reply!
  if (reply.action === 'cname') return copyOctets(reply.target!, 0, reply.target!.length, target, 0)
  if (reply.action !== 'data') return 0
  const { octets, from, to } = policy.findLocalData(decision)
  return listAlias(octets, from, to, query, target)
}

/** The RCODE that `writeBlockedReply` writes for a claim that blocks, for the query log. */
export function blockedRcode(claim: Claim, match: Match): number {
  const { action } = claim.reply!
  if (action === 'nxdomain' && deniesName(claim, match)) return RCODE.NXDOMAIN
  return action === 'refused' ? RCODE.REFUSED : RCODE.NOERROR
}

/**
 * Whether NXDOMAIN may be the reply. If only the answer of one type contains a blocked name or
 * address, other types of the name still exist, and so does the name; but for an address trigger of
 * a response policy zone, NXDOMAIN is what the zone's author expects. draft-vixie-dnsop-dns-rpz §3.1.
 */
function deniesName({ source }: Claim, match: Match): boolean {
  if (match === MATCH.address) return source.triggerRank !== undefined
  return match !== MATCH.svcb
}

/** The list's records of the query type; NODATA if it has other types only. */
function writeData(
  context: QueryContext,
  policy: Policy,
  reply: PreparedReply,
  ede: Uint8Array,
  decision: Decision
): number {
  const { octets, query, maxLength } = context
  const data = policy.findLocalData(decision)
  const { from, to } = data
  const length = encodeListRecords(octets, query, maxLength, data.octets, from, to, reply.ttl, ede)
  return length > 0 ? length : writeNoData(context, policy, reply, ede)
}

function addressFor(qtype: number, reply: PreparedReply): Uint8Array | undefined {
  if (qtype === RRTYPE.A) return reply.ipv4
  return qtype === RRTYPE.AAAA ? reply.ipv6 : undefined
}

function writeNxdomain(
  { octets, query, maxLength }: QueryContext,
  policy: Policy,
  { ttl }: PreparedReply,
  ede: Uint8Array,
  decision: Decision,
  match: Match
): number {
  // A name that does not exist is not a zone, so the SOA is that of the parent: of the blocked name,
  // or of QNAME if the answer contains the blocked name. RFC 2308 §3.
  const missing = match === MATCH.qname ? decision.label : 0
  const soa = missing < query.qname.labels ? missing + 1 : missing
  const serial = policy.snapshot.generation
  return encodeNegative(octets, query, maxLength, RCODE.NXDOMAIN, soa, ttl, serial, ede)
}

function writeNoData(
  { octets, query, maxLength }: QueryContext,
  policy: Policy,
  { ttl }: PreparedReply,
  ede: Uint8Array
): number {
  const serial = policy.snapshot.generation
  return encodeNegative(octets, query, maxLength, RCODE.NOERROR, 0, ttl, serial, ede)
}
