/**
 * Parses large files of a plain form faster than the YAML library: a file with 100,000 networks takes
 * it ten seconds and a gigabyte.
 *
 * It reads block mappings and lists, with values on one line: plain and quoted strings, whole numbers,
 * true and false, flow lists and flow mappings. A file with anything else (block scalars, values over
 * several lines, empty values, anchors, tags, escapes) is left to the library as a whole. Values and
 * positions are the same (`test/yaml/plain-yaml.test.ts` compares them).
 */
import { isSentence, isWord, QUOTED } from './inline-value.js'
import { PlainPlaces } from './plain-places.js'

export interface PlainYaml {
  readonly value: Readonly<Record<string, unknown>>
  readonly places: PlainPlaces
}

/** A file that is left to the library. */
class NotPlain extends Error {}

/** A block or flow key that YAML reads as a string. The latter needs a value on its line. */
const KEY = /[A-Za-z][\w.-]*:(?=[ \n]|$)/y
const KNOWN_KEYS = 64
const NOT_A_KEY = /^(?:true|false|null)$/i
const PLAIN = /[A-Za-z0-9=](?:[\w./()+;@=*-]|:(?=[\w./:])| +(?=[\w./()+;@=]))*/y
const INTEGER = /^(?:0|[1-9]\d{0,14})$/
/** An address, a prefix, a URL, a duration or a size: not a number, though it begins with a digit. */
const STRING = /[:/]|^\d+(?:\.\d+){2,}$|^\d+[a-df-np-wyz]/i
/** Tabs, carriage returns and other control characters. */
const SPECIAL = /[\0-\x09\x0b-\x1f\x7f-\x9f\ufeff]/
const [LF, SPACE, QUOTE, HASH, APOSTROPHE, COMMA] = [0x0a, 0x20, 0x22, 0x23, 0x27, 0x2c]
const [DASH, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x2d, 0x5b, 0x5d, 0x7b, 0x7d]

/**
 * The mapping in a text; undefined if it is not of the plain form.
 *
 * @param onFailure called with the offset of the first line, or sign, that is not
 */
export function parsePlainYaml(
  text: string,
  onFailure: (offset: number) => void = () => undefined
): PlainYaml | undefined {
  const parser = new PlainYamlParser(text)
  try {
    const special = text.search(SPECIAL)
    if (special === -1) return parser.parse()
    onFailure(special)
    return undefined
  } catch (error) {
    // V8 throws RangeError on too deep nesting.
    if (!(error instanceof NotPlain) && !(error instanceof RangeError)) throw error
    onFailure(parser.lineStart)
    return undefined
  }
}

class PlainYamlParser {
  /** The current line: its indentation (-1 at the end), and offsets of its content and end. */
  private indent = 0
  private start = 0
  private end = -1
  /** Offset behind the value that was read last. */
  private at = 0
  /** Keys of earlier lines, by their length and first letter. */
  private readonly keys = new Array<string | undefined>(KNOWN_KEYS).fill(undefined)
  private readonly places: PlainPlaces

  constructor(private readonly text: string) {
    this.places = new PlainPlaces(text)
  }

  /** Offset of the content of the current line. */
  get lineStart(): number {
    return this.start
  }

  parse(): PlainYaml {
    this.nextLine()
    if (this.indent !== 0) throw new NotPlain()
    const value = this.mapping(0)
    if (this.hasLine) throw new NotPlain()
    return { value, places: this.places }
  }

  private get hasLine(): boolean {
    return this.indent !== -1
  }

  /** Moves to the next line that is neither blank nor a comment. */
  private nextLine(): void {
    const { text } = this
    while (this.end < text.length) {
      const from = this.end + 1
      const end = text.indexOf('\n', from)
      this.end = end === -1 ? text.length : end
      let at = from
      while (text.charCodeAt(at) === SPACE) at++
      if (at < this.end && text.charCodeAt(at) !== HASH) {
        this.indent = at - from
        this.start = at
        return
      }
    }
    this.indent = -1
  }

  private mapping(indent: number, keyAt?: number): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    const node = this.places.open(this.start, keyAt)
    while (this.indent === indent && !this.isItem()) {
      const from = this.start
      const key = this.key(from, values)
      values[key] = this.isEnd(this.at)
        ? this.nested(indent, from)
        : this.lineValue(this.at, indent, from)
    }
    this.places.close(node)
    return values
  }

  /** The key at an offset, which must be new. */
  private key(at: number, values: Readonly<Record<string, unknown>>): string {
    if (!this.matches(KEY, at)) throw new NotPlain()
    const key = this.keyBetween(at, this.at - 1)
    if (Object.hasOwn(values, key)) throw new NotPlain()
    return key
  }

  /** A key as text: that of an earlier line if it is the same, since V8 looks up a new string slowly. */
  private keyBetween(at: number, end: number): string {
    const { text, keys } = this
    const slot = (text.charCodeAt(at) + end - at) % KNOWN_KEYS
    const known = keys[slot]
    if (known?.length === end - at && text.startsWith(known, at)) return known
    const key = text.slice(at, end)
    if (NOT_A_KEY.test(key)) throw new NotPlain()
    keys[slot] = key
    return key
  }

  /** The mapping or list on the lines below a key. */
  private nested(indent: number, keyAt: number): unknown {
    this.nextLine()
    if (this.isItem() && this.indent >= indent) return this.list(this.indent, keyAt)
    if (this.indent > indent) return this.mapping(this.indent, keyAt)
    throw new NotPlain()
  }

  private list(indent: number, keyAt: number): unknown[] {
    const values: unknown[] = []
    const node = this.places.open(this.start, keyAt)
    while (this.indent === indent && this.isItem()) {
      let at = this.start + 1
      while (this.text.charCodeAt(at) === SPACE) at++
      if (!this.matches(KEY, at)) values.push(this.lineValue(at, indent))
      else {
        this.indent += at - this.start
        this.start = at
        values.push(this.mapping(this.indent))
      }
    }
    this.places.close(node)
    return values
  }

  /** Whether the current line is an item of a list with a value on the same line. */
  private isItem(): boolean {
    const { text, start } = this
    return text.charCodeAt(start) === DASH && text.charCodeAt(start + 1) === SPACE
  }

  /** The value on the rest of the line. Moves to the next line. */
  private lineValue(from: number, indent: number, keyAt?: number): unknown {
    const { text } = this
    let at = from
    while (text.charCodeAt(at) === SPACE) at++
    let value = this.flowValue(at, keyAt)
    if (!this.isEnd(this.at)) {
      const rest = text.slice(at, this.end).replace(/ +$/, '')
      if (typeof value !== 'string' || !isSentence(rest)) throw new NotPlain()
      value = rest
    }
    this.nextLine()
    // A more indented line would continue the value.
    if (this.indent > indent) throw new NotPlain()
    return value
  }

  /** Whether only spaces and a comment follow on the line. */
  private isEnd(from: number): boolean {
    const { text, end } = this
    let at = from
    while (text.charCodeAt(at) === SPACE) at++
    return at >= end || (at > from && text.charCodeAt(at) === HASH)
  }

  private flowValue(at: number, keyAt?: number): unknown {
    const sign = this.text.charCodeAt(at)
    const node = this.places.open(at, keyAt)
    if (sign === OPEN_LIST) return this.flowList(at, node)
    if (sign === OPEN_MAP) return this.flowMapping(at, node)
    return this.scalar(at, sign)
  }

  private scalar(at: number, sign: number): unknown {
    if (sign === QUOTE || sign === APOSTROPHE) {
      if (!this.matches(QUOTED, at)) throw new NotPlain()
      return this.text.slice(at + 1, this.at - 1)
    }
    if (!this.matches(PLAIN, at)) throw new NotPlain()
    const plain = this.text.slice(at, this.at)
    if (isWord(plain) || STRING.test(plain)) return plain
    if (plain === 'true' || plain === 'false') return plain === 'true'
    if (INTEGER.test(plain)) return Number(plain)
    throw new NotPlain()
  }

  private flowList(from: number, node: number): unknown[] {
    let at = this.skipSpaces(from + 1)
    const isEmpty = this.text.charCodeAt(at) === CLOSE_LIST
    // Most have one value: `push` would leave room for 16 more.
    const values = isEmpty ? [] : [this.flowValue(at)]
    if (!isEmpty) at = this.skipComma(CLOSE_LIST)
    while (this.text.charCodeAt(at) !== CLOSE_LIST) {
      values.push(this.flowValue(at))
      at = this.skipComma(CLOSE_LIST)
    }
    this.at = at + 1
    this.places.close(node)
    return values
  }

  private flowMapping(from: number, node: number): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    let at = this.skipSpaces(from + 1)
    while (this.text.charCodeAt(at) !== CLOSE_MAP) {
      const key = this.key(at, values)
      values[key] = this.flowValue(this.skipSpaces(this.at), at)
      at = this.skipComma(CLOSE_MAP)
    }
    this.at = at + 1
    this.places.close(node)
    return values
  }

  /** Skips a comma before another value. @returns where that, or the closing bracket, is */
  private skipComma(close: number): number {
    const at = this.skipSpaces(this.at)
    const sign = this.text.charCodeAt(at)
    if (sign === close) return at
    const next = this.skipSpaces(at + 1)
    if (sign !== COMMA || this.text.charCodeAt(next) === close) throw new NotPlain()
    return next
  }

  private skipSpaces(from: number): number {
    let at = from
    while (this.text.charCodeAt(at) === SPACE) at++
    if (this.text.charCodeAt(at) === LF) throw new NotPlain()
    return at
  }

  /** Whether a pattern matches at an offset; `this.at` is then behind the match. */
  private matches(pattern: RegExp, at: number): boolean {
    pattern.lastIndex = at
    const found = pattern.test(this.text)
    if (found) this.at = pattern.lastIndex
    return found
  }
}
