import type { Seconds } from '../base/units.js'
import { readName } from '../dns/name/name.js'
import { RCODE } from '../dns/registry/rcode.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { HEADER_SIZE } from '../dns/registry/sizes.js'
import { writeNegative, writeOwnSoa, writeRecord } from '../dns/reply/reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import type { SpecialUseEntry } from '../policy/tables/snapshot.js'
import { GO_ON, type Lookup } from './lookup.js'

/** TTL of what is said of special-use names: only new settings change it. */
const TTL: Seconds = 3600

/** RFC 6761 §6.3. */
const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1)
const LOOPBACK6 = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0))
const LOCALHOST = readName('localhost')
/** A pointer to QNAME: the server of an empty zone is the zone. RFC 6303 §3. */
const SELF = Uint8Array.of(0xc0, HEADER_SIZE)

/**
 * Answers a question for a special-use name, which the verdict of `lookup` is about.
 *
 * @returns the reply's length; GO_ON where an upstream knows better
 */
export function writeLocal(lookup: Lookup, policy: Policy): number {
  const { qname, qtype } = lookup.query
  const local = policy.specialUseOf(lookup.verdict.entry)
  const apex = qname.labels - local.zoneLabels
  switch (local.kind) {
    case 'open':
      return GO_ON
    case 'absent':
      // What does not exist is no zone: the SOA is its parent's.
      return negative(lookup, policy, local, RCODE.NXDOMAIN, apex + 1)
    case 'loopback':
      if (qtype === RRTYPE.A) return data(lookup, RRTYPE.A, LOOPBACK4)
      if (qtype === RRTYPE.AAAA) return data(lookup, RRTYPE.AAAA, LOOPBACK6)
      return negative(lookup, policy, local, RCODE.NOERROR, apex)
    case 'bare':
      if (isParents(qtype, apex)) return GO_ON
      return negative(lookup, policy, local, RCODE.NOERROR, apex)
    case 'zone':
      return writeFromZone(lookup, policy, local, apex)
  }
}

function writeFromZone(
  lookup: Lookup,
  policy: Policy,
  local: SpecialUseEntry,
  apex: number
): number {
  const { octets, query, limit, verdict } = lookup
  const { qtype } = query
  if (isParents(qtype, apex)) return GO_ON
  // Nothing is said of the names below, but one of which something is said exists.
  if (verdict.label > 0) return negative(lookup, policy, local, RCODE.NXDOMAIN, apex)
  if (local.pointer && qtype === RRTYPE.PTR) return data(lookup, RRTYPE.PTR, LOCALHOST)
  if (apex === 0 && qtype === RRTYPE.NS) return data(lookup, RRTYPE.NS, SELF)
  if (apex === 0 && qtype === RRTYPE.SOA) {
    return writeOwnSoa(octets, query, limit, TTL, policy.snapshot.generation)
  }
  return negative(lookup, policy, local, RCODE.NOERROR, apex)
}

/**
 * DS at a zone's apex is data of the parent, and what says to those who validate that the zone may
 * be unsigned. RFC 4035 §3.1.4.1, RFC 6303 §3.
 */
function isParents(qtype: number, apex: number): boolean {
  return qtype === RRTYPE.DS && apex === 0
}

function data({ octets, query, limit }: Lookup, type: number, rdata: Uint8Array): number {
  return writeRecord(octets, query, limit, type, rdata, TTL, undefined)
}

function negative(
  { octets, query, limit }: Lookup,
  policy: Policy,
  { edeOption }: SpecialUseEntry,
  rcode: number,
  soaLabel: number
): number {
  const serial = policy.snapshot.generation
  return writeNegative(octets, query, limit, rcode, soaLabel, TTL, serial, edeOption)
}
