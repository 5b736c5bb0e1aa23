import type { Seconds } from '../../base/units.js'
import { readName } from '../../wire/dns/name/name.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { encodeDesignation } from '../../wire/dns/reply/designation-reply.js'
import { encodeNegative, encodeOwnSoa, encodeRecord } from '../../wire/dns/reply/local-reply.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { SpecialUseEntry } from '../../policy/tables/special-use-names.js'
import type { QueryContext } from '../context/query-context.js'
import type { Code } from '../../base/code.js'

/** TTL of local replies: they change only with the settings. */
const TTL: Seconds = 3600

/** RFC 6761 §6.3. */
const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1)
const LOOPBACK6 = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0))
const LOCALHOST = readName('localhost')

export type LocalReply = Code<'local reply'>

/** Replies to questions for special-use names. */
export const LOCAL_REPLY = {
  /** No local reply: the question belongs to an upstream. */
  forward: 0 as LocalReply,
  nxdomain: 1 as LocalReply,
  nodata: 2 as LocalReply,
  /** A record of one of these types. */
  loopback4: 3 as LocalReply,
  loopback6: 4 as LocalReply,
  pointer: 5 as LocalReply,
  nameServer: 6 as LocalReply,
  soa: 7 as LocalReply,
  /** Where the encrypted listeners of this gateway are. */
  designation: 8 as LocalReply
} as const

/** Chooses the reply for the special-use name that `context.decision` is about. */
export function chooseLocalReply(context: QueryContext, policy: Policy): LocalReply {
  const { query, decision } = context
  const { qtype } = query
  const entry = policy.specialUseOf(decision.entry)
  const apex = apexOf(context, entry)
  switch (entry.kind) {
    case 'forwarded':
      return LOCAL_REPLY.forward
    case 'nxdomain':
      return LOCAL_REPLY.nxdomain
    case 'loopback':
      if (qtype === RRTYPE.A) return LOCAL_REPLY.loopback4
      return qtype === RRTYPE.AAAA ? LOCAL_REPLY.loopback6 : LOCAL_REPLY.nodata
    case 'nodata':
      return belongsToParent(qtype, apex) ? LOCAL_REPLY.forward : LOCAL_REPLY.nodata
    case 'designation':
      if (qtype === RRTYPE.SVCB) return LOCAL_REPLY.designation
      // The gateway's own name is in a zone of somebody's; resolver.arpa is nobody's.
      return apex === 0 ? LOCAL_REPLY.forward : LOCAL_REPLY.nodata
    case 'empty-zone':
      if (belongsToParent(qtype, apex)) return LOCAL_REPLY.forward
      // The zone is empty below this name; a name that has an entry of its own exists.
      if (decision.label > 0) return LOCAL_REPLY.nxdomain
      if (entry.pointer && qtype === RRTYPE.PTR) return LOCAL_REPLY.pointer
      if (apex === 0 && qtype === RRTYPE.NS) return LOCAL_REPLY.nameServer
      return apex === 0 && qtype === RRTYPE.SOA ? LOCAL_REPLY.soa : LOCAL_REPLY.nodata
  }
}

/** Writes `reply`, which is not `forward`, over the query; returns its length. */
export function writeLocalReply(context: QueryContext, policy: Policy, reply: LocalReply): number {
  const { octets, query, maxLength } = context
  const serial = policy.snapshot.generation
  switch (reply) {
    case LOCAL_REPLY.loopback4:
      return writeRecord(context, RRTYPE.A, LOOPBACK4)
    case LOCAL_REPLY.loopback6:
      return writeRecord(context, RRTYPE.AAAA, LOOPBACK6)
    case LOCAL_REPLY.pointer:
      return writeRecord(context, RRTYPE.PTR, LOCALHOST)
    case LOCAL_REPLY.nameServer:
      return writeRecord(context, RRTYPE.NS, ownName(context))
    case LOCAL_REPLY.soa:
      return encodeOwnSoa(octets, query, maxLength, TTL, serial)
    case LOCAL_REPLY.designation: {
      const { records } = policy.specialUseOf(context.decision.entry)
      return encodeDesignation(octets, query, maxLength, records!)
    }
    default: {
      const entry = policy.specialUseOf(context.decision.entry)
      const apex = apexOf(context, entry)
      // A name that does not exist is not a zone: the SOA is that of its parent.
      const soa = entry.kind === 'nxdomain' ? apex + 1 : apex
      const rcode = localRcode(reply)
      return encodeNegative(octets, query, maxLength, rcode, soa, TTL, serial, entry.edeOption)
    }
  }
}

/** RCODE of a reply. */
export function localRcode(reply: LocalReply): number {
  return reply === LOCAL_REPLY.nxdomain ? RCODE.NXDOMAIN : RCODE.NOERROR
}

/** INFO-CODE of a reply to a query with EDNS; -1: none. */
export function localEde(reply: LocalReply): number {
  return reply === LOCAL_REPLY.nxdomain || reply === LOCAL_REPLY.nodata ? EDE.OTHER : -1
}

/** A pointer to the name itself: an empty zone is its own name server. RFC 6303 §3. */
function ownName({ query }: QueryContext): Uint8Array {
  const { owner } = query.aliases
  return Uint8Array.of(0xc0 | (owner >> 8), owner & 0xff)
}

/** The label of QNAME at which the special-use zone begins. */
function apexOf({ query }: QueryContext, { zoneLabels }: SpecialUseEntry): number {
  return query.qname.labels - zoneLabels
}

/**
 * DS at a zone's apex belongs to the parent zone, where validators learn that the zone may be
 * unsigned. RFC 4035 §3.1.4.1, RFC 6303 §3.
 */
function belongsToParent(qtype: number, apex: number): boolean {
  return qtype === RRTYPE.DS && apex === 0
}

function writeRecord(
  { octets, query, maxLength }: QueryContext,
  type: number,
  rdata: Uint8Array
): number {
  return encodeRecord(octets, query, maxLength, type, rdata, TTL, undefined)
}
