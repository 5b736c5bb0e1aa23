import type { Seconds } from '../../base/units.js'
import { decodeRrsig, type Rrsig } from './rrsig.js'

/** Records with the same owner and type, and their signatures. RFC 2181 §5. */
export interface Rrset {
  /** In lower-cased wire form. */
  readonly name: Uint8Array
  readonly type: number
  /** The lowest TTL of the records and their signatures. */
  readonly ttl: Seconds
  /** In canonical form and order, without duplicates. RFC 4034 §6.3. */
  readonly rdata: readonly Uint8Array[]
  readonly signatures: readonly Rrsig[]
}

/** One record with canonical RDATA. */
export interface SignedRecord {
  readonly name: Uint8Array
  readonly type: number
  readonly ttl: Seconds
  readonly rdata: Uint8Array
}

interface Group {
  readonly name: Uint8Array
  readonly type: number
  ttl: Seconds
  readonly rdata: Uint8Array[]
  readonly signatures: Rrsig[]
}

/** Groups records into RRsets in order of first appearance; signatures of absent records are dropped. */
export function groupRrsets(
  records: readonly SignedRecord[],
  isSignature: (type: number) => boolean
): Rrset[] {
  const groups = new Map<string, Group>()
  for (const { name, type, ttl, rdata } of records) {
    if (isSignature(type)) continue
    const key = keyOf(name, type)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { name, type, ttl, rdata: [rdata], signatures: [] })
    else {
      group.ttl = Math.min(group.ttl, ttl)
      group.rdata.push(rdata)
    }
  }
  for (const { name, type, ttl, rdata } of records) {
    if (!isSignature(type)) continue
    const signature = decodeRrsig(rdata)
    const group = groups.get(keyOf(name, signature.typeCovered))
    if (group === undefined) continue
    group.ttl = Math.min(group.ttl, ttl)
    group.signatures.push(signature)
  }
  return [...groups.values()].map(group => ({ ...group, rdata: sortCanonically(group.rdata) }))
}

function keyOf(name: Uint8Array, type: number): string {
  return `${type}/${Buffer.from(name).toString('latin1')}`
}

function sortCanonically(rdata: readonly Uint8Array[]): readonly Uint8Array[] {
  const sorted = rdata.toSorted((a, b) => Buffer.compare(a, b))
  return sorted.filter((octets, i) => i === 0 || Buffer.compare(octets, sorted[i - 1]!) !== 0)
}
