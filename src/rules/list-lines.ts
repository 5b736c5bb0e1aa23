import { InterdictError } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { readName, readNameOctets } from '../wire/name.js'
import { COVER } from './types.js'

/**
 * How a list file is written.
 *
 * `domains` a name a line, which stands for itself and all below it; `*.name` means the same, since
 *           that is what the publishers of such lists mean by it
 * `hosts`   an address that leads nowhere, then names, which stand for themselves only
 * `auto`    each line as one of the two, by whether it begins with an address
 */
export type ListFormat = 'auto' | 'domains' | 'hosts'

/** Where the names of a list go. Nothing may be kept of `octets`. */
export interface LineSink {
  name(octets: Uint8Array, at: Octets, length: Octets, cover: number, line: number): void
  /** A line that is not what the format has; `column` from 1. */
  bad(line: number, column: number, why: string): void
}

const [TAB, LF, CR, SPACE, BANG, HASH] = [0x09, 0x0a, 0x0d, 0x20, 0x21, 0x23]
const [STAR, DOT, ZERO, NINE, COLON] = [0x2a, 0x2e, 0x30, 0x39, 0x3a]

/** What hosts files of block lists give their names to. */
const NOWHERE = new Set(['0.0.0.0', '127.0.0.1', '::', '::1', '0', '0:0:0:0:0:0:0:0'])
/** What every hosts file says of the machine itself. */
const LOCAL = new Set([
  ...['localhost', 'localhost.localdomain', 'local', 'broadcasthost', '0.0.0.0'],
  ...['ip6-localhost', 'ip6-loopback', 'ip6-localnet', 'ip6-mcastprefix'],
  ...['ip6-allnodes', 'ip6-allrouters', 'ip6-allhosts']
])
/** Of `localhost.localdomain` in wire form: the only one of `LOCAL` that looks like any name. */
const LOCALDOMAIN_OCTETS = 23
const ODD = 'a whole top-level domain, or an address where a name belongs'

/**
 * Reads a list from its octets, making no text of what is plain: a million lines are the normal
 * case. Comments begin with `#`, or with `!` at the start of a line.
 *
 * @returns how many lines there were, blank ones and comments not counted
 */
export function scanList(octets: Uint8Array, format: ListFormat, sink: LineSink): number {
  return new Scan(octets, format, sink).run()
}

class Scan {
  /** The word at hand is `octets[from, to)`. */
  private from: Octets = 0
  private to: Octets = 0
  private line = 1
  private lineStart: Octets = 0
  private readonly name = new Uint8Array(256)
  /** The last address, where it was, and whether it leads nowhere. */
  private before = { from: 0, to: 0, nowhere: false }

  constructor(
    private readonly octets: Uint8Array,
    private readonly format: ListFormat,
    private readonly sink: LineSink
  ) {}

  run(): number {
    const { octets } = this
    let counted = 0
    let at = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0
    for (; at < octets.length; this.line++) {
      this.lineStart = this.to = at
      if (this.nextWord() && octets[this.from] !== BANG) {
        counted++
        this.readLine()
      }
      const end = octets.indexOf(LF, this.to)
      at = end === -1 ? octets.length : end + 1
    }
    return counted
  }

  private readLine(): void {
    if (this.format !== 'domains' && this.isAddress()) this.readHosts()
    else if (this.format === 'hosts') this.bad('does not begin with an address')
    else this.readDomain()
  }

  private readDomain(): void {
    const { octets, from, to } = this
    const more = this.nextWord()
    const wildcard = octets[from] === STAR && octets[from + 1] === DOT
    this.from = wildcard ? from + 2 : from
    this.to = to
    if (more) this.bad('more than one name')
    else this.readName(COVER.suffix)
  }

  private readHosts(): void {
    const blocks = this.isNowhere()
    let names = 0
    for (; this.nextWord(); names++) {
      if (blocks) this.readName(COVER.exact)
      else if (!LOCAL.has(this.word().toLowerCase())) this.bad('an address of a real host')
    }
    if (names === 0) this.bad('an address without a name')
  }

  /** Whether the address at hand leads nowhere. Nearly all lines have that of the line before. */
  private isNowhere(): boolean {
    const { octets, from, to, before } = this
    let same = to - from === before.to - before.from
    for (let i = 0; same && i < to - from; i++) same = octets[from + i] === octets[before.from + i]
    if (!same) this.before = { from, to, nowhere: NOWHERE.has(this.word()) }
    return this.before.nowhere
  }

  private readName(cover: number): void {
    const { octets, from, to, name } = this
    let length = readNameOctets(octets, from, to, name, 0)
    if (length === -1) length = this.readUnicode()
    if (length === 0) this.bad('not a domain name')
    else if (!this.isOdd(length)) this.sink.name(name, 0, length, cover, this.line)
    else if (!LOCAL.has(this.word().toLowerCase())) this.bad(ODD)
  }

  /**
   * Whether the name, `length` octets in wire form, is one of those that lists may not block: one of
   * `LOCAL`, a whole top-level domain, or an IPv4 address.
   */
  private isOdd(length: Octets): boolean {
    const { octets, to, name } = this
    if (length < 3 || name[name[0]! + 1] === 0) return true
    const last = octets[to - 1]!
    if (isDigit(last) || last === DOT) return /^[\d.]+$/.test(this.word())
    return length === LOCALDOMAIN_OCTETS && LOCAL.has(this.word().toLowerCase())
  }

  /** An internationalized name into `name`; 0 where it is none. */
  private readUnicode(): number {
    try {
      const wire = readName(Buffer.from(this.octets.subarray(this.from, this.to)).toString())
      this.name.set(wire)
      return wire.length
    } catch (error) {
      if (error instanceof InterdictError) return 0
      throw error
    }
  }

  /** Whether the word looks like an address: dotted digits, or anything with a colon. */
  private isAddress(): boolean {
    const { octets, from, to } = this
    let digits = true
    for (let i = from; i < to; i++) {
      if (octets[i] === COLON) return true
      if (digits && octets[i] !== DOT && !isDigit(octets[i]!)) digits = false
    }
    return digits
  }

  /** Goes to the next word of the line; false where there is none before its end or a comment. */
  private nextWord(): boolean {
    const { octets } = this
    let at = this.to
    while (octets[at] === SPACE || octets[at] === TAB || octets[at] === CR) at++
    this.from = at
    for (; at < octets.length; at++) {
      const octet = octets[at]!
      if (octet <= HASH && (octet === HASH || octet <= SPACE) && isEnd(octet)) break
    }
    this.to = at
    return at > this.from
  }

  private word(): string {
    return Buffer.from(this.octets.subarray(this.from, this.to)).toString('latin1')
  }

  private bad(why: string): void {
    this.sink.bad(this.line, this.from - this.lineStart + 1, why)
  }
}

function isDigit(octet: number): boolean {
  return octet >= ZERO && octet <= NINE
}

function isEnd(octet: number): boolean {
  return octet === HASH || octet === SPACE || octet === TAB || octet === LF || octet === CR
}
