import { InterdictError } from '../../../base/errors/error.js'
import type { Octets } from '../../../base/units.js'
import { readName, readPlainName } from '../../../wire/dns/name/name.js'

const [TAB, LF, CR, SPACE, HASH] = [0x09, 0x0a, 0x0d, 0x20, 0x23]
const [DOT, ZERO, NINE] = [0x2e, 0x30, 0x39]

/** Longer lines are skipped: neither people nor programs write them. */
const MAX_LINE: Octets = 65_536
/** Longest textual form of a name of 255 octets, with escapes. */
const MAX_WORD: Octets = 1024

/** Names of the machine itself that every hosts file has. */
const LOCAL_NAMES = new Set([
  ...['localhost', 'localhost.localdomain', 'local', 'broadcasthost', '0.0.0.0'],
  ...['ip6-localhost', 'ip6-loopback', 'ip6-localnet', 'ip6-mcastprefix'],
  ...['ip6-allnodes', 'ip6-allrouters', 'ip6-allhosts']
])
/** Whether a hosts file has this name for the machine itself. */
export function isLocalName(name: string): boolean {
  return LOCAL_NAMES.has(name.toLowerCase())
}

/** Wire length of `localhost.localdomain`, the only one of `LOCAL_NAMES` that could be any name. */
const LOCALDOMAIN_OCTETS = 23

/** Results of `ListText.readName` for words that are not names to block. */
const NOT_A_NAME = 0
export const ADDRESS = -1
/** A top-level domain. */
export const TOP_LEVEL = -2
/** A name of the machine itself: lists may have it, and it is never blocked. */
export const LOCAL_NAME = -3

/** The octets of a list file, with a cursor that moves line by line and word by word. */
export class ListText {
  /** The current line, from 1: `octets[lineStart, lineEnd)`. */
  line = 0
  lineStart: Octets = 0
  lineEnd: Octets = 0
  /** The current word: `octets[from, to)`. */
  from: Octets = 0
  to: Octets = 0
  /** The name that `readName` read last, in lower-cased wire form. */
  readonly name = new Uint8Array(256)
  private next: Octets

  constructor(readonly octets: Uint8Array) {
    this.next = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0
  }

  /** Moves to the next line, before its first word; false at the end of the file. */
  nextLine(): boolean {
    const { octets, next } = this
    if (next >= octets.length) return false
    const end = octets.indexOf(LF, next)
    this.line++
    this.lineStart = this.from = this.to = next
    this.lineEnd = end === -1 ? octets.length : end
    this.next = this.lineEnd + 1
    return true
  }

  /** Whether the current line is too long to be read. */
  get isTooLong(): boolean {
    return this.lineEnd - this.lineStart > MAX_LINE
  }

  /** Selects the next word of the line; false at its end or at a comment. */
  nextWord(): boolean {
    const { octets, lineEnd } = this
    let at = this.to
    while (at < lineEnd && isBlank(octets[at]!)) at++
    this.from = at
    for (; at < lineEnd; at++) {
      const octet = octets[at]!
      if (octet <= HASH && (octet === HASH || isBlank(octet))) break
    }
    this.to = at
    return at > this.from
  }

  /** Selects the whole line without surrounding blanks; false if it is blank. */
  selectLine(): boolean {
    const { octets } = this
    let { lineStart: from, lineEnd: to } = this
    while (from < to && isBlank(octets[from]!)) from++
    while (to > from && isBlank(octets[to - 1]!)) to--
    this.from = from
    this.to = to
    return to > from
  }

  /** The word, one character per octet, cut off after the longest possible name. */
  get word(): string {
    const { octets, from, to } = this
    return Buffer.from(octets.subarray(from, Math.min(to, from + MAX_WORD))).toString('latin1')
  }

  /** The word, decoded as UTF-8. */
  get text(): string {
    return Buffer.from(this.octets.subarray(this.from, this.to)).toString()
  }

  /** Column of the word, from 1. */
  get column(): number {
    return this.from - this.lineStart + 1
  }

  /**
   * Reads the word as a name to block, into `name`.
   *
   * @returns its length in octets; or NOT_A_NAME, ADDRESS, TOP_LEVEL, LOCAL_NAME
   */
  readName(): number {
    const { octets, from, to, name } = this
    let length = readPlainName(octets, from, to, name, 0)
    if (length === -1) length = this.readUnicode()
    if (length === 0) return NOT_A_NAME
    const isTop = length < 3 || name[name[0]! + 1] === 0
    const last = octets[to - 1]!
    const isAddress = (isDigit(last) || last === DOT) && /^[\d.]+$/.test(this.word)
    if (!isTop && !isAddress && length !== LOCALDOMAIN_OCTETS) return length
    if (this.isLocal) return LOCAL_NAME
    return isAddress ? ADDRESS : isTop ? TOP_LEVEL : length
  }

  /** Whether the word is a name of the machine itself. */
  get isLocal(): boolean {
    return isLocalName(this.word)
  }

  /** Reads an internationalized name into `name`; 0 if it is not one. */
  private readUnicode(): number {
    const { octets, from, to } = this
    if (to - from > MAX_WORD) return 0
    try {
      const wire = readName(Buffer.from(octets.subarray(from, to)).toString())
      this.name.set(wire)
      return wire.length
    } catch (error) {
      if (error instanceof InterdictError) return 0
      throw error
    }
  }
}

/** Why a word is skipped for which `ListText.readName` returned no length. */
export function invalidNameReason(found: number): string {
  if (found === ADDRESS) return 'expected a name, found an address'
  return found === TOP_LEVEL ? 'a whole top-level domain' : 'not a domain name'
}

/**
 * Caches the meaning of the last two distinct words: in most lists nearly all lines share a word,
 * or every other line does.
 */
export class WordCache<T> {
  private last: CachedWord<T> | undefined
  private previous: CachedWord<T> | undefined

  /** @param read computes the meaning of an uncached word, given with one character per octet */
  get(text: ListText, read: (word: string) => T): T {
    const { last, previous: before } = this
    if (last !== undefined && isSame(text, last)) return last.value
    if (before !== undefined && isSame(text, before)) {
      this.last = before
      this.previous = last
      return before.value
    }
    this.previous = last
    this.last = { from: text.from, to: text.to, value: read(text.word) }
    return this.last.value
  }
}

/** A word, by its position, and its meaning. */
interface CachedWord<T> {
  readonly from: Octets
  readonly to: Octets
  readonly value: T
}

function isSame({ octets, from, to }: ListText, known: CachedWord<unknown>): boolean {
  const length = to - from
  if (length !== known.to - known.from) return false
  for (let i = 0; i < length; i++) if (octets[from + i] !== octets[known.from + i]) return false
  return true
}

export function isDigit(octet: number): boolean {
  return octet >= ZERO && octet <= NINE
}

export function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB || octet === CR
}
