/**
 * Reads long, simple lists faster than the YAML library can.
 *
 * An app file is one list of names of one line each. For the 43 app files that ship with the
 * program the library alone takes 190 to 220 ms of CPU in a process just started, with this in front
 * of it 55 to 75 ms, and a start may take 500 ms in all. So a list at the top of a file whose every
 * line is of a simple form is read here and taken out of the text that the library gets, and so are
 * the comments at the head of the file: the library takes 20 us for a line that says nothing. Anything
 * this file does not know, it leaves to the library; what it does know has the same value there
 * (`test/document/skim.test.ts` compares them).
 */
import { readEntry } from './entry.js'

/** A list that was read here: its values, and where each begins. */
export interface SkimmedList {
  readonly key: string
  readonly values: readonly unknown[]
  /** Lines from 1, one per value. */
  readonly lines: readonly number[]
  /** Column of each value, from 1. */
  readonly column: number
}

export interface Skimmed {
  /** The text without the values of the lists, and without what stands before its first line. */
  readonly text: string
  /** For each line of `text`, its number in the file, from 1. */
  readonly numbers: readonly number[]
  readonly lists: readonly SkimmedList[]
}

/** Shorter lists are not worth it. */
const MIN_ENTRIES = 2

/** What may begin a line that is not indented; else keys are not where they seem to be. */
const TOP_LINE = /^(?:[A-Za-z][A-Za-z0-9-]*:(?: |\r?$)|- |#|\r?$)/
const KEY_LINE = /^([a-z][a-z0-9-]*):\r?$/
const GAP_LINE = /^ *(?:#.*)?\r?$/
const ENTRY_LINE = /^( *)- (\S.*?)(?: +#.*)?\r?$/

/** Reads the simple lists of a text; undefined where there are none. */
export function skim(text: string): Skimmed | undefined {
  const lines = text.split('\n')
  if (!lines.every(line => line.startsWith(' ') || TOP_LINE.test(line))) return undefined
  const lists: SkimmedList[] = []
  const numbers: number[] = []
  const head = lines.findIndex(line => !GAP_LINE.test(line))
  for (let at = Math.max(head, 0); at < lines.length; at++) {
    numbers.push(at + 1)
    const key = KEY_LINE.exec(lines[at]!)?.[1]
    const list = key === undefined ? undefined : skimList(lines, at + 1, key)
    if (list === undefined) continue
    lists.push(list)
    at = list.lines.at(-1)! - 1
  }
  if (lists.length === 0) return undefined
  return { text: numbers.map(number => lines[number - 1]!).join('\n'), numbers, lists }
}

/** The list that begins at a line, if it is a simple one up to the next key. */
function skimList(lines: readonly string[], from: number, key: string): SkimmedList | undefined {
  const values: unknown[] = []
  const numbers: number[] = []
  let indent: string | undefined
  for (let at = from; at < lines.length; at++) {
    const line = lines[at]!
    if (GAP_LINE.test(line)) continue
    const [, spaces, entry] = ENTRY_LINE.exec(line) ?? []
    if (spaces === undefined || entry === undefined) {
      if (line.startsWith(' ')) return undefined
      break
    }
    indent ??= spaces
    const value = readEntry(entry)
    if (spaces !== indent || value === undefined) return undefined
    values.push(value)
    numbers.push(at + 1)
  }
  if (indent === undefined || values.length < MIN_ENTRIES) return undefined
  return { key, values, lines: numbers, column: indent.length + '- '.length + 1 }
}
