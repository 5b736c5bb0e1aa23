import { InterdictError } from '../../../base/errors/error.js'
import { readName } from '../../../wire/dns/name/name.js'
import { RECORD_KEYS, type RecordKey } from '../../../policy/rules/schema/record-schema.js'
import { readRdataValue } from '../../../policy/rules/records/rdata-value.js'
import { RdataError } from '../../../wire/zonefile/zone-rdata.js'
import { readRrtype } from '../../../wire/dns/registry/rrtype.js'
import type { Mapping } from './mapping.js'

/** Local records and zones of another server, as they are written to `networks.yaml`. */
export class RecordTable {
  /** By name and TTL. */
  private readonly entries = new Map<string, Record<string, string[]>>()
  /** Names with a CNAME, which have nothing else. */
  private readonly aliases = new Map<string, boolean>()
  private readonly zoneTypes = new Map<string, string>()

  /** Adds a record. @returns why it cannot be a local record; undefined: it was added */
  add(owner: string, type: string, rdata: string, ttl?: number): string | undefined {
    const name = withoutDot(owner)
    const key = type.toLowerCase()
    if (key === 'dname') return 'DNAME is not supported: write a wildcard record, *.NAME'
    const why = faultOf(name, key, rdata)
    if (why !== undefined) return why
    const isAlias = key === 'cname'
    if ((this.aliases.get(name) ?? isAlias) !== isAlias)
      return `${name} has a CNAME, and so no other records: decide which one is right`
    if (isAlias && this.aliases.has(name))
      return `${name} has a CNAME already: decide which one is right`
    this.aliases.set(name, isAlias)
    const id = `${name} ${ttl ?? ''}`
    let entry = this.entries.get(id)
    if (entry === undefined) this.entries.set(id, (entry = {}))
    const values = (entry[key] ??= [])
    if (!values.includes(rdata)) values.push(rdata)
    return undefined
  }

  addZone(owner: string, type: 'static' | 'redirect' | 'transparent'): string | undefined {
    const name = withoutDot(owner)
    if (name === '') return 'the root cannot be a local zone: its names are forwarded'
    const why = nameFault(name)
    if (why === undefined) this.zoneTypes.set(name, type)
    return why
  }

  get records(): readonly Mapping[] {
    return [...this.entries].map(([id, entry]) => {
      const [name, ttl] = id.split(' ')
      const record: Mapping = { name: name! }
      for (const [key, values] of Object.entries(entry))
        record[key] = values.length === 1 ? values[0]! : values
      if (ttl !== '') record.ttl = `${ttl}s`
      return record
    })
  }

  get zones(): readonly Mapping[] {
    return [...this.zoneTypes].map(([name, type]) => ({ name, type }))
  }
}

/** The key of records with such an address. */
export function addressKey(address: string): 'a' | 'aaaa' {
  return address.includes(':') ? 'aaaa' : 'a'
}

export const withoutDot = (name: string): string => name.replace(/\.$/, '').toLowerCase()

export function nameFault(name: string): string | undefined {
  try {
    readName(name)
    return undefined
  } catch (error) {
    if (error instanceof InterdictError) return error.message
    throw error
  }
}

function faultOf(name: string, key: string, rdata: string): string | undefined {
  if (!(key in RECORD_KEYS) || key === 'soa')
    return readRrtype(key.toUpperCase()) === undefined
      ? `unknown record type ${key}`
      : `${key.toUpperCase()} records are written by hand: see "Records" in docs/reference/rules.md`
  const why = nameFault(name)
  if (why !== undefined) return why
  try {
    readRdataValue(RECORD_KEYS[key as RecordKey], rdata)
    return undefined
  } catch (error) {
    if (error instanceof RdataError || error instanceof InterdictError) return error.message
    throw error
  }
}
