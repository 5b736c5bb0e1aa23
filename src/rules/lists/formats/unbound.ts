import type { Octets } from '../../../base/units.js'
import { RRTYPE, readRrtype } from '../../../dns/registry/rrtype.js'
import { COVER } from '../../model/types.js'
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
/** What is said of the very name of a zone that is not meant. */
const BLOCK_IN_ZONE: ListAction = { layer: 1, kind: 'rule' }
const DATA_IN_ZONE: ListAction = { layer: 1, kind: 'data' }

/** What a type of zone means: of all names in it, but where `local-data` says otherwise. */
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
/** Types that say nothing of names here: they are about zones that Unbound has by itself. */
const OTHER_TYPES = ['nodefault', 'noview', 'ipset']

/** What the data of a name means. */
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
 * Reads `local-zone:` and `local-data:` of Unbound. Zones that answer with nothing mean that the
 * names in them are blocked, whatever that nothing is; transparent ones that these are not meant;
 * and addresses of hosts are what clients get. The data of a `redirect` zone is for all of it where
 * it stands in the lines behind it, as programs write it.
 */
export class UnboundReader implements LineReader {
  private readonly key = new WordCache<Key>()
  private readonly type = new WordCache<{ readonly is: ZoneType } | 'other' | 'none'>()
  private readonly datum = new WordCache<Datum>()
  /** The zone read last: where its name is, and of what type it is. */
  private zone: { from: Octets; to: Octets; type: ZoneType } = { from: 0, to: 0, type: 'block' }

  /** Where to go on in the line at hand. */
  private after: Octets = 0

  read(text: ListText, sink: ListSink): boolean {
    this.after = text.lineStart
    if (!this.nextKey(text)) return false
    const key = this.key.get(text, keyOf)
    // A clause may have its first setting on its own line.
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
      // Zones that block say it of this very name already.
      if (zone === undefined) emitName(text, undefined, COVER.exact, undefined, sink)
      else if (typeof zone === 'object') {
        emitName(text, BLOCK_IN_ZONE, COVER.exact, undefined, sink)
      }
    } else if ('why' in datum) skip(text, sink, datum.why)
    else if ('unsupported' in datum) sink.countUnsupported(datum.unsupported)
    else {
      const saying = typeof zone === 'object' ? DATA_IN_ZONE : DATA
      const cover = zone === 'redirect' ? COVER.suffix : COVER.exact
      emitName(text, saying, cover, datum.record, sink)
    }
  }

  /** Whether the word is the name of the zone read last. */
  private isZone({ octets, from, to }: ListText): boolean {
    const { zone } = this
    if (to - from !== zone.to - zone.from) return false
    for (let i = 0; i < to - from; i++) if (octets[from + i] !== octets[zone.from + i]) return false
    return true
  }

  /** Goes to the word before a colon; false where there is nothing but blanks and a comment. */
  private nextKey(text: ListText): boolean {
    const { octets, lineEnd } = text
    if (!this.next(text)) return false
    let colon = text.from
    while (colon < lineEnd && octets[colon] !== COLON && !isBlank(octets[colon]!)) colon++
    text.to = colon
    this.after = octets[colon] === COLON ? colon + 1 : lineEnd
    return true
  }

  /** Goes to the next word, or to what stands between quotes. */
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
  const saying = typeof type === 'object' ? type : undefined
  emitName(text, saying, COVER.suffix, undefined, sink)
}

/** @param saying undefined: the list blocks the name */
function emitName(
  text: ListText,
  saying: ListAction | undefined,
  cover: number,
  record: Uint8Array | undefined,
  sink: ListSink
): void {
  const length = text.readName()
  if (length > 0) {
    if (saying === undefined) sink.blockName(text.name, 0, length, cover, text.line)
    else sink.addName(saying, text.name, cover, text.line, record)
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

/** Reads what stands behind the name: `[TTL] [IN] TYPE RDATA`. */
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
