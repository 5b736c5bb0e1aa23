import type { Octets } from '../base/units.js'

/** What is wrong with an entry of a master file, and at which octet. */
export type Report = (line: number, column: number, why: string) => void

const [TAB, LF, CR, SPACE, QUOTE] = [0x09, 0x0a, 0x0d, 0x20, 0x22]
const [OPEN, CLOSE, SEMICOLON, BACKSLASH] = [0x28, 0x29, 0x3b, 0x5c]

/** 1 for each octet that a word may go on with, whatever the octet before. */
const IN_WORD = Uint8Array.from({ length: 256 }, (_, octet) =>
  [TAB, LF, CR, SPACE, QUOTE, OPEN, CLOSE, SEMICOLON, BACKSLASH].includes(octet) ? 0 : 1
)

/**
 * The entries of a master file (RFC 1035 §5.1) one after the other, from its octets and as octets:
 * a million of them are the normal case. What cannot be cut into words is reported, and reading goes
 * on with the next line.
 */
export class ZoneText {
  /** Word `i` is `octets[starts[i], ends[i])`, without the quotes around it. */
  readonly starts: Octets[] = []
  readonly ends: Octets[] = []
  readonly quoted: boolean[] = []
  words = 0
  /** The line on which the entry begins, from 1. */
  line = 0
  /** Whether the first word is the owner; else it is that of the entry before. */
  hasOwner = false
  /** Where the entry and the one after it begin. */
  private start: Octets = 0
  private next: Octets
  private nextLine = 1
  /** Where the parenthesis at hand was opened; -1: there is none. */
  private open: Octets = -1

  constructor(
    readonly octets: Uint8Array,
    private readonly report: Report
  ) {
    this.next = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0
  }

  /** Goes to the next entry that has words; false where there is none. */
  advance(): boolean {
    while (this.next < this.octets.length) {
      this.start = this.next
      this.line = this.nextLine
      this.words = 0
      if (this.cut() && this.words > 0) return true
    }
    return false
  }

  /** Word `i` as text, its escapes as they stand. */
  text(i: number): string {
    return Buffer.from(this.octets.subarray(this.starts[i], this.ends[i])).toString('utf8')
  }

  /** Reports what is wrong with word `i`, or where there is none such, with the entry. */
  bad(i: number, why: string): void {
    this.reportAt(i < this.words ? this.starts[i]! : this.start, why)
  }

  private reportAt(at: Octets, why: string): void {
    const { octets, start } = this
    let line = this.line
    let lineStart = start
    for (let i = start; i < at; i++) {
      if (octets[i] !== LF) continue
      line++
      lineStart = i + 1
    }
    this.report(line, at - lineStart + 1, why)
  }

  private cut(): boolean {
    const { octets } = this
    this.open = -1
    this.hasOwner = octets[this.start] !== SPACE && octets[this.start] !== TAB
    let at = this.start
    while (at < octets.length) {
      const octet = octets[at]!
      if (octet === LF) {
        this.nextLine++
        if (this.open === -1) return this.end(at + 1)
        at++
      } else if (octet === SPACE || octet === TAB || octet === CR) at++
      else if (octet === SEMICOLON) at = lineEnd(octets, at)
      else if (octet === OPEN || octet === CLOSE) {
        if (!this.parenthesis(octet, at)) return false
        at++
      } else {
        const end = octet === QUOTE ? this.quote(at) : this.word(at)
        if (end === -1) return this.giveUp(at, 'a quoted text without its end')
        at = end
      }
    }
    if (this.open !== -1) return this.giveUp(this.open, 'a parenthesis that is never closed')
    return this.end(at)
  }

  private end(at: Octets): boolean {
    this.next = at
    return true
  }

  private parenthesis(octet: number, at: Octets): boolean {
    if ((octet === OPEN) === (this.open !== -1)) {
      return this.giveUp(at, octet === OPEN ? 'a parenthesis in another' : 'nothing to close')
    }
    this.open = octet === OPEN ? at : -1
    return true
  }

  /** Reads on at the line after that on which the entry begins. */
  private giveUp(at: Octets, why: string): false {
    this.reportAt(at, why)
    this.next = lineEnd(this.octets, this.start) + 1
    this.nextLine = this.line + 1
    return false
  }

  /** A word with quotes around it; returns where it ends, -1 where it does not. */
  private quote(at: Octets): Octets {
    const close = closing(this.octets, at)
    if (close !== -1) this.add(at + 1, close, true)
    return close === -1 ? -1 : close + 1
  }

  /** A word without quotes around it; there may be some in it, as in `alpn="h2"`. */
  private word(at: Octets): Octets {
    const { octets } = this
    let end = at
    while (end < octets.length) {
      const octet = octets[end]!
      if (IN_WORD[octet] === 1) end++
      else if (octet === BACKSLASH) end = Math.min(end + 2, octets.length)
      else if (octet === QUOTE) {
        const close = closing(octets, end)
        if (close === -1) return -1
        end = close + 1
      } else break
    }
    this.add(at, end, false)
    return end
  }

  private add(from: Octets, to: Octets, quoted: boolean): void {
    this.starts[this.words] = from
    this.ends[this.words] = to
    this.quoted[this.words] = quoted
    this.words++
  }
}

/** Where the quote that is opened at `at` is closed, on its line; -1: nowhere. */
function closing(octets: Uint8Array, at: Octets): Octets {
  for (let i = at + 1; i < octets.length && octets[i] !== LF; i++) {
    if (octets[i] === QUOTE) return i
    if (octets[i] === BACKSLASH) i++
  }
  return -1
}

function lineEnd(octets: Uint8Array, at: Octets): Octets {
  const end = octets.indexOf(LF, at)
  return end === -1 ? octets.length : end
}
