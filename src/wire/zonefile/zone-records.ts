import type { Octets } from '../../base/units.js'
import { showZoneFileName } from '../dns/records/zone-file-writer.js'
import { ZoneName } from './zone-name.js'
import { ZoneTokenizer, type ReportProblem } from './zone-tokenizer.js'

const CLASSES = new Set(['IN', 'CH', 'HS'])
const TTL = /^(?:\d+[smhdw]?)+$/i
const DOLLAR = 0x24
/** Makes ASCII letters lower case. */
const LOWER_BIT = 0x20

/** The names that the owners in a zone file depend on, in wire form. */
export interface ZoneHead {
  /** The zone's name: the owner of its SOA, or without one the first $ORIGIN, or the root. */
  readonly apex: Uint8Array
  /** What completes relative names until the first $ORIGIN. */
  readonly origin: Uint8Array
  readonly hasSoa: boolean
}

/**
 * Finds the apex of a zone, reading up to its SOA. $ORIGIN only completes relative names (RFC 1035
 * §5.1). Without $ORIGIN, relative names are relative to an absolute SOA owner, or else to the root.
 */
export function readZoneHead(octets: Uint8Array): ZoneHead {
  const records = new ZoneRecords(octets, () => undefined)
  let hasSoa = false
  while (!hasSoa && records.advance()) hasSoa = records.isSoa
  const { owner, firstOrigin } = records
  if (!hasSoa) return { apex: firstOrigin ?? ROOT, origin: ROOT, hasSoa }
  const apex = owner.copy()
  return { apex, origin: owner.isAbsolute ? apex : ROOT, hasSoa }
}

const ROOT = Uint8Array.of(0)
const ROOT_HEAD: ZoneHead = { apex: ROOT, origin: ROOT, hasSoa: false }

/** Reads the records of a zone file (RFC 1035 §5.1) one by one, with owners relative to the zone. */
export class ZoneRecords {
  readonly text: ZoneTokenizer
  /** Owner of the current record, relative to the zone: the root is the zone's apex. */
  readonly owner = new ZoneName()
  /** Index of the word with the current record's type, and whether that is CNAME. */
  typeWord = 0
  isCname = false
  /** Index of the word with the current record's TTL; -1: none. */
  ttlWord = -1
  /** Text of the last `$TTL`. RFC 2308 §4. */
  defaultTtl: string | undefined
  /** Number of entries so far, including invalid ones and directives. */
  count = 0
  /** Number of records whose owner is not in the zone. */
  outsideCount = 0
  firstOrigin: Uint8Array | undefined
  /** What completes relative names. */
  private origin: Uint8Array
  /** Whether the last owner was valid, so that the next record may omit it. */
  private isOwnerValid = false

  /** @param head by default that of the root zone: owners remain complete */
  constructor(
    octets: Uint8Array,
    bad: ReportProblem,
    private readonly head: ZoneHead = ROOT_HEAD
  ) {
    this.text = new ZoneTokenizer(octets, bad)
    this.origin = head.origin
  }

  /** Advances to the next record with a valid owner and a type; false at the end. */
  advance(): boolean {
    const { text } = this
    while (text.advance()) {
      this.count++
      if (text.hasOwner && text.octets[text.starts[0]!] === DOLLAR) this.readDirective()
      else if (this.findType() && this.readOwner()) return true
    }
    return false
  }

  /** Whether there was no $ORIGIN yet: relative names may then be meant as absolute. */
  get hasNoOrigin(): boolean {
    return this.firstOrigin === undefined
  }

  /** Whether the current record is an SOA. */
  get isSoa(): boolean {
    return !this.isCname && this.text.text(this.typeWord).toUpperCase() === 'SOA'
  }

  /** Reads a word as a name, without its origin. */
  readName(name: ZoneName, word: number): boolean {
    const { octets, starts, ends, wordCount } = this.text
    return word < wordCount && name.read(octets, starts[word]!, ends[word]!)
  }

  /** Appends the origin to a relative name; false if it becomes too long. */
  makeAbsolute(name: ZoneName): boolean {
    return name.isAbsolute || name.append(this.origin)
  }

  /** Processes `$ORIGIN`, `$TTL` and other directives. RFC 1035 §5.1, RFC 2308 §4. */
  private readDirective(): void {
    const { text } = this
    const name = text.text(0).toUpperCase()
    if (name === '$TTL') {
      if (text.wordCount !== 2 || !TTL.test(text.text(1))) text.reportWord(1, 'not a TTL')
      else this.defaultTtl = text.text(1)
    } else if (name === '$INCLUDE') text.reportWord(0, '$INCLUDE is not supported')
    else if (name !== '$ORIGIN') text.reportWord(0, 'unknown directive')
    else {
      const origin = new ZoneName()
      if (text.wordCount !== 2 || !this.readName(origin, 1) || !this.makeAbsolute(origin)) {
        text.reportWord(1, 'not a domain name')
        return
      }
      this.origin = origin.copy()
      this.firstOrigin ??= this.origin
    }
  }

  /** Finds the type, after TTL and class, which are optional and in any order. */
  private findType(): boolean {
    const { text } = this
    const first = text.hasOwner ? 1 : 0
    let at = first
    this.ttlWord = -1
    for (; at < text.wordCount && at < first + 2 && !this.isCnameAt(at); at++) {
      const word = text.text(at).toUpperCase()
      const isTtl = TTL.test(word)
      if (!isTtl && !CLASSES.has(word)) break
      if (isTtl) this.ttlWord = at
      if (word !== 'CH' && word !== 'HS') continue
      text.reportWord(at, 'class is not IN')
      return false
    }
    if (at >= text.wordCount) text.reportWord(at, 'the record has no type')
    this.typeWord = at
    this.isCname = at < text.wordCount && this.isCnameAt(at)
    return at < text.wordCount
  }

  /** Compares octets, to create no string: most records are CNAMEs. */
  private isCnameAt(i: number): boolean {
    const { octets, starts, ends } = this.text
    const at = starts[i]!
    return (
      ends[i] === at + 5 &&
      (octets[at]! | LOWER_BIT) === 0x63 &&
      (octets[at + 1]! | LOWER_BIT) === 0x6e &&
      (octets[at + 2]! | LOWER_BIT) === 0x61 &&
      (octets[at + 3]! | LOWER_BIT) === 0x6d &&
      (octets[at + 4]! | LOWER_BIT) === 0x65
    )
  }

  private readOwner(): boolean {
    const { text, owner } = this
    if (!text.hasOwner) {
      if (!this.isOwnerValid) text.reportWord(0, 'no owner, and no previous one')
      return this.isOwnerValid
    }
    const why = this.readName(owner, 0) ? this.removeZone() : 'the owner is not a domain name'
    if (why !== undefined) text.reportWord(0, why)
    this.isOwnerValid = why === undefined
    return this.isOwnerValid
  }

  /** Makes the owner relative to the zone. Returns the reason if that is not possible. */
  private removeZone(): string | undefined {
    const { owner, head } = this
    if (!this.makeAbsolute(owner)) return 'the owner is longer than 255 octets'
    if (owner.removeZone(head.apex)) return undefined
    this.outsideCount++
    return `the owner is not in the zone ${showZoneFileName(head.apex)}`
  }
}

/** Length of the root in wire form, the owner of records at the zone's apex. */
export const ROOT_LENGTH: Octets = 1
