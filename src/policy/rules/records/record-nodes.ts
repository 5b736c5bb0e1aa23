import { setUint16, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'

/*
 * What is at a name of local data, as octets that worker threads read in shared memory:
 *
 *     0      flags, of `NODE`
 *     1      number of labels of the zone that the name is in; OWN_SOA: it is in none
 *     2..5   TTL of negative answers
 *     6..7   length of the zone's SOA, then its RDATA
 *     ...    the records: TYPE, TTL, RDLENGTH, RDATA of each
 */

/** Flags of a node. */
export const NODE = {
  /** The name does not exist. */
  nxdomain: 1,
  /** Nothing is known of the name here: an upstream answers. It ends the search for a wildcard. RFC 4592 §3.3.1. */
  pass: 2
} as const

/** In place of a number of labels: negative answers have an SOA of the name itself. */
export const OWN_SOA = 0xff

/** Octets before the SOA of a node. */
export const NODE_HEADER: Octets = 8
/** TYPE, TTL and RDLENGTH of a record in a node. */
export const NODE_RECORD_HEADER: Octets = 8

/** One record of a node. */
export interface NodeRecord {
  readonly type: number
  readonly ttl: Seconds
  readonly rdata: Uint8Array
}

/** The zone of a node, as its negative answers need it. */
export interface NodeZone {
  readonly labels: number
  readonly negativeTtl: Seconds
  /** RDATA of its SOA. */
  readonly soa: Uint8Array
}

const NO_OCTETS = new Uint8Array(0)

/** Encodes a node. @param zone undefined: the name is in none */
export function encodeNode(
  flags: number,
  zone: NodeZone | undefined,
  ownTtl: Seconds,
  records: readonly NodeRecord[]
): Uint8Array {
  const soa = zone?.soa ?? NO_OCTETS
  const size = records.reduce(
    (sum, { rdata }) => sum + NODE_RECORD_HEADER + rdata.length,
    NODE_HEADER + soa.length
  )
  const octets = new Uint8Array(size)
  octets[0] = flags
  octets[1] = zone?.labels ?? OWN_SOA
  setUint32(octets, 2, zone?.negativeTtl ?? ownTtl)
  setUint16(octets, 6, soa.length)
  octets.set(soa, NODE_HEADER)
  let at = NODE_HEADER + soa.length
  for (const { type, ttl, rdata } of records) {
    setUint16(octets, at, type)
    setUint32(octets, at + 2, ttl)
    setUint16(octets, at + 6, rdata.length)
    octets.set(rdata, at + NODE_RECORD_HEADER)
    at += NODE_RECORD_HEADER + rdata.length
  }
  return octets
}

/** The records of a node. */
export function recordsOf(octets: Uint8Array): NodeRecord[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  const records: NodeRecord[] = []
  for (let at = NODE_HEADER + view.getUint16(6); at < octets.length;) {
    const start = at + NODE_RECORD_HEADER
    const end = start + view.getUint16(at + 6)
    const rdata = octets.subarray(start, end)
    records.push({ type: view.getUint16(at), ttl: view.getUint32(at + 2), rdata })
    at = end
  }
  return records
}
