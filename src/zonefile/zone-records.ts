import type { Octets } from '../base/units.js'
import { ZoneName } from './zone-names.js'
import { ZoneText, type Report } from './zone-text.js'

const CLASSES = new Set(['IN', 'CH', 'HS'])
const TTL = /^(?:\d+[smhdw]?)+$/i
const DOLLAR = 0x24
/** Makes ASCII letters lower case. */
const LOWER_BIT = 0x20

/**
 * The records of a master file (RFC 1035 §5.1) one after the other, their owners without the name of
 * the zone. That is the owner of its SOA, or the first $ORIGIN; where the file says neither, all
 * names are taken as if it stood behind them.
 */
export class ZoneRecords {
  readonly text: ZoneText
  /** Of the record at hand, in the zone: the root is the zone itself. */
  readonly owner = new ZoneName()
  /** Which word of the record at hand is its type, and whether that is CNAME. */
  type = 0
  isCname = false
  /** How many entries there were so far, bad ones and directives too. */
  count = 0
  hasSoa = false
  /** What relative names are in; undefined: the zone. */
  private origin: Uint8Array | undefined
  /** The zone's name; undefined: not told, so far. */
  private zone: Uint8Array | undefined
  /** Whether there was an owner that is right and may be left out. */
  private isOwned = false

  constructor(octets: Uint8Array, bad: Report) {
    this.text = new ZoneText(octets, bad)
  }

  /** Goes to the next record that is right as far as its type; false where there is none. */
  advance(): boolean {
    const { text } = this
    while (text.advance()) {
      this.count++
      if (text.hasOwner && text.octets[text.starts[0]!] === DOLLAR) this.direct()
      else if (this.findType() && this.readOwner()) return true
    }
    return false
  }

  /** Whether names may be meant as they are written, with or without a final dot. */
  get isBare(): boolean {
    return this.origin === undefined
  }

  /** Reads a word as a name, as it is written. */
  read(name: ZoneName, word: number): boolean {
    const { octets, starts, ends, words } = this.text
    return word < words && name.read(octets, starts[word]!, ends[word]!)
  }

  /** Adds to a relative name what it is relative to; false where that is too long. */
  complete(name: ZoneName): boolean {
    const origin = this.origin ?? this.zone
    return name.isAbsolute || origin === undefined || name.complete(origin)
  }

  /** `$ORIGIN`, `$TTL` and what else begins with a dollar sign. RFC 1035 §5.1, RFC 2308 §4. */
  private direct(): void {
    const { text } = this
    const name = text.text(0).toUpperCase()
    if (name === '$TTL') {
      if (text.words !== 2 || !TTL.test(text.text(1))) text.bad(1, 'no TTL')
    } else if (name === '$INCLUDE') text.bad(0, 'other files are not read')
    else if (name !== '$ORIGIN') text.bad(0, 'no directive that is known here')
    else {
      const origin = new ZoneName()
      if (text.words !== 2 || !this.read(origin, 1) || !this.complete(origin)) {
        text.bad(1, 'no domain name')
        return
      }
      this.origin = origin.copy()
      this.zone ??= this.origin
    }
  }

  /** Finds the type: it is behind TTL and class, which come in either order, or not at all. */
  private findType(): boolean {
    const { text } = this
    const first = text.hasOwner ? 1 : 0
    let at = first
    for (; at < text.words && at < first + 2 && !this.isCnameAt(at); at++) {
      const word = text.text(at).toUpperCase()
      if (!TTL.test(word) && !CLASSES.has(word)) break
      if (word !== 'CH' && word !== 'HS') continue
      text.bad(at, 'a class other than IN')
      return false
    }
    if (at >= text.words) text.bad(at, 'no record: its type is missing')
    this.type = at
    this.isCname = at < text.words && this.isCnameAt(at)
    return at < text.words
  }

  /** Most records are CNAMEs, and no text is made of them. */
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
    const isSoa = !this.isCname && text.text(this.type).toUpperCase() === 'SOA'
    if (isSoa) this.hasSoa = true
    if (!text.hasOwner) {
      if (!this.isOwned) text.bad(0, 'no owner: none came before')
      return this.isOwned
    }
    const why = this.read(owner, 0) ? this.place(isSoa) : 'the owner is no domain name'
    if (why !== undefined) text.bad(0, why)
    this.isOwned = why === undefined
    return this.isOwned
  }

  /** Takes the zone's name off the owner; why that cannot be done. */
  private place(isSoa: boolean): string | undefined {
    const { owner } = this
    if (isSoa && owner.isAbsolute) this.zone = owner.copy()
    if (!owner.isAbsolute && this.isBare) return undefined
    if (!this.complete(owner)) return 'the owner is over 255 octets'
    return this.zone === undefined || owner.strip(this.zone)
      ? undefined
      : 'the owner is not in the zone'
  }
}

/** Octets of the root in wire form: of an owner that is the zone itself. */
export const ROOT: Octets = 1
