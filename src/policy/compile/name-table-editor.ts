import type { Octets } from '../../base/units.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { contentOffset, entryIsName, entryWords, type SourceLine } from '../tables/entries.js'
import { filterMask, firstSlot, type NameTableBuffers } from '../tables/name-table.js'

/** Share of slots in use above which rebuilding the table is better. */
const MAX_LOAD = 0.7

/**
 * Changes single names in a copy of a name table: copying a million names takes 30 ms, building
 * their table a second. Names that stay keep their entries.
 */
export class NameTableEditor {
  private readonly slots: Int32Array<SharedArrayBuffer>
  private readonly shift: number
  private readonly filter: Int32Array<SharedArrayBuffer>
  private readonly labelCounts: Uint8Array<SharedArrayBuffer>
  private readonly allLabelCounts: Uint8Array<SharedArrayBuffer>
  private readonly words: Int32Array<SharedArrayBuffer>
  private readonly octets: Uint8Array
  private readonly sourceSets: number[]
  /** Offset of each source set, by its references. */
  private readonly setOf = new Map<string, number>()
  /** New links, numbered after the links of `before`. */
  private readonly links: number[] = []
  private readonly firstLink: number
  private nextEntry: number

  /** @param room to reserve for names that are added: their number and total wire length */
  constructor(
    private readonly before: NameTableBuffers,
    room: { readonly names: number; readonly octets: Octets }
  ) {
    const { entries } = before
    this.slots = new Int32Array(copied(before.slots))
    this.shift = 32 - Math.log2(this.slots.length / 2)
    this.filter = new Int32Array(copied(before.filter))
    this.labelCounts = new Uint8Array(copied(before.labelCounts))
    this.allLabelCounts = new Uint8Array(copied(before.allLabelCounts))
    const more = Math.ceil(room.octets / 4) + room.names * entryWords(4)
    this.words = new Int32Array(copied(entries.words, entries.used, more))
    this.octets = new Uint8Array(this.words.buffer)
    this.nextEntry = entries.used
    this.firstLink = entries.links.byteLength / 4
    this.sourceSets = [...new Int32Array(entries.sets)]
    const sets = this.sourceSets
    for (let at = 0; at < sets.length; at += 1 + sets[at]!) {
      this.setOf.set(sets.slice(at + 1, at + 1 + sets[at]!).join(), at)
    }
  }

  /** Whether lookups stay fast with so many names more. */
  hasRoom(names: number): boolean {
    const slots = this.slots.length / 2
    let used = 0
    for (let at = 1; at < this.slots.length; at += 2) if (this.slots[at] !== 0) used++
    return used + names < MAX_LOAD * slots
  }

  /**
   * Sets the sources that list a name.
   *
   * @param name hashed with the table's seed; not the root
   * @param sources ascending; an empty list removes the name
   */
  setSources(name: HashedName, sources: readonly SourceLine[]): void {
    const slot = this.slotOf(name)
    let entry = this.slots[2 * slot + 1]!
    if (sources.length === 0) {
      if (entry !== 0) this.deleteSlot(slot)
      return
    }
    if (entry === 0) {
      entry = this.create(name)
      this.slots[2 * slot] = name.hashes[0]!
      this.slots[2 * slot + 1] = entry
      this.updateFilter(name)
    }
    this.words[entry] = this.sourceSetOf(sources)
    this.words[entry + 1] = this.linkLines(sources)
  }

  finish(): NameTableBuffers {
    const { entries } = this.before
    const links = copied(entries.links, this.firstLink, this.links.length)
    new Int32Array(links).set(this.links, this.firstLink)
    const sets = new SharedArrayBuffer(4 * this.sourceSets.length)
    new Int32Array(sets).set(this.sourceSets)
    return {
      ...this.before,
      slots: this.slots.buffer,
      filter: this.filter.buffer,
      labelCounts: this.labelCounts.buffer,
      allLabelCounts: this.allLabelCounts.buffer,
      entries: { words: this.words.buffer, used: this.nextEntry, links, sets }
    }
  }

  /** The slot of a name, or the free one where it belongs. */
  private slotOf(name: HashedName): number {
    const slots = this.slots
    const hash = name.hashes[0]!
    const mask = slots.length / 2 - 1
    let slot = firstSlot(hash, this.shift)
    for (;;) {
      const entry = slots[2 * slot + 1]!
      if (entry === 0) return slot
      if (slots[2 * slot] === hash && entryIsName(this.octets, entry, name, 0)) return slot
      slot = (slot + 1) & mask
    }
  }

  /** Frees a slot and closes the gap in its run of slots (Knuth 6.4, algorithm R). */
  private deleteSlot(slot: number): void {
    const slots = this.slots
    const mask = slots.length / 2 - 1
    let free = slot
    for (let next = (free + 1) & mask; slots[2 * next + 1] !== 0; next = (next + 1) & mask) {
      const home = firstSlot(slots[2 * next]!, this.shift)
      if (((next - home) & mask) < ((next - free) & mask)) continue
      slots[2 * free] = slots[2 * next]!
      slots[2 * free + 1] = slots[2 * next + 1]!
      free = next
    }
    slots[2 * free] = 0
    slots[2 * free + 1] = 0
  }

  private create(name: HashedName): number {
    const entry = this.nextEntry
    this.nextEntry += entryWords(1 + name.length)
    const at = contentOffset(entry)
    this.octets[at] = name.length
    this.octets.set(name.octets.subarray(0, name.length), at + 1)
    return entry
  }

  private updateFilter(name: HashedName): void {
    const hash = name.hashes[0]!
    this.labelCounts[name.labels] = 1
    this.allLabelCounts[name.labels] = 1
    this.filter[firstSlot(hash, 32 - Math.log2(this.filter.length))]! |= filterMask(hash)
  }

  private sourceSetOf(sources: readonly SourceLine[]): number {
    const key = sources.map(({ ref }) => ref).join()
    const known = this.setOf.get(key)
    if (known !== undefined) return known
    const set = this.sourceSets.length
    this.sourceSets.push(sources.length, ...sources.map(({ ref }) => ref))
    this.setOf.set(key, set)
    return set
  }

  /** Stores the lines; returns word 1 of the entry. */
  private linkLines(sources: readonly SourceLine[]): number {
    let word = sources[0]!.line
    for (const { line } of sources.slice(1)) {
      const link = this.firstLink + this.links.length
      this.links.push(line, word)
      word = link
    }
    return word
  }
}

/** @param used words to copy; @param more free words after them */
function copied(
  buffer: SharedArrayBuffer,
  used = Math.ceil(buffer.byteLength / 4),
  more = 0
): SharedArrayBuffer {
  const octets = Math.min(4 * used, buffer.byteLength)
  const copy = new SharedArrayBuffer(more === 0 ? octets : 4 * (used + more))
  new Uint8Array(copy).set(new Uint8Array(buffer, 0, octets))
  return copy
}
