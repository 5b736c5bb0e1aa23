import type { Octets } from '../../../../base/units.js'
import { RRTYPE, readRrtype } from '../../../../wire/dns/registry/rrtype.js'
import { COVER, type CoverCode } from '../../model/types.js'
import { isBlockAddress, readListAddress } from '../block-address.js'
import type { Unsupported, LineReader, ListSink, ListAction } from '../line-reader.js'
import { isRecordType, readRecord } from '../list-records.js'
import {
  TOP_LEVEL,
  isBlank,
  WordCache,
  LOCAL_NAME,
  invalidNameReason,
  type ListText
} from '../list-text.js'

const [HASH, COLON, QUOTE, APOSTROPHE] = [0x23, 0x3a, 0x22, 0x27]

const PASS: ListAction = { layer: 0, kind: 'pass' }
const NO_A: ListAction = {
  layer: 0,
  kind: 'nodata',
  qtypes: { types: [RRTYPE.A], except: false }
}
const DATA: ListAction = { layer: 0, kind: 'data' }
/** For a name that is the apex of a `transparent` zone: it takes precedence over the zone. */
const BLOCK_IN_ZONE: ListAction = { layer: 1, kind: 'rule' }
const DATA_IN_ZONE: ListAction = { layer: 1, kind: 'data' }

/** What a zone type means for all names in the zone, unless `local-data` overrides it. */
type ZoneType = 'block' | 'redirect' | ListAction

const ZONE_TYPES: Readonly<Record<string, ZoneType | undefined>> = {
  deny: 'block',
  refuse: 'block',
  static: 'block',
  redirect: 'redirect',
  inform_deny: 'block',
  inform_redirect: 'redirect',
  always_refuse: 'block',
  always_nxdomain: 'block',
  always_nodata: 'block',
  always_deny: 'block',
  always_null: 'block',
  block_a: NO_A,
  transparent: PASS,
  typetransparent: PASS,
  always_transparent: PASS,
  inform: PASS
}
/** Types without an effect here: they concern the zones built into Unbound. */
const OTHER_TYPES = ['nodefault', 'noview', 'ipset']

/** What the `local-data` of a name means. */
type Datum =
  | 'nowhere'
  | { readonly record: Uint8Array }
  | { readonly unsupported: Unsupported }
  | { readonly why: string }

type Key = 'zone' | 'data' | 'clause' | 'include' | 'other' | 'none'

const KEYS = new Map<string, Key>([
  ['local-zone', 'zone'],
  ['local-data', 'data'],
  ['server', 'clause'],
  ['include', 'include']
])

/**
 * Reads `local-zone:` and `local-data:` of unbound.conf. A zone whose type answers with nothing, in
 * whatever way, blocks its names; transparent zones pass; address records are the answer clients
 * get. The data of a `redirect` zone applies to the whole zone if it follows the zone's line, which
 * is how programs write it.
 */
export class UnboundReader implements LineReader {
  private readonly key = new WordCache<Key>()
  private readonly type = new WordCache<{ readonly is: ZoneType } | 'other' | 'none'>()
  private readonly datum = new WordCache<Datum>()
  /** The last `local-zone`: position of its name, and its type. */
  private zone: { from: Octets; to: Octets; type: ZoneType } = { from: 0, to: 0, type: 'block' }

  /** Where the next word of the current line is searched. */
  private after: Octets = 0

  read(text: ListText, sink: ListSink): boolean {
    this.after = text.lineStart
    if (!this.nextKey(text)) return false
    const key = this.key.get(text, keyOf)
    // The first setting of a clause may be on the line of the clause.
    if (key !== 'clause' || this.nextKey(text)) this.readSetting(text, sink)
    return true
  }

  private readSetting(text: ListText, sink: ListSink): void {
    const key = this.key.get(text, keyOf)
    if (key === 'zone') this.readZone(text, sink)
    else if (key === 'data') this.readData(text, sink)
    else if (key === 'include') sink.countUnsupported('included lists')
    else if (key === 'none') skip(text, sink, 'not an Unbound setting')
    else sink.countUnsupported('other settings')
  }

  private readZone(text: ListText, sink: ListSink): void {
    this.next(text)
    const { from, to } = text
    if (!this.next(text)) {
      skip(text, sink, 'local-zone without a type')
      return
    }
    const type = this.type.get(text, typeOf)
    if (type === 'none') skip(text, sink, 'unknown local-zone type')
    else if (type === 'other') sink.countUnsupported('other settings')
    else {
      text.from = from
      text.to = to
      this.zone = { from, to, type: type.is }
      emitZone(text, type.is, sink)
    }
  }

  private readData(text: ListText, sink: ListSink): void {
    const { octets } = text
    if (!this.next(text)) {
      skip(text, sink, 'local-data without a record')
      return
    }
    const { from, to } = text
    let end = from
    while (end < to && !isBlank(octets[end]!)) end++
    text.from = end
    const datum = this.datum.get(text, datumOf)
    text.from = from
    text.to = end
    const zone = this.isZone(text) ? this.zone.type : undefined
    if (datum === 'nowhere') {
      // Blocking zones cover their apex anyway.
      if (zone === undefined) emitName(text, undefined, COVER.exact, undefined, sink)
      else if (typeof zone === 'object') {
        emitName(text, BLOCK_IN_ZONE, COVER.exact, undefined, sink)
      }
    } else if ('why' in datum) skip(text, sink, datum.why)
    else if ('unsupported' in datum) sink.countUnsupported(datum.unsupported)
    else {
      const action = typeof zone === 'object' ? DATA_IN_ZONE : DATA
      const cover = zone === 'redirect' ? COVER.suffix : COVER.exact
      emitName(text, action, cover, datum.record, sink)
    }
  }

  /** Whether the current word is the name of the last `local-zone`. */
  private isZone({ octets, from, to }: ListText): boolean {
    const { zone } = this
    if (to - from !== zone.to - zone.from) return false
    for (let i = 0; i < to - from; i++) if (octets[from + i] !== octets[zone.from + i]) return false
    return true
  }

  /** Selects the word before the next colon; false if only blanks and comments are left. */
  private nextKey(text: ListText): boolean {
    const { octets, lineEnd } = text
    if (!this.next(text)) return false
    let colon = text.from
    while (colon < lineEnd && octets[colon] !== COLON && !isBlank(octets[colon]!)) colon++
    text.to = colon
    this.after = octets[colon] === COLON ? colon + 1 : lineEnd
    return true
  }

  /** Selects the next word or quoted string. */
  private next(text: ListText): boolean {
    const { octets, lineEnd } = text
    let at = this.after
    while (at < lineEnd && isBlank(octets[at]!)) at++
    const quote = octets[at]
    const isQuoted = at < lineEnd && (quote === QUOTE || quote === APOSTROPHE)
    if (isQuoted) at++
    text.from = at
    if (isQuoted) while (at < lineEnd && octets[at] !== quote) at++
    else while (at < lineEnd && !isBlank(octets[at]!) && octets[at] !== HASH) at++
    text.to = at
    this.after = isQuoted ? at + 1 : at
    return at > text.from
  }
}

function emitZone(text: ListText, type: ZoneType, sink: ListSink): void {
  const action = typeof type === 'object' ? type : undefined
  emitName(text, action, COVER.suffix, undefined, sink)
}

/** @param action undefined: just block the name */
function emitName(
  text: ListText,
  action: ListAction | undefined,
  cover: CoverCode,
  record: Uint8Array | undefined,
  sink: ListSink
): void {
  const length = text.readName()
  if (length > 0) {
    if (action === undefined) sink.blockName(text.name, 0, length, cover, text.line)
    else sink.addName(action, text.name, cover, text.line, record)
  } else if (length === TOP_LEVEL || text.word === '.') sink.countUnsupported('top-level domains')
  else if (length !== LOCAL_NAME) skip(text, sink, invalidNameReason(length))
}

function keyOf(word: string): Key {
  if (!/^[a-z0-9-]+$/.test(word)) return 'none'
  return KEYS.get(word) ?? 'other'
}

function typeOf(word: string): { readonly is: ZoneType } | 'other' | 'none' {
  const is = Object.hasOwn(ZONE_TYPES, word) ? ZONE_TYPES[word] : undefined
  if (is !== undefined) return { is }
  return OTHER_TYPES.includes(word) ? 'other' : 'none'
}

/** Reads what follows the name: `[TTL] [IN] TYPE RDATA`. */
function datumOf(text: string): Datum {
  const [, type = '', rdata = ''] = /^\s+(?:\d+\s+)?(?:IN\s+)?(\S+)\s+(.*)$/is.exec(text) ?? []
  if (type === '') return { why: 'no record after the name' }
  const code = readRrtype(type)
  if (code === undefined || !isRecordType(code)) return { unsupported: 'unsupported answers' }
  const record = readRecord(code, rdata.trim())
  if (record === undefined) return { why: `invalid ${type} record` }
  const address = readListAddress(rdata.trim())
  return address !== undefined && isBlockAddress(address) ? 'nowhere' : { record }
}

function skip(text: ListText, sink: ListSink, why: string): void {
  sink.skipLine(text.line, text.column, why)
}
