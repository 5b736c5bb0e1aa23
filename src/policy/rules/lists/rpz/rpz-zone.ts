import type { Prefix } from '../../../../base/values/address.js'
import type { Octets } from '../../../../base/units.js'
import { showZoneFileName } from '../../../../wire/dns/records/zone-file-writer.js'
import { RRTYPE, readRrtype } from '../../../../wire/dns/registry/rrtype.js'
import { ZoneName } from '../../../../wire/zonefile/zone-name.js'
import { RdataError, readRdata, type RdataTokens } from '../../../../wire/zonefile/zone-rdata.js'
import { readZoneHead, ROOT_LENGTH, ZoneRecords } from '../../../../wire/zonefile/zone-records.js'
import type { ReportProblem, ZoneProblem } from '../../../../wire/zonefile/zone-tokenizer.js'
import { COVER, type CoverCode } from '../../model/types.js'
import type { Unsupported } from '../line-reader.js'
import { prefixOf, triggerOf } from './rpz-trigger.js'

/** RPZ policy actions; `pass` is PASSTHRU, `truncate` is TCP-Only, `data` is local data. */
export type RpzAction = 'nxdomain' | 'nodata' | 'pass' | 'drop' | 'truncate' | 'data'

/** Receives the policies of a zone. It must not keep references to `octets`. */
export interface RpzSink {
  qname(
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: CoverCode,
    action: RpzAction,
    line: number
  ): void
  prefix(prefix: Prefix, trigger: 'client-ip' | 'ip', action: RpzAction, line: number): void
  /** A record of the `data` policy of this line; the first one comes before the policy. */
  record(line: number, type: number, rdata: Uint8Array): void
  /** A valid policy that cannot be applied here. */
  countUnsupported(kind: Unsupported): void
  skipLine(line: number, column: number, why: string): void
}

/** Actions encoded as a CNAME target. draft-vixie-dnsop-dns-rpz §3. */
const ACTIONS = new Map<string, RpzAction>([
  ['rpz-passthru', 'pass'],
  ['rpz-drop', 'drop'],
  ['rpz-tcp-only', 'truncate']
])
/** Types that never are a policy: about the zone itself, or signatures. */
const NO_POLICY = new Set([
  ...['SOA', 'RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'DNSKEY', 'CDS', 'CDNSKEY', 'SIG']
])
const DOT = 0x2e

/** What a zone file consists of. */
export interface RpzScan {
  /** Number of records and directives, including invalid ones. */
  readonly entries: number
  /** Number of records whose owner is not in the zone. */
  readonly outside: number
  /** The zone's name as text. */
  readonly apex: string
  readonly hasSoa: boolean
  /** Why the file looks cut off, if it does. */
  readonly truncation: ZoneProblem | undefined
}

/** Reads a response policy zone (draft-vixie-dnsop-dns-rpz) from a zone file. */
export function scanRpz(octets: Uint8Array, sink: RpzSink): RpzScan {
  const head = readZoneHead(octets)
  const skipLine: ReportProblem = (line, column, why) => {
    sink.skipLine(line, column, why)
  }
  const zone = new ZoneRecords(octets, skipLine, head)
  const scan = new RpzScanner(zone, sink)
  while (zone.advance()) scan.readRecord()
  const { count: entries, outsideCount: outside } = zone
  const { truncation } = zone.text
  return { entries, outside, apex: showZoneFileName(head.apex), hasSoa: head.hasSoa, truncation }
}

/** Translates the records of a zone into policies. */
class RpzScanner {
  private readonly target = new ZoneName()
  /** For each owner with local data: the line of its first record, and whether that is a CNAME. */
  private readonly owners = new Map<string, { line: number; isAlias: boolean }>()

  constructor(
    private readonly zone: ZoneRecords,
    private readonly sink: RpzSink
  ) {}

  readRecord(): void {
    const { owner, text, typeWord: at, isCname } = this.zone
    if (owner.length === ROOT_LENGTH) return
    if (isCname) {
      this.readCname(at + 1)
      return
    }
    const word = text.text(at).toUpperCase()
    const type = readRrtype(word)
    if (NO_POLICY.has(word)) return
    if (type === undefined) text.reportWord(at, 'unknown record type')
    else if (type === RRTYPE.DNAME || type === RRTYPE.DS) {
      this.sink.countUnsupported('DNAME and DS records')
    } else this.readData(type, at)
  }

  /** Reads a CNAME: an action, or local data. @param word index of the target */
  private readCname(word: number): void {
    const { zone, target } = this
    const { text } = zone
    const start = text.starts[word]!
    if (text.wordCount !== word + 1) {
      text.reportWord(
        word,
        text.wordCount > word ? 'CNAME with more than one target' : 'CNAME without a target'
      )
    } else if (text.ends[word] === start + 1 && text.octets[start] === DOT) this.emit('nxdomain')
    else if (!zone.readName(target, word))
      text.reportWord(word, 'CNAME target is not a domain name')
    else {
      const action = this.actionOf()
      if (action === undefined) text.reportWord(word, 'unknown policy action')
      else if (action !== 'data') this.emit(action)
      else if (!zone.makeAbsolute(target))
        text.reportWord(word, 'CNAME target is longer than 255 octets')
      else this.addRecord(RRTYPE.CNAME, target.copy(), word)
    }
  }

  /** The action that the target encodes; undefined: unknown. */
  private actionOf(): RpzAction | undefined {
    const { target, zone } = this
    const { octets, length } = target
    if (!target.isAbsolute && !zone.hasNoOrigin) return 'data'
    if (length === 3 && octets[0] === 1 && octets[1] === 0x2a) return 'nodata'
    if (this.isOldPassthru()) return 'pass'
    if (triggerOf(target, target.lastLabel()) === 'qname') return 'data'
    return ACTIONS.get(Buffer.from(octets.subarray(1, length - 1)).toString('latin1'))
  }

  /** Obsolete form of PASSTHRU: the target is the trigger itself, without its `rpz-…` label. */
  private isOldPassthru(): boolean {
    const { target, zone } = this
    const { owner } = zone
    const last = owner.lastLabel()
    const end = triggerOf(owner, last) === 'qname' ? owner.length - 1 : last
    if (target.length !== end + 1) return false
    for (let i = 0; i < end; i++) if (target.octets[i] !== owner.octets[i]) return false
    return true
  }

  private readData(type: number, at: number): void {
    const { zone, target } = this
    const { text } = zone
    const first = at + 1
    const tokens: RdataTokens = {
      count: text.wordCount - first,
      text: i => text.text(first + i),
      name: i =>
        zone.readName(target, first + i) && zone.makeAbsolute(target) ? target.copy() : undefined
    }
    try {
      this.addRecord(type, readRdata(type, tokens), at)
    } catch (error) {
      if (!(error instanceof RdataError)) throw error
      text.reportWord(first + error.token, error.message)
    }
  }

  /** Adds local data of the current owner; its first record makes the policy. */
  private addRecord(type: number, rdata: Uint8Array, word: number): void {
    const { zone, sink } = this
    const { text, owner } = zone
    const key = Buffer.from(owner.octets.subarray(0, owner.length)).toString('latin1')
    const isAlias = type === RRTYPE.CNAME
    const known = this.owners.get(key)
    if (known !== undefined && (known.isAlias || isAlias)) {
      text.reportWord(word, 'name has a CNAME and other records')
      return
    }
    sink.record(known?.line ?? text.line, type, rdata)
    if (known !== undefined) return
    this.owners.set(key, { line: text.line, isAlias })
    this.emit('data')
  }

  /** Passes the policy of the current owner to the sink. */
  private emit(action: RpzAction): void {
    const { zone, sink } = this
    const { owner, text } = zone
    const { octets, length } = owner
    const last = owner.lastLabel()
    const trigger = triggerOf(owner, last)
    if (trigger === 'qname') {
      const isWild = octets[0] === 1 && octets[1] === 0x2a
      const at = isWild ? 2 : 0
      sink.qname(octets, at, length - at, isWild ? COVER.below : COVER.exact, action, text.line)
    } else if (trigger === undefined) text.reportWord(0, 'unknown trigger type')
    else if (trigger === 'nsdname') sink.countUnsupported('name server triggers')
    else {
      const prefix = prefixOf(owner, last)
      if (prefix === undefined)
        text.reportWord(0, `invalid prefix; expected one such as 24.0.2.0.192.rpz-${trigger}`)
      else if (trigger === 'nsip') sink.countUnsupported('name server triggers')
      else sink.prefix(prefix, trigger, action, text.line)
    }
  }
}
