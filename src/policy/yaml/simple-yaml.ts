/**
 * Parses files of a simple form faster than the YAML library.
 *
 * An app file has a few facts and one list of names, one per line. For 43 of the files that
 * ship with the program a new process takes 510 ms of CPU with the library alone, and 80 ms with this
 * parser; a start may take 500 ms in all. It reads files of top-level keys, each with a single-line
 * value (which may be folded) or a list of such values. A file with anything else is left to the
 * library as a whole. The result is the same (`test/yaml/simple-yaml.test.ts` compares them).
 */
import { parseInlineValue } from './inline-value.js'

/** Positions of the values of a list. */
export interface ListPosition {
  /** Line of each value, from 1. */
  readonly lines: readonly number[]
  /** Column of all values, from 1. */
  readonly column: number
}

export interface SimpleYaml {
  readonly value: Readonly<Record<string, unknown>>
  readonly lists: ReadonlyMap<string, ListPosition>
}

const KEY_LINE = /^([a-z][a-z0-9-]*):(?: +(\S.*))?$/
const GAP_LINE = /^ *(?:#.*)?$/
const ENTRY_LINE = /^( *)- (\S.*)$/
const BLOCK_LINE = /^( +)([!-~](?:[ -~\u00a1-\ud7ff]*[!-~])?)$/
const COMMENT = / +#.*$/
const SPACES_BEFORE = /^ +/
const SPACES_AFTER = / +$/

/** The mapping in a text; undefined if it is not of the simple form. */
export function parseSimpleYaml(text: string): SimpleYaml | undefined {
  return new SimpleYamlParser(text.split(/\r?\n/)).parse()
}

class SimpleYamlParser {
  private next = 0
  private readonly value: Record<string, unknown> = {}
  private readonly lists = new Map<string, ListPosition>()

  constructor(private readonly lines: readonly string[]) {}

  parse(): SimpleYaml | undefined {
    this.skipGaps()
    while (this.next < this.lines.length) {
      if (!this.parseKey()) return undefined
      this.skipGaps()
    }
    const { value, lists } = this
    return lists.size > 0 ? { value, lists } : undefined
  }

  /** Parses a top-level key and its value. */
  private parseKey(): boolean {
    const [, key, rest] = KEY_LINE.exec(this.lines[this.next]!) ?? []
    if (key === undefined || Object.hasOwn(this.value, key)) return false
    const value =
      rest === undefined
        ? this.parseList(key)
        : rest === '>-'
          ? this.parseBlock()
          : this.parseValue(rest, 0)
    this.value[key] = value
    return value !== undefined
  }

  private parseList(key: string): readonly unknown[] | undefined {
    const values: unknown[] = []
    const lines: number[] = []
    let indent: string | undefined
    this.next++
    for (;;) {
      this.skipGaps()
      const [, spaces, entry] = ENTRY_LINE.exec(this.lines[this.next] ?? '') ?? []
      if (spaces === undefined || entry === undefined) break
      indent ??= spaces
      lines.push(this.next + 1)
      const value = spaces === indent ? this.parseValue(entry, indent.length) : undefined
      if (value === undefined) return undefined
      values.push(value)
    }
    if (indent === undefined) return undefined
    this.lists.set(key, { lines, column: indent.length + '- '.length + 1 })
    return values
  }

  /** Parses a value that begins with `first` and may be folded; moves to the line after it. */
  private parseValue(first: string, indent: number): unknown {
    let text = first
    while (this.isContinuation(this.lines[++this.next] ?? '', indent)) {
      text = `${text.replace(SPACES_AFTER, '')} ${this.lines[this.next]!.replace(SPACES_BEFORE, '')}`
    }
    // A comment ends a value: a folded one can have it only inside quotes.
    if (text === first) text = text.replace(COMMENT, '')
    return parseInlineValue(text.replace(SPACES_AFTER, ''))
  }

  /** A folded block (`>-`) with uniform indentation and no blank lines. */
  private parseBlock(): string | undefined {
    const texts: string[] = []
    let indent: string | undefined
    for (
      let line = this.lines[++this.next];
      line?.startsWith(' ');
      line = this.lines[++this.next]
    ) {
      const [, spaces, text] = BLOCK_LINE.exec(line) ?? []
      indent ??= spaces
      if (text === undefined || spaces !== indent) return undefined
      texts.push(text)
    }
    const isOver = this.lines[this.next] !== '' || this.next === this.lines.length - 1
    return texts.length > 0 && isOver ? texts.join(' ') : undefined
  }

  /** Whether a line continues the value of the line before it. */
  private isContinuation(line: string, indent: number): boolean {
    return (
      line.length > indent &&
      line.startsWith(' '.repeat(indent + 1)) &&
      !GAP_LINE.test(line) &&
      !ENTRY_LINE.test(line)
    )
  }

  private skipGaps(): void {
    while (this.next < this.lines.length && GAP_LINE.test(this.lines[this.next]!)) this.next++
  }
}
