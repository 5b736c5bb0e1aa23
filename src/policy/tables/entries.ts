import type { Prefix } from '../../base/address.js'
import type { HashedName } from '../../dns/name/hashed-name.js'
import { coverOf, sourceOf } from './source-sets.js'

/**
 * A record is what is stored of one name or prefix, however many sources give it. It is known by
 * the position of its first word, never 0:
 *
 *     word 0   its member set
 *     word 1   one member: the line where it is written; more: the link of the last member
 *     octets   a name: its wire length, its wire form with root label
 *              a prefix: 0, its length in bits, 16 octets of address
 *
 * A link is two words: the line of a member, then what word 1 was before that member came.
 */
export interface EntryBuffers {
  readonly words: SharedArrayBuffer
  /** How many words of it are in use. */
  readonly used: number
  readonly links: SharedArrayBuffer
  readonly sets: SharedArrayBuffer
}

/** Octets before those of the name: two words. */
const HEAD_OCTETS = 8
/** First of the octets of a record for a prefix; no name has this length. */
export const PREFIX_MARK = 0
export const ADDRESS_OCTETS = 16

/** Where the octets of a record begin, in octets of the record memory. */
export function contentOffset(record: number): number {
  return 4 * record + HEAD_OCTETS
}

/** Words that a record with so many octets takes. */
export function entryWords(octets: number): number {
  return (HEAD_OCTETS + octets + 3) >>> 2
}

/**
 * Whether a record stores the suffix of `name` that begins at octet `start`. Names are compared
 * in full: equal hashes alone never make a match.
 */
export function entryIsName(
  octets: Uint8Array,
  record: number,
  name: HashedName,
  start: number
): boolean {
  const length = name.length - start
  let at = 4 * record + HEAD_OCTETS
  if (octets[at] !== length) return false
  const wanted = name.octets
  for (let from = start; from < name.length; from++) {
    if (octets[++at] !== wanted[from]) return false
  }
  return true
}

/** A member of a record, with the line where its source has it. */
export interface SourceLine {
  readonly ref: number
  readonly line: number
}

/** Reads records for people: line by line, name by name. */
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
   * The line where a source has a record, -1 if it has not. Allocates nothing.
   *
   * @param silent the one of `COVER` that does not count
   */
  lineOf(record: number, source: number, silent: number): number {
    const set = this.words[record]!
    let link = this.words[record + 1]!
    for (let nth = this.sets[set]!; nth > 0; nth--) {
      const member = this.sets[set + nth]!
      if (sourceOf(member) === source && coverOf(member) !== silent)
        return nth === 1 ? link : this.links[link]!
      if (nth > 1) link = this.links[link + 1]!
    }
    return -1
  }

  /** Members of a record, each with the line where its source has it. */
  sourcesOf(record: number): SourceLine[] {
    const set = this.words[record]!
    const count = this.sets[set]!
    const result: SourceLine[] = []
    let link = this.words[record + 1]!
    for (let nth = count; nth > 0; nth--) {
      const member = this.sets[set + nth]!
      const line = nth === 1 ? link : this.links[link]!
      if (nth > 1) link = this.links[link + 1]!
      result.push({ ref: member, line })
    }
    return result.reverse()
  }

  /** What is stored: a name in wire form (a copy), or a prefix. */
  contentOf(record: number): { name: Uint8Array } | { prefix: Prefix } {
    const at = contentOffset(record)
    const length = this.octets[at]!
    if (length !== PREFIX_MARK) return { name: this.octets.slice(at + 1, at + 1 + length) }
    const address = this.octets.slice(at + 2, at + 2 + ADDRESS_OCTETS)
    return { prefix: { address, length: this.octets[at + 1]! } }
  }
}
