import type { Seconds } from '../../../base/units.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import type { NodeRecord } from './record-nodes.js'

/** TTL of records without one of their own. */
export const RECORD_TTL: Seconds = 3600

/** Records of one type must fit into one message over TCP, beside question and OPT. */
const MAX_RRSET = 60_000

/** A name with records, and where the first of them is written. */
export interface RecordOwner {
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  /** Index of the source: of the rules, or of a file. */
  readonly source: number
  readonly line: number
  readonly column: number
  readonly records: NodeRecord[]
}

/** The records of one network, by owner. */
export class RecordOwners {
  private readonly owners = new Map<string, RecordOwner>()

  /** Adds a record. @returns why it contradicts others; undefined: it does not */
  add(
    name: Uint8Array,
    record: NodeRecord,
    source: number,
    line: number,
    column = 1
  ): 'name has a CNAME and other records' | 'records of one type exceed a message' | undefined {
    const key = keyOf(name)
    let owner = this.owners.get(key)
    if (owner === undefined) {
      this.owners.set(key, (owner = { name, source, line, column, records: [] }))
    }
    const { records } = owner
    if (records.some(other => isSame(other, record))) return undefined
    const isAlias = ({ type }: NodeRecord): boolean => type === RRTYPE.CNAME
    if (records.length > 0 && (isAlias(record) || records.some(isAlias)))
      return 'name has a CNAME and other records'
    const alike = records.filter(({ type }) => type === record.type)
    const size = alike.reduce((sum, { rdata }) => sum + 12 + rdata.length, record.rdata.length)
    if (size > MAX_RRSET) return 'records of one type exceed a message'
    records.push(alike[0] === undefined ? record : { ...record, ttl: alike[0].ttl })
    return undefined
  }

  get(name: Uint8Array): RecordOwner | undefined {
    return this.owners.get(keyOf(name))
  }

  has(name: Uint8Array): boolean {
    return this.owners.has(keyOf(name))
  }

  all(): readonly RecordOwner[] {
    return [...this.owners.values()]
  }
}

/** A name in wire form as a key of maps. */
export function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')
}

function isSame(a: NodeRecord, b: NodeRecord): boolean {
  return a.type === b.type && Buffer.compare(a.rdata, b.rdata) === 0
}

/** The name above; undefined for the root. */
export function parentOf(name: Uint8Array): Uint8Array | undefined {
  return name[0] === 0 ? undefined : name.subarray(1 + name[0]!)
}

/** Number of labels without the root label. */
export function labelsOf(name: Uint8Array): number {
  let labels = 0
  for (let at = 0; name[at] !== 0; at += 1 + name[at]!) labels++
  return labels
}

/** Whether the first label is `*`. RFC 4592 §2.1.1. */
export function isWildcard(name: Uint8Array): boolean {
  return name[0] === 1 && name[1] === 0x2a
}
