import { InterdictError } from '../../../base/errors/error.js'
import { isMapped, readAddress, type Address } from '../../../base/values/address.js'
import type { Seconds } from '../../../base/units.js'
import { readName } from '../../../wire/dns/name/name.js'
import { RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import {
  RdataError,
  readRdata,
  readTtl,
  type RdataTokens
} from '../../../wire/zonefile/zone-rdata.js'
import { ZoneName } from '../../../wire/zonefile/zone-name.js'
import { ZoneRecords } from '../../../wire/zonefile/zone-records.js'
import { isLocalName } from '../lists/list-text.js'
import { readRecordType } from '../schema/record-schema.js'
import { RECORD_TTL } from './record-owners.js'
import type { NodeRecord } from './record-nodes.js'

const ROOT = Uint8Array.of(0)

/** Receives what a file has; columns count from 1. */
export interface RecordSink {
  /** @returns why the record contradicts others; undefined: it does not */
  record(name: Uint8Array, record: NodeRecord, line: number, column: number): string | undefined
  problem(line: number, column: number, why: string): void
}

/** Reads a hosts file: an address, then its names. `#` begins a comment. */
export function readHostsFile(octets: Uint8Array, ttl: Seconds, sink: RecordSink): void {
  const lines = Buffer.from(octets)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
  for (const [i, text] of lines.entries())
    readHostsLine(text.replace(/#.*$/s, ''), i + 1, ttl, sink)
}

function readHostsLine(text: string, line: number, ttl: Seconds, sink: RecordSink): void {
  const words = [...text.matchAll(/\S+/g)]
  const [first, ...names] = words
  if (first === undefined) return
  const address = tryRead(readAddress, first[0])
  if (address === undefined) return sink.problem(line, first.index + 1, 'not an IP address')
  if (names.length === 0) return sink.problem(line, first.index + 1, 'address without a name')
  for (const { 0: word, index } of names) {
    if (isLocalName(word)) continue
    const name = tryRead(readName, word)
    const why =
      name === undefined
        ? 'not a domain name'
        : sink.record(name, { ...addressRdata(address), ttl }, line, index + 1)
    if (why !== undefined) sink.problem(line, index + 1, why)
  }
}

function addressRdata(address: Address): Pick<NodeRecord, 'type' | 'rdata'> {
  return isMapped(address)
    ? { type: RRTYPE.A, rdata: address.slice(12) }
    : { type: RRTYPE.AAAA, rdata: address }
}

/**
 * Reads a zone file: RFC 1035 §5.
 *
 * @param origin what completes relative names until the first $ORIGIN; undefined: the root
 * @param ttl of records before the first $TTL that have none
 */
export function readZoneFile(
  octets: Uint8Array,
  origin: Uint8Array | undefined,
  ttl: Seconds | undefined,
  sink: RecordSink
): void {
  const report = (line: number, column: number, why: string): void =>
    sink.problem(line, column, why)
  const head = { apex: ROOT, origin: origin ?? ROOT, hasSoa: false }
  const zone = new ZoneRecords(octets, report, head)
  /** RFC 1035 §5.1: an omitted TTL is the last one stated. */
  let stated: Seconds | undefined
  while (zone.advance()) {
    const { text, typeWord, ttlWord, defaultTtl } = zone
    if (ttlWord !== -1) {
      stated = readTtl(text.text(ttlWord))
      if (stated === undefined) text.reportWord(ttlWord, 'TTL is too large')
    }
    const usual = defaultTtl === undefined ? (stated ?? ttl) : readTtl(defaultTtl)
    const own = ttlWord === -1 ? usual : stated
    readZoneRecord(zone, typeWord, own ?? RECORD_TTL, sink)
  }
}

function readZoneRecord(zone: ZoneRecords, word: number, ttl: Seconds, sink: RecordSink): void {
  const { text, owner } = zone
  const type = readRecordType(text.text(word))
  if (type === undefined) return text.reportWord(word, 'unknown record type')
  if (type === RRTYPE.DNAME)
    return text.reportWord(word, 'DNAME records are not supported; use a wildcard CNAME')
  const first = word + 1
  const target = new ZoneName()
  const tokens: RdataTokens = {
    count: text.wordCount - first,
    text: i => text.text(first + i),
    name: i =>
      zone.readName(target, first + i) && zone.makeAbsolute(target) ? target.copy() : undefined
  }
  try {
    const record = { type, ttl, rdata: readRdata(type, tokens) }
    const why = sink.record(owner.copy(), record, text.line, 1)
    if (why !== undefined) text.reportWord(0, why)
  } catch (error) {
    if (!(error instanceof RdataError)) throw error
    text.reportWord(first + error.token, error.message)
  }
}

function tryRead<T>(read: (text: string) => T, text: string): T | undefined {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
