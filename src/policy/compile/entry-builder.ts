import type { Prefix } from '../../base/values/address.js'
import type { Octets } from '../../base/units.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import {
  ADDRESS_OCTETS,
  contentOffset,
  entryIsName,
  entryWords,
  FIRST_ENTRY,
  PREFIX_MARK,
  type EntryBuffers
} from '../tables/entries.js'
import { NO_SOURCES, placeOf, SourceSets } from '../tables/source-sets.js'

const PREFIX_WORDS = entryWords(2 + ADDRESS_OCTETS)
const INITIAL_LINKS = 1024

/**
 * Writes entries straight into the memory that the snapshot will share. That memory is allocated
 * for the most that the sources may give; pages that are never written take no memory (Node 20 on
 * Linux: 8 GiB allocated, 1 MiB resident), so it is not shrunk afterwards.
 */
export class EntryBuilder {
  private words: Int32Array<SharedArrayBuffer>
  private octets: Uint8Array<SharedArrayBuffer>
  private links = new Int32Array(INITIAL_LINKS)
  private nextEntry = FIRST_ENTRY
  private nextLink = 0
  private readonly sets = new SourceSets()

  /** @param bounds largest number of names that will be created, and their total wire length */
  constructor(bounds: { readonly names: number; readonly octets: Octets }) {
    const most = FIRST_ENTRY + Math.ceil(bounds.octets / 4) + bounds.names * entryWords(4)
    const memory = new SharedArrayBuffer(4 * most)
    this.words = new Int32Array(memory)
    this.octets = new Uint8Array(memory)
  }

  /** Whether a name of so many octets still fits: false if a source exceeds its bounds. */
  hasRoom(length: Octets): boolean {
    return this.nextEntry + entryWords(1 + length) <= this.words.length
  }

  /** An entry for a name, without sources yet. @param from holds it at `start`, in wire form */
  createName(from: Uint8Array, start: Octets, length: Octets): number {
    const entry = this.create(entryWords(1 + length))
    const octets = this.octets
    let at = contentOffset(entry)
    octets[at] = length
    for (let i = start; i < start + length; i++) octets[++at] = from[i]!
    return entry
  }

  /** An entry for a prefix, without sources yet. Call only after all names were created. */
  createPrefix({ address, length }: Prefix): number {
    if (this.nextEntry + PREFIX_WORDS > this.words.length) this.grow()
    const entry = this.create(PREFIX_WORDS)
    const at = contentOffset(entry)
    this.octets[at] = PREFIX_MARK
    this.octets[at + 1] = length
    this.octets.set(address, at + 2)
    return entry
  }

  /** Adds a source to an entry; if the entry has that reference already, the first line stays. */
  addSource(entry: number, ref: number, line: number): void {
    const words = this.words
    const set = words[entry]!
    const extended = this.sets.with(set, ref)
    if (extended === set) return
    words[entry] = extended
    words[entry + 1] =
      set === NO_SOURCES ? line : this.insertLine(set, ref, line, words[entry + 1]!)
  }

  isName(entry: number, name: HashedName): boolean {
    return entryIsName(this.octets, entry, name, 0)
  }

  /** The entries as shared memory, and how many octets of it are in use. */
  finish(): { buffers: EntryBuffers; used: Octets } {
    const links = new SharedArrayBuffer(4 * this.nextLink)
    new Int32Array(links).set(this.links.subarray(0, this.nextLink))
    const sets = this.sets.packed()
    const used = 4 * this.nextEntry + links.byteLength + sets.byteLength
    const words = this.words.buffer
    return { buffers: { words, used: this.nextEntry, links, sets }, used }
  }

  private create(words: number): number {
    const entry = this.nextEntry
    this.nextEntry += words
    return entry
  }

  /** Adds a line to a set. @param word word 1 of the entry. @returns the new one */
  private insertLine(set: number, ref: number, line: number, word: number): number {
    if (this.sets.isLast(set, ref)) return this.link(line, word)
    const refs = this.sets.refsOf(set)
    // The last line is the first in the chain, so the lines of later sources are moved behind it.
    const later: number[] = []
    let rest = word
    for (let nth = refs.length; nth > placeOf(refs, ref); nth--) {
      later.push(nth === 1 ? rest : this.links[rest]!)
      if (nth > 1) rest = this.links[rest + 1]!
    }
    let chain = later.length === refs.length ? line : this.link(line, rest)
    for (const one of later.reverse()) chain = this.link(one, chain)
    return chain
  }

  private link(line: number, before: number): number {
    if (this.nextLink + 2 > this.links.length) this.links = doubled(this.links)
    const link = this.nextLink
    this.links[link] = line
    this.links[link + 1] = before
    this.nextLink += 2
    return link
  }

  /** Prefixes have no bounds: they are few, and mostly fit into what names leave free. */
  private grow(): void {
    const memory = new SharedArrayBuffer(8 * (this.words.length + PREFIX_WORDS))
    const words = new Int32Array(memory)
    words.set(this.words.subarray(0, this.nextEntry))
    this.words = words
    this.octets = new Uint8Array(memory)
  }
}

function doubled(links: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * links.length)
  larger.set(links)
  return larger
}
