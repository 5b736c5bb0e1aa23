import type { Octets } from '../../base/units.js'

/** Reports a problem with an entry of a zone file; `column` counts octets from 1. */
export type ReportProblem = (line: number, column: number, why: string) => void

/** A problem with an entry of a zone file. */
export interface ZoneProblem {
  readonly line: number
  readonly column: number
  readonly why: string
}

const [TAB, LF, CR, SPACE, QUOTE] = [0x09, 0x0a, 0x0d, 0x20, 0x22]
const [OPEN, CLOSE, SEMICOLON, BACKSLASH] = [0x28, 0x29, 0x3b, 0x5c]

/** 1 for each octet that continues a word, whatever precedes it. */
const IN_WORD = Uint8Array.from({ length: 256 }, (_, octet) =>
  [TAB, LF, CR, SPACE, QUOTE, OPEN, CLOSE, SEMICOLON, BACKSLASH].includes(octet) ? 0 : 1
)

/**
 * Splits the entries of a zone file (RFC 1035 §5.1) into tokens, one entry at a time, on octets without
 * creating strings: files of a million entries are normal. Entries with invalid syntax are reported,
 * and reading continues on the next line, unless a parenthesis is open at the end of the file.
 */
export class ZoneTokenizer {
  /** Word `i` is `octets[starts[i], ends[i])`, without the quotes around it. */
  readonly starts: Octets[] = []
  readonly ends: Octets[] = []
  readonly quoted: boolean[] = []
  wordCount = 0
  /** Line number on which the entry begins, from 1. */
  line = 0
  /** Whether the first word is the owner; otherwise the previous entry's owner applies. */
  hasOwner = false
  /** Why the file looks cut off: its last entry is invalid and incomplete. */
  truncation: ZoneProblem | undefined
  /** Start of this entry, and of the next one: past the end if no line feed ends this one. */
  private start: Octets = 0
  private next: Octets
  private nextLine = 1
  /** Position of the open parenthesis; -1: none. */
  private parenthesisStart: Octets = -1

  constructor(
    readonly octets: Uint8Array,
    private readonly report: ReportProblem
  ) {
    this.next = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0
  }

  /** Advances to the next entry that has tokens; false at the end. */
  advance(): boolean {
    while (this.next < this.octets.length) {
      this.start = this.next
      this.line = this.nextLine
      this.wordCount = 0
      if (this.tokenize() && this.wordCount > 0) return true
    }
    return false
  }

  /** Word `i` as text, with its escapes. */
  text(i: number): string {
    return Buffer.from(this.octets.subarray(this.starts[i], this.ends[i])).toString('utf8')
  }

  /** Reports a problem with word `i`, or with the entry if it has no such word. */
  reportWord(i: number, why: string): void {
    this.reportAt(i < this.wordCount ? this.starts[i]! : this.start, why)
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
    const column = at - lineStart + 1
    if (this.next > octets.length) this.truncation ??= { line, column, why }
    this.report(line, column, why)
  }

  private tokenize(): boolean {
    const { octets } = this
    this.parenthesisStart = -1
    this.hasOwner = octets[this.start] !== SPACE && octets[this.start] !== TAB
    let at = this.start
    while (at < octets.length) {
      const octet = octets[at]!
      if (octet === LF) {
        this.nextLine++
        at++
        if (this.parenthesisStart !== -1) continue
        this.next = at
        return true
      } else if (octet === SPACE || octet === TAB || octet === CR) at++
      else if (octet === SEMICOLON) at = lineEnd(octets, at)
      else if (octet === OPEN || octet === CLOSE) {
        if (!this.readParenthesis(octet, at)) return false
        at++
      } else {
        const end = octet === QUOTE ? this.readQuoted(at) : this.readWord(at)
        if (end === -1) return this.skipLine(at, 'quoted text without closing quote')
        at = end
      }
    }
    this.next = octets.length + 1
    if (this.parenthesisStart === -1) return true
    this.reportAt(this.parenthesisStart, 'parenthesis is never closed')
    return false
  }

  private readParenthesis(octet: number, at: Octets): boolean {
    if ((octet === OPEN) === (this.parenthesisStart !== -1)) {
      return this.skipLine(
        at,
        octet === OPEN ? 'nested parenthesis' : 'closing parenthesis without an opening one'
      )
    }
    this.parenthesisStart = octet === OPEN ? at : -1
    return true
  }

  /** Reports a problem and continues on the line after the entry's first one. */
  private skipLine(at: Octets, why: string): false {
    this.next = lineEnd(this.octets, this.start) + 1
    this.nextLine = this.line + 1
    this.reportAt(at, why)
    return false
  }

  /** Reads a quoted word; returns its end, or -1 without a closing quote. */
  private readQuoted(at: Octets): Octets {
    const close = findClosingQuote(this.octets, at)
    if (close !== -1) this.add(at + 1, close, true)
    return close === -1 ? -1 : close + 1
  }

  /** Reads an unquoted word, which may contain quotes, as in `alpn="h2"`; returns its end, or -1. */
  private readWord(at: Octets): Octets {
    const { octets } = this
    let end = at
    while (end < octets.length) {
      const octet = octets[end]!
      if (IN_WORD[octet] === 1) end++
      else if (octet === BACKSLASH) end = Math.min(end + 2, octets.length)
      else if (octet === QUOTE) {
        const close = findClosingQuote(octets, end)
        if (close === -1) return -1
        end = close + 1
      } else break
    }
    this.add(at, end, false)
    return end
  }

  private add(from: Octets, to: Octets, quoted: boolean): void {
    this.starts[this.wordCount] = from
    this.ends[this.wordCount] = to
    this.quoted[this.wordCount] = quoted
    this.wordCount++
  }
}

/** Position of the quote that closes the one at `at`, on the same line; -1: none. */
function findClosingQuote(octets: Uint8Array, at: Octets): Octets {
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
