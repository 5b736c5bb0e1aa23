import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import type { Position } from '../../../base/errors/position.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import { RdataError } from '../../../wire/zonefile/zone-rdata.js'
import type { FileResult, TooLarge } from '../model/folder.js'
import type { Location } from '../model/location.js'
import type { Records } from '../model/types.js'
import {
  readRecordType,
  RECORD_KEYS,
  type RecordEntries,
  type RecordEntry,
  type RecordFileEntry,
  type RecordKey
} from '../schema/record-schema.js'
import { buildNodes } from './build-nodes.js'
import { completeZone, type AnsweredZone, type LocalZone } from './local-zones.js'
import { readRdataValue } from './rdata-value.js'
import { readHostsFile, readZoneFile, type RecordSink } from './record-files.js'
import { keyOf, RECORD_TTL, RecordOwners } from './record-owners.js'
import { RecordSource } from './record-source.js'
import { addReverseNames } from './reverse-names.js'

/** A file with records, as it was read. */
export interface RecordFile {
  readonly content: FileResult | TooLarge
  readonly displayName: string
}

/** Largest file with records. */
export const MAX_RECORD_FILE = 64 * 1024 ** 2

/** Index of the source of what is written in the rules themselves. */
const INLINE = 0

/** The local data of one network, or of `defaults`. */
export interface LocalRecords {
  readonly owners: RecordOwners
  readonly zones: readonly AnsweredZone[]
  /** The files of its sources, by index. */
  readonly files: readonly string[]
  /** The same as messages show them. */
  readonly displayNames: readonly string[]
}

/** Whether a network has any local data. */
export function hasRecords(entries: RecordEntries): boolean {
  return entries.records.length + entries['record-files'].length + entries.zones.length > 0
}

/**
 * Reads the local data of a network.
 *
 * @param files with records, by name
 * @param location of the network; receives the errors
 */
export function readRecords(
  entries: RecordEntries,
  files: ReadonlyMap<string, RecordFile>,
  location: Location
): LocalRecords {
  return new RecordReader(files, location).read(entries)
}

/**
 * The rule that answers with the local data of a network.
 *
 * @param network id of the network, for humans
 * @param inherited zones of networks that it extends
 */
export function recordRule(
  id: string,
  network: string,
  { owners, zones, files }: LocalRecords,
  inherited: readonly AnsweredZone[],
  { position }: Location
): Records {
  const nodes = buildNodes(owners, zones, inherited)
  const sources = files.flatMap((file, source) => {
    const own = nodes.filter(node => node.source === source)
    if (own.length === 0) return []
    const sourceId = source === INLINE ? id : `${id}:${file}`
    return [new RecordSource(sourceId, `records of ${network}`, file, own)]
  })
  return { kind: 'record', id, position, sources, from: -Infinity, until: Infinity }
}

class RecordReader {
  private readonly owners = new RecordOwners()
  private readonly zones: LocalZone[] = []
  private readonly files: string[]
  private readonly displayNames: string[]
  /** Names whose addresses make no reverse names. */
  private readonly irreversible = new Set<string>()

  constructor(
    private readonly contents: ReadonlyMap<string, RecordFile>,
    private readonly location: Location
  ) {
    this.files = [location.file]
    this.displayNames = [location.messagePosition.file]
  }

  read({ records, 'record-files': files, zones }: RecordEntries): LocalRecords {
    const { location, owners } = this
    for (const [i, { name, type }] of zones.entries()) {
      const at = location.at('zones', i)
      if (this.isKnown(name)) at.error('RULES_RECORD', at.pathText, 'the zone is there twice')
      else this.zones.push({ name, type, source: INLINE, line: at.position.line })
    }
    for (const [i, entry] of records.entries()) this.readEntry(entry, location.at('records', i))
    for (const [i, entry] of files.entries()) this.readFile(entry, location.at('record-files', i))
    addReverseNames(owners, name => this.irreversible.has(keyOf(name)))
    const complete = this.zones.map(zone => completeZone(zone, owners))
    return { owners, zones: complete, files: this.files, displayNames: this.displayNames }
  }

  private isKnown(zone: Uint8Array): boolean {
    return this.zones.some(({ name }) => keyOf(name) === keyOf(zone))
  }

  private readEntry(entry: RecordEntry, location: Location): void {
    const { name, reverse = true, other = {} } = entry
    if (!reverse) this.irreversible.add(keyOf(name))
    for (const key of Object.keys(RECORD_KEYS) as RecordKey[])
      this.readValues(entry, RECORD_KEYS[key], entry[key] ?? [], location.at(key))
    for (const [key, values] of Object.entries(other))
      this.readValues(entry, readRecordType(key)!, values, location.at('other', key))
  }

  private readValues(
    { name, ttl = RECORD_TTL }: RecordEntry,
    type: number,
    values: readonly string[],
    location: Location
  ): void {
    for (const [i, value] of values.entries()) {
      const at = values.length === 1 ? location : location.at(i)
      const why = this.readValue(name, type, ttl, value, at.position)
      if (why !== undefined) at.error('RULES_RECORD', at.pathText, why)
    }
  }

  /** @returns what is wrong */
  private readValue(
    name: Uint8Array,
    type: number,
    ttl: number,
    value: string,
    { line, column }: Position
  ): string | undefined {
    if (type === RRTYPE.DNAME) return 'DNAME records are not supported; use a wildcard CNAME'
    try {
      const record = { type, ttl, rdata: readRdataValue(type, value) }
      return this.owners.add(name, record, INLINE, line, column)
    } catch (error) {
      if (error instanceof RdataError) return error.message
      throw error
    }
  }

  private readFile(entry: RecordFileEntry, location: Location): void {
    const { file, format, origin, ttl, reverse = true } = entry
    const { content, displayName } = this.contents.get(file)!
    if (!('octets' in content)) {
      const why = 'size' in content ? 'larger than 64 MB' : content.why
      location.at('file').error('RULES_UNREADABLE', file, why)
      return
    }
    const source = this.files.push(file) - 1
    this.displayNames.push(displayName)
    const sink = this.sinkFor(source, displayName, reverse, location.errors)
    if (format === 'hosts') readHostsFile(content.octets, ttl ?? RECORD_TTL, sink)
    else readZoneFile(content.octets, origin, ttl, sink)
  }

  private sinkFor(
    source: number,
    displayName: string,
    reverse: boolean,
    errors: InterdictError[]
  ): RecordSink {
    return {
      record: (name, record, line, column) => {
        if (!reverse) this.irreversible.add(keyOf(name))
        // A file with an SOA has a whole zone.
        if (record.type === RRTYPE.SOA && !this.isKnown(name))
          this.zones.push({ name, type: 'static', source, line })
        return this.owners.add(name, record, source, line, column)
      },
      problem: (line, column, why) => {
        errors.push(failureAt({ file: displayName, line, column }, 'RULES_RECORD_LINE', why))
      }
    }
  }
}
