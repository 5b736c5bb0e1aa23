import type { Octets } from '../../base/units.js'
import type { HashedName } from '../../dns/name/hashed-name.js'
import { contentOffset, entryIsName, entryWords, type SourceLine } from '../tables/entries.js'
import { filterMask, firstSlot, type NameTableBuffers } from '../tables/name-table.js'

/** Share of slots in use from which on a table is better built anew. */
const MAX_LOAD = 0.7

/**
 * A copy of a table of names, to be changed here and there: to copy a million names takes 30 ms, to
 * build their table anew a second. Names that stay keep their records.
 */
export class NameTableEditor {
  private readonly before: NameTableBuffers
  private readonly slots: Int32Array<SharedArrayBuffer>
  private readonly shift: number
  private readonly filter: Int32Array<SharedArrayBuffer>
  private readonly depths: Uint8Array<SharedArrayBuffer>
  private readonly allDepths: Uint8Array<SharedArrayBuffer>
  private readonly words: Int32Array<SharedArrayBuffer>
  private readonly octets: Uint8Array
  private readonly sourceSets: number[]
  /** Where each set is, by its members. */
  private readonly setOf = new Map<string, number>()
  /** Those that come behind the links of before. */
  private readonly links: number[] = []
  private readonly firstLink: number
  private nextEntry: number

  /** @param room for the names that may come, all in wire form */
  constructor(before: NameTableBuffers, room: { readonly names: number; readonly octets: Octets }) {
    const { records } = before
    this.before = before
    this.slots = new Int32Array(copied(before.slots))
    this.shift = 32 - Math.log2(this.slots.length / 2)
    this.filter = new Int32Array(copied(before.filter))
    this.depths = new Uint8Array(copied(before.labelCounts))
    this.allDepths = new Uint8Array(copied(before.allLabelCounts))
    const more = Math.ceil(room.octets / 4) + room.names * entryWords(4)
    this.words = new Int32Array(copied(records.words, records.used, more))
    this.octets = new Uint8Array(this.words.buffer)
    this.nextEntry = records.used
    this.firstLink = records.links.byteLength / 4
    this.sourceSets = [...new Int32Array(records.sets)]
    for (let at = 0; at < this.sourceSets.length; at += 1 + this.sourceSets[at]!) {
      this.setOf.set(this.sourceSets.slice(at + 1, at + 1 + this.sourceSets[at]!).join(), at)
    }
  }

  /** Whether so many names more leave it a table in which names are found fast. */
  hasRoom(names: number): boolean {
    const slots = this.slots.length / 2
    let used = 0
    for (let at = 1; at < this.slots.length; at += 2) if (this.slots[at] !== 0) used++
    return used + names < MAX_LOAD * slots
  }

  /**
   * Says who has a name from now on.
   *
   * @param name hashed with the table's seed; not the root
   * @param members in the order of their sources; none: it is no longer stored
   */
  setSources(name: HashedName, members: readonly SourceLine[]): void {
    const slot = this.slotOf(name)
    let record = this.slots[2 * slot + 1]!
    if (members.length === 0) {
      if (record !== 0) this.deleteSlot(slot)
      return
    }
    if (record === 0) {
      record = this.create(name)
      this.slots[2 * slot] = name.hashes[0]!
      this.slots[2 * slot + 1] = record
      this.updateFilter(name)
    }
    this.words[record] = this.sourceSetOf(members)
    this.words[record + 1] = this.linkLines(members)
  }

  finish(): NameTableBuffers {
    const { records } = this.before
    const links = copied(records.links, this.firstLink, this.links.length)
    new Int32Array(links).set(this.links, this.firstLink)
    const sets = new SharedArrayBuffer(4 * this.sourceSets.length)
    new Int32Array(sets).set(this.sourceSets)
    return {
      ...this.before,
      slots: this.slots.buffer,
      filter: this.filter.buffer,
      labelCounts: this.depths.buffer,
      allLabelCounts: this.allDepths.buffer,
      records: { words: this.words.buffer, used: this.nextEntry, links, sets }
    }
  }

  /** The slot that has a name, or the free one where it belongs. */
  private slotOf(name: HashedName): number {
    const slots = this.slots
    const hash = name.hashes[0]!
    const mask = slots.length / 2 - 1
    let slot = firstSlot(hash, this.shift)
    for (;;) {
      const record = slots[2 * slot + 1]!
      if (record === 0) return slot
      if (slots[2 * slot] === hash && entryIsName(this.octets, record, name, 0)) return slot
      slot = (slot + 1) & mask
    }
  }

  /** Frees a slot, and moves those up that stand behind it for want of a better one (Knuth 6.4 R). */
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
    const record = this.nextEntry
    this.nextEntry += entryWords(1 + name.length)
    const at = contentOffset(record)
    this.octets[at] = name.length
    this.octets.set(name.octets.subarray(0, name.length), at + 1)
    return record
  }

  private updateFilter(name: HashedName): void {
    const hash = name.hashes[0]!
    this.depths[name.labels] = 1
    this.allDepths[name.labels] = 1
    this.filter[firstSlot(hash, 32 - Math.log2(this.filter.length))]! |= filterMask(hash)
  }

  private sourceSetOf(members: readonly SourceLine[]): number {
    const key = members.map(({ ref: member }) => member).join()
    const known = this.setOf.get(key)
    if (known !== undefined) return known
    const set = this.sourceSets.length
    this.sourceSets.push(members.length, ...members.map(({ ref: member }) => member))
    this.setOf.set(key, set)
    return set
  }

  /** Word 1 of a record. */
  private linkLines(members: readonly SourceLine[]): number {
    let word = members[0]!.line
    for (const { line } of members.slice(1)) {
      const link = this.firstLink + this.links.length
      this.links.push(line, word)
      word = link
    }
    return word
  }
}

/** @param used words that are copied; @param more free words behind them */
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
