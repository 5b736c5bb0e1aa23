import { copyOctets, getUint16, getUint32 } from '../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../base/units.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { encodeNegative, setAuthoritative } from '../../wire/dns/reply/local-reply.js'
import {
  encodeRecords,
  encodeZoneNegative,
  findRecord,
  STORED_RECORD_HEADER
} from '../../wire/dns/reply/local-records-reply.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { NODE, NODE_HEADER, OWN_SOA } from '../../policy/rules/records/record-nodes.js'
import type { RecordTable } from '../../policy/tables/record-table.js'
import type { QueryContext } from '../context/query-context.js'
import { rcodeOf } from '../context/responder.js'

/** Whether a name has records, or is in a zone, such that no upstream is to be queried. */
export function answersHere({ query }: QueryContext, node: RecordTable): boolean {
  // The parent zone says whether a zone is signed: RFC 4035 §3.1.4.1.
  return query.qtype !== RRTYPE.DS || !isApex(query.qname.labels, node) || hasType(node, RRTYPE.DS)
}

/**
 * Whether the records make an alias of the name that has to be resolved; without RD nothing is.
 *
 * @returns the length of its target, which is then in `context.target`; 0: no alias
 */
export function recordAlias(context: QueryContext, node: RecordTable): Octets {
  const { query, target } = context
  if (!query.recursionDesired || !context.followsAliases) return 0
  const at = findRecord(node.octets, recordsOf(node), node.to, RRTYPE.CNAME)
  if (at === -1) return 0
  const rdata = at + STORED_RECORD_HEADER
  return copyOctets(node.octets, rdata, rdata + getUint16(node.octets, at + 6), target, 0)
}

/** TTL of the node's CNAME. */
export function aliasTtl(node: RecordTable): Seconds {
  const at = findRecord(node.octets, recordsOf(node), node.to, RRTYPE.CNAME)
  return getUint32(node.octets, at + 2)
}

/** Sets AA in a reply whose first record is a CNAME of local records, unless it failed. */
export function markAlias({ octets, query }: QueryContext): void {
  const rcode = rcodeOf(octets, query.at)
  if (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN) setAuthoritative(octets, query)
}

/** RCODE of the node's negative answers. */
export function recordRcode({ octets, from }: RecordTable): number {
  return octets[from] === NODE.nxdomain ? RCODE.NXDOMAIN : RCODE.NOERROR
}

/** Writes the answer of a local zone over the query; returns its length. */
export function writeRecords(context: QueryContext, policy: Policy, node: RecordTable): Octets {
  const { octets, query, maxLength } = context
  const start = recordsOf(node)
  const { octets: stored, to } = node
  const isAlias = findRecord(stored, start, to, RRTYPE.CNAME) !== -1
  const type = isAlias ? RRTYPE.CNAME : query.qtype
  const length =
    encodeRecords(octets, query, maxLength, stored, start, to, type) ||
    writeNegative(context, policy, node)
  // AA is about the first owner name: RFC 1035 §4.1.1.
  if (!context.isAliased || context.isZoneAlias) setAuthoritative(octets, query)
  return length
}

function writeNegative(context: QueryContext, policy: Policy, node: RecordTable): Octets {
  const { octets, query, maxLength } = context
  const { octets: stored, from } = node
  const rcode = recordRcode(node)
  const ttl = getUint32(stored, from + 2)
  const labels = stored[from + 1]!
  if (labels === OWN_SOA) {
    const serial = policy.snapshot.generation
    return encodeNegative(octets, query, maxLength, rcode, 0, ttl, serial, undefined)
  }
  const apex = query.qname.labels - labels
  const soa = from + NODE_HEADER
  const end = recordsOf(node)
  return encodeZoneNegative(octets, query, maxLength, rcode, apex, ttl, stored, soa, end)
}

/** Where the records of a node begin. */
function recordsOf({ octets, from }: RecordTable): Octets {
  return from + NODE_HEADER + getUint16(octets, from + 6)
}

function isApex(labels: number, { octets, from }: RecordTable): boolean {
  return octets[from + 1] === labels
}

function hasType(node: RecordTable, type: number): boolean {
  return findRecord(node.octets, recordsOf(node), node.to, type) !== -1
}
