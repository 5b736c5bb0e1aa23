import type { Seconds } from '../../../base/units.js'
import { readName } from '../../../wire/dns/name/name.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import { keyOf, labelsOf, parentOf, RECORD_TTL, type RecordOwners } from './record-owners.js'
import type { NodeZone } from './record-nodes.js'

/** As Unbound's `local-zone` types of these names. */
export type LocalZoneType = 'static' | 'transparent' | 'redirect'

/** A zone of local data. */
export interface LocalZone {
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly type: LocalZoneType
  /** Index of the source, and the line. */
  readonly source: number
  readonly line: number
}

/** A zone whose names are answered here, with what its negative answers need. */
export interface AnsweredZone extends LocalZone {
  readonly node: NodeZone
}

/** Finds the zone that a name is in: the closest one. */
export class ZoneIndex {
  private readonly zones = new Map<string, AnsweredZone>()

  /** @param zones of the network first, then those that it inherits */
  constructor(zones: readonly AnsweredZone[]) {
    for (const zone of zones) {
      const key = keyOf(zone.name)
      if (!this.zones.has(key)) this.zones.set(key, zone)
    }
  }

  /** Undefined: none, or a transparent one. */
  zoneOf(name: Uint8Array): AnsweredZone | undefined {
    for (let at: Uint8Array | undefined = name; at !== undefined; at = parentOf(at)) {
      const zone = this.zones.get(keyOf(at))
      if (zone !== undefined) return zone.type === 'transparent' ? undefined : zone
    }
    return undefined
  }
}

const MNAME = readName('interdict.invalid')
const RNAME = readName('hostmaster.interdict.invalid')
/** Serial, refresh, retry, expire and minimum of a zone without an SOA of its own. */
const SOA_NUMBERS = [1, 3600, 600, 86_400, RECORD_TTL] as const

function defaultSoa(): Uint8Array {
  const numbers = Buffer.alloc(20)
  SOA_NUMBERS.forEach((value, i) => numbers.writeUInt32BE(value, 4 * i))
  return Buffer.concat([MNAME, RNAME, numbers])
}

/**
 * Completes a zone: without an SOA it gets one, and without NS it is its own name server, as the empty
 * zones of RFC 6303 §3.
 */
export function completeZone(zone: LocalZone, owners: RecordOwners): AnsweredZone {
  if (zone.type !== 'transparent') {
    const known = owners.get(zone.name)?.records ?? []
    const add = (type: number, rdata: Uint8Array): void => {
      if (known.some(record => record.type === type || record.type === RRTYPE.CNAME)) return
      owners.add(zone.name, { type, ttl: RECORD_TTL, rdata }, zone.source, zone.line)
    }
    add(RRTYPE.SOA, defaultSoa())
    add(RRTYPE.NS, zone.name)
  }
  const soa = owners.get(zone.name)?.records.find(({ type }) => type === RRTYPE.SOA)
  const rdata = soa?.rdata ?? defaultSoa()
  const labels = labelsOf(zone.name)
  return { ...zone, node: { labels, negativeTtl: negativeTtl(soa?.ttl, rdata), soa: rdata } }
}

/** The lower of the SOA's TTL and its MINIMUM. RFC 2308 §3. */
function negativeTtl(ttl: Seconds | undefined, soa: Uint8Array): Seconds {
  const view = new DataView(soa.buffer, soa.byteOffset, soa.length)
  return Math.min(ttl ?? RECORD_TTL, view.getUint32(soa.length - 4))
}
