import type { Prefix } from '../../base/values/address.js'
import type { Octets } from '../../base/units.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { coverOf, sourceOf } from './source-sets.js'

/**
 * An entry is what the snapshot stores of one name or prefix, however many sources list it. Its
 * number is the position of its first word, which is never 0:
 *
 *     word 0   its source set
 *     word 1   listed by one source: the line in that source; by more: the link of the last one
 *     octets   a name: its wire length, then its wire form with root label
 *              a prefix: 0, its length in bits, 16 octets of address
 *
 * A link is two words: the line in one source, then what word 1 was before that source was added.
 */
export interface EntryBuffers {
  readonly words: SharedArrayBuffer
  /** How many of these words are in use. */
  readonly used: number
  readonly links: SharedArrayBuffer
  readonly sets: SharedArrayBuffer
}

/** Octets in front of the name: two words. */
const HEADER_OCTETS = 8
/** First content octet of an entry for a prefix; no name has this length. */
export const PREFIX_MARK = 0
export const ADDRESS_OCTETS = 16
/** Entry number 0 means none, as in fresh memory. */
export const FIRST_ENTRY = 1

/** Where the content of an entry begins, in octets of the entry memory. */
export function contentOffset(entry: number): number {
  return 4 * entry + HEADER_OCTETS
}

/** Words of an entry with so many octets of content. */
export function entryWords(octets: number): number {
  return (HEADER_OCTETS + octets + 3) >>> 2
}

/**
 * Whether an entry is for the suffix of `name` that begins at octet `start`. Compares the whole
 * name: equal hashes alone never make a match.
 */
export function entryIsName(
  octets: Uint8Array,
  entry: number,
  name: HashedName,
  start: number
): boolean {
  const length = name.length - start
  let at = 4 * entry + HEADER_OCTETS
  if (octets[at] !== length) return false
  const expected = name.octets
  for (let from = start; from < name.length; from++) {
    if (octets[++at] !== expected[from]) return false
  }
  return true
}

/** A source that lists a name, and on which line. */
export interface SourceLine {
  /** Made by `sourceRef`. */
  readonly ref: number
  readonly line: number
}

/** Reads entries: their names or prefixes, and the lines where sources list them. */
export class Entries {
  private readonly words: Int32Array
  private readonly octets: Uint8Array
  private readonly links: Int32Array
  private readonly sets: Int32Array

  constructor(buffers: EntryBuffers) {
    this.words = new Int32Array(buffers.words)
    this.octets = new Uint8Array(buffers.words)
    this.links = new Int32Array(buffers.links)
    this.sets = new Int32Array(buffers.sets)
  }

  /**
   * The line where a source lists an entry; -1 if it does not. Allocates nothing.
   *
   * @param ignored references with this cover do not count
   */
  lineOf(entry: number, source: number, ignored: number): number {
    const set = this.words[entry]!
    let link = this.words[entry + 1]!
    for (let nth = this.sets[set]!; nth > 0; nth--) {
      const ref = this.sets[set + nth]!
      if (sourceOf(ref) === source && coverOf(ref) !== ignored)
        return nth === 1 ? link : this.links[link]!
      if (nth > 1) link = this.links[link + 1]!
    }
    return -1
  }

  /** Whether a source lists an entry on one of these lines. Allocates nothing. */
  isAtLine(entry: number, source: number, lines: ReadonlySet<number>): boolean {
    const set = this.words[entry]!
    let link = this.words[entry + 1]!
    for (let nth = this.sets[set]!; nth > 0; nth--) {
      const line = nth === 1 ? link : this.links[link]!
      if (sourceOf(this.sets[set + nth]!) === source && lines.has(line)) return true
      if (nth > 1) link = this.links[link + 1]!
    }
    return false
  }

  /** The sources that list an entry, in the order they were added. */
  sourcesOf(entry: number): SourceLine[] {
    const set = this.words[entry]!
    const count = this.sets[set]!
    const result: SourceLine[] = []
    let link = this.words[entry + 1]!
    for (let nth = count; nth > 0; nth--) {
      const ref = this.sets[set + nth]!
      const line = nth === 1 ? link : this.links[link]!
      if (nth > 1) link = this.links[link + 1]!
      result.push({ ref, line })
    }
    return result.reverse()
  }

  /** What is stored: a name in wire form (a copy), or a prefix. */
  contentOf(entry: number): { name: Uint8Array } | { prefix: Prefix } {
    const at = contentOffset(entry)
    const length = this.octets[at]!
    if (length !== PREFIX_MARK) return { name: this.octets.slice(at + 1, at + 1 + length) }
    const address = this.octets.slice(at + 2, at + 2 + ADDRESS_OCTETS)
    return { prefix: { address, length: this.octets[at + 1]! } }
  }
}

/**
 * The entries of all names strictly below one of some names, in the order of memory. Includes entries
 * that are no longer in use: `NameTableEditor` removes a name from the table only.
 *
 * @param bases in wire form
 */
export function* namesBelow(
  { words, used }: EntryBuffers,
  bases: readonly Uint8Array[]
): Generator<number> {
  if (bases.length === 0) return
  const octets = new Uint8Array(words)
  for (let entry = FIRST_ENTRY; entry < used;) {
    const at = contentOffset(entry)
    const length = octets[at]!
    if (length !== PREFIX_MARK) {
      for (const base of bases) {
        if (length > base.length && endsWith(octets, at + 1, length, base)) {
          yield entry
          break
        }
      }
    }
    entry += entryWords(length === PREFIX_MARK ? 2 + ADDRESS_OCTETS : 1 + length)
  }
}

/**
 * The entries that a source lists on some lines, in the order of memory. Includes entries that are no longer in use, as
 * `namesBelow` does.
 */
export function* entriesAtLines(
  buffers: EntryBuffers,
  source: number,
  lines: ReadonlySet<number>
): Generator<number> {
  const entries = new Entries(buffers)
  const octets = new Uint8Array(buffers.words)
  for (let entry = FIRST_ENTRY; entry < buffers.used;) {
    const length = octets[contentOffset(entry)]!
    if (length !== PREFIX_MARK && entries.isAtLine(entry, source, lines)) yield entry
    entry += entryWords(length === PREFIX_MARK ? 2 + ADDRESS_OCTETS : 1 + length)
  }
}

/** Whether the name of `length` octets at `at` is below a shorter one. */
function endsWith(octets: Uint8Array, at: Octets, length: Octets, base: Uint8Array): boolean {
  const from = at + length - base.length
  for (let i = 0; i < base.length; i++) if (octets[from + i] !== base[i]) return false
  let label = at
  while (label < from) label += 1 + octets[label]!
  return label === from
}

/** Views of shared memory, made once per thread. */
const readers = new WeakMap<EntryBuffers, Entries>()

/** The entries of a snapshot. */
export function entriesOf({ names }: { names: { entries: EntryBuffers } }): Entries {
  const known = readers.get(names.entries)
  if (known !== undefined) return known
  const made = new Entries(names.entries)
  readers.set(names.entries, made)
  return made
}
