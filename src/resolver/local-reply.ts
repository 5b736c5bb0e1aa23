import type { Seconds } from '../base/units.js'
import { readName } from '../dns/name/name.js'
import { RCODE } from '../dns/registry/rcode.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { HEADER_SIZE } from '../dns/registry/sizes.js'
import { encodeNegative, encodeOwnSoa, encodeRecord } from '../dns/reply/local-reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import type { SpecialUseEntry } from '../policy/tables/special-use-names.js'
import { CONTINUE, type QueryContext } from './query-context.js'

/** TTL of what is said of special-use names: only new settings change it. */
const TTL: Seconds = 3600

/** RFC 6761 §6.3. */
const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1)
const LOOPBACK6 = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0))
const LOCALHOST = readName('localhost')
/** A pointer to QNAME: the server of an empty zone is the zone. RFC 6303 §3. */
const QNAME_POINTER = Uint8Array.of(0xc0, HEADER_SIZE)

/**
 * Answers a question for a special-use name, which the verdict of `lookup` is about.
 *
 * @returns the reply's length; GO_ON where an upstream knows better
 */
export function writeLocalReply(lookup: QueryContext, policy: Policy): number {
  const { qname, qtype } = lookup.query
  const local = policy.specialUseOf(lookup.verdict.entry)
  const apex = qname.labels - local.zoneLabels
  switch (local.kind) {
    case 'open':
      return CONTINUE
    case 'absent':
      // What does not exist is no zone: the SOA is its parent's.
      return writeNegativeReply(lookup, policy, local, RCODE.NXDOMAIN, apex + 1)
    case 'loopback':
      if (qtype === RRTYPE.A) return writeData(lookup, RRTYPE.A, LOOPBACK4)
      if (qtype === RRTYPE.AAAA) return writeData(lookup, RRTYPE.AAAA, LOOPBACK6)
      return writeNegativeReply(lookup, policy, local, RCODE.NOERROR, apex)
    case 'bare':
      if (belongsToParent(qtype, apex)) return CONTINUE
      return writeNegativeReply(lookup, policy, local, RCODE.NOERROR, apex)
    case 'zone':
      return writeFromZone(lookup, policy, local, apex)
  }
}

function writeFromZone(
  lookup: QueryContext,
  policy: Policy,
  local: SpecialUseEntry,
  apex: number
): number {
  const { octets, query, maxLength: limit, verdict } = lookup
  const { qtype } = query
  if (belongsToParent(qtype, apex)) return CONTINUE
  // Nothing is said of the names below, but one of which something is said exists.
  if (verdict.label > 0) return writeNegativeReply(lookup, policy, local, RCODE.NXDOMAIN, apex)
  if (local.pointer && qtype === RRTYPE.PTR) return writeData(lookup, RRTYPE.PTR, LOCALHOST)
  if (apex === 0 && qtype === RRTYPE.NS) return writeData(lookup, RRTYPE.NS, QNAME_POINTER)
  if (apex === 0 && qtype === RRTYPE.SOA) {
    return encodeOwnSoa(octets, query, limit, TTL, policy.snapshot.generation)
  }
  return writeNegativeReply(lookup, policy, local, RCODE.NOERROR, apex)
}

/**
 * DS at a zone's apex is data of the parent, and what says to those who validate that the zone may
 * be unsigned. RFC 4035 §3.1.4.1, RFC 6303 §3.
 */
function belongsToParent(qtype: number, apex: number): boolean {
  return qtype === RRTYPE.DS && apex === 0
}

function writeData(
  { octets, query, maxLength: limit }: QueryContext,
  type: number,
  rdata: Uint8Array
): number {
  return encodeRecord(octets, query, limit, type, rdata, TTL, undefined)
}

function writeNegativeReply(
  { octets, query, maxLength: limit }: QueryContext,
  policy: Policy,
  { edeOption }: SpecialUseEntry,
  rcode: number,
  soaLabel: number
): number {
  const serial = policy.snapshot.generation
  return encodeNegative(octets, query, limit, rcode, soaLabel, TTL, serial, edeOption)
}
