/**
 * Single-line YAML values of a simple form: a plain or quoted string, a flow list of strings, or a
 * flow mapping of strings and lists of strings. `simple-yaml.ts` leaves all others to the library.
 */

/** A string that YAML reads as a string, without quotes or escapes. */
const PLAIN = /[A-Za-z0-9=](?:[\w./()+;@=*-]|:(?=[\w./])| +(?=[\w./()+;@=]))*/y
/** Matches at its `lastIndex`; group 1 or 2 is the content. */
export const QUOTED = /"([ !#-[\]-~\u00a1-\ud7ff]*)"|'([ -&(-~\u00a1-\ud7ff]*)'(?!')/y
const KEY = /([a-z][a-z0-9-]*): +/y
const SPACE = / */y
/** Text that needs no quotes outside flow mappings and lists. */
const SENTENCE = /^[A-Za-z](?:[ !-"$-9;-~\u00a1-\ud7ff]|:(?=[!-~])|#)*$/
/**
 * Words that begin with a letter are strings, except for these; so are domain names that begin with
 * a digit, dates and months.
 */
const WORD = /^(?!(?:true|false|null)$)[A-Za-z=]|\.[A-Za-z]{2,}$|^\d{4}-\d\d(?:-\d\d)?$/i

/** Whether a plain scalar is read as a string rather than as a number or another value. */
export function isWord(text: string): boolean {
  return WORD.test(text)
}

/** Whether the plain text of a whole value, outside flow mappings and lists, is read as a string. */
export function isSentence(text: string): boolean {
  return SENTENCE.test(text) && !text.includes(' #') && WORD.test(text)
}

/** Parses the value of a line; undefined: leave it to the library. */
export function parseInlineValue(text: string): unknown {
  return new InlineParser(text).parse()
}

class InlineParser {
  private at = 0

  constructor(private readonly text: string) {}

  parse(): unknown {
    const { text } = this
    const value = text.startsWith('{')
      ? this.mapping()
      : text.startsWith('[')
        ? this.list()
        : this.item()
    if (this.at === text.length) return value
    return isSentence(text) ? text : undefined
  }

  private mapping(): Record<string, unknown> | undefined {
    const values: Record<string, unknown> = {}
    this.at++
    do {
      this.match(SPACE)
      const key = this.match(KEY)?.[1]
      if (key === undefined || Object.hasOwn(values, key)) return undefined
      const value = this.text[this.at] === '[' ? this.list() : this.item()
      if (value === undefined) return undefined
      values[key] = value
      this.match(SPACE)
    } while (this.take(','))
    return this.take('}') ? values : undefined
  }

  private list(): string[] | undefined {
    const items: string[] = []
    this.at++
    this.match(SPACE)
    if (this.take(']')) return items
    do {
      this.match(SPACE)
      const item = this.item()
      if (item === undefined) return undefined
      items.push(item)
      this.match(SPACE)
    } while (this.take(','))
    return this.take(']') ? items : undefined
  }

  private item(): string | undefined {
    const quoted = this.match(QUOTED)
    if (quoted !== undefined) return quoted[1] ?? quoted[2]
    const plain = this.match(PLAIN)?.[0]
    return plain !== undefined && WORD.test(plain) ? plain : undefined
  }

  private take(sign: string): boolean {
    if (this.text[this.at] !== sign) return false
    this.at++
    return true
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text) ?? undefined
    if (found !== undefined) this.at = pattern.lastIndex
    return found
  }
}
