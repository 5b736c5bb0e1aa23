import type { Octets } from '../../base/units.js'
import { HashedName, MAX_LABELS } from '../../wire/dns/name/hashed-name.js'
import {
  filterBits,
  filterMask,
  firstSlot,
  slotBits,
  SPECIAL_USE_TLDS,
  type NameTableBuffers
} from '../tables/name-table.js'
import type { EntryBuilder } from './entry-builder.js'

/**
 * Names that are placed as one batch. Their slots are far apart in memory; when many are read one
 * right after the other, the processor overlaps the cache misses.
 */
const BATCH = 16

/**
 * Builds the table of names. A name that is added again, by the same or another source, adds that
 * source to its entry.
 */
export class NameTableBuilder {
  /** Distinct names so far. */
  names = 0
  /** Set if a name found no slot within the longest run: start again with another seed. */
  collided = false
  /** Whether the names being added are special-use names, which are all below a top-level label. */
  isSpecialUse = false
  private readonly bits: number
  private readonly slots: Int32Array<SharedArrayBuffer>
  private readonly labelCounts = new Uint8Array(new SharedArrayBuffer(MAX_LABELS + 1))
  private readonly allLabelCounts = new Uint8Array(new SharedArrayBuffer(MAX_LABELS + 1))
  private readonly specialUseTlds = new Uint8Array(new SharedArrayBuffer(SPECIAL_USE_TLDS))
  /** Names not yet placed, with the source reference and the line of each. */
  private readonly batch = Array.from({ length: BATCH }, () => new HashedName())
  private readonly refs = new Int32Array(BATCH)
  private readonly lines = new Int32Array(BATCH)
  private count = 0
  /** Meaningless; keeps V8 from dropping the reads of `touch`. */
  private touched = 0
  private root = 0

  /**
   * @param maxNames number of names of all sources together, duplicates included
   * @param maxRun longest run of slots to probe when placing a name
   */
  constructor(
    private readonly entries: EntryBuilder,
    private readonly maxNames: number,
    private readonly seed: number,
    private readonly maxRun: number
  ) {
    this.bits = slotBits(maxNames)
    this.slots = new Int32Array(new SharedArrayBuffer(8 * 2 ** this.bits))
  }

  /**
   * Adds a name, at once or with the rest of its batch.
   *
   * @param octets holds the name in wire form at `at`
   * @param ref made by `sourceRef`
   * @returns false if the table is full: a source wrote more names than its bounds
   */
  add(octets: Uint8Array, at: Octets, ref: number, line: number): boolean {
    const index = this.count++
    const name = this.batch[index]!
    name.set(octets, at, this.seed)
    this.refs[index] = ref
    this.lines[index] = line
    this.noteLabelCount(name)
    return this.count < BATCH || this.flush()
  }

  /** Places the names of the current batch. Returns false if the table is full, as `add`. */
  flush(): boolean {
    const { count } = this
    this.count = 0
    for (let i = 0; i < count; i++) this.touch(this.batch[i]!)
    for (let i = 0; i < count && !this.collided; i++) {
      const name = this.batch[i]!
      if (this.names >= this.maxNames || !this.entries.hasRoom(name.length)) return false
      if (name.labels > 0) this.place(name, this.refs[i]!, this.lines[i]!)
      else this.addRoot(name, this.refs[i]!, this.lines[i]!)
    }
    return true
  }

  /**
   * Adds a name of another table with the same seed, without sources yet. Call only before all other
   * names, once for each name.
   *
   * @param hash of the whole name, as in the other table; ignored for the root
   * @param octets holds the name in lower-cased wire form at `at`
   * @returns its entry; 0 if the table is full
   */
  copy(hash: number, octets: Uint8Array, at: Octets, length: Octets): number {
    if (this.names >= this.maxNames || !this.entries.hasRoom(length)) return 0
    this.names++
    const entry = this.entries.createName(octets, at, length)
    let labels = 0
    for (let label = at; octets[label] !== 0; label += 1 + octets[label]!) labels++
    this.allLabelCounts[labels] = 1
    this.labelCounts[labels] = 1
    if (labels === 0) this.root = entry
    else this.fillSlot(hash, entry)
    return entry
  }

  /** Adds a source to a name that was copied. */
  addSource(entry: number, ref: number, line: number): void {
    this.entries.addSource(entry, ref, line)
  }

  /** The table, with no more slots than it needs. The owner of `entries` finishes those. */
  finish(): Omit<NameTableBuffers, 'entries'> {
    const bits = slotBits(this.names)
    const slots = bits < this.bits ? this.rehashed(bits) : this.slots
    const filter = filterOf(slots, filterBits(this.names))
    return {
      seed: this.seed,
      slots: slots.buffer,
      filter,
      labelCounts: this.labelCounts.buffer,
      allLabelCounts: this.allLabelCounts.buffer,
      specialUseTlds: this.specialUseTlds.buffer,
      root: this.root
    }
  }

  private noteLabelCount(name: HashedName): void {
    this.allLabelCounts[name.labels] = 1
    if (!this.isSpecialUse) this.labelCounts[name.labels] = 1
    else this.specialUseTlds[name.hashes[name.labels - 1]! & (SPECIAL_USE_TLDS - 1)] = 1
  }

  /** Loads the first slot for a name into the processor's cache. */
  private touch(name: HashedName): void {
    this.touched ^= this.slots[2 * firstSlot(name.hashes[0]!, 32 - this.bits)]!
  }

  private place(name: HashedName, ref: number, line: number): void {
    const slots = this.slots
    const hash = name.hashes[0]!
    const mask = slots.length / 2 - 1
    let slot = firstSlot(hash, 32 - this.bits)
    for (let run = 0; run < this.maxRun; run++) {
      const entry = slots[2 * slot + 1]!
      if (entry === 0) {
        slots[2 * slot] = hash
        slots[2 * slot + 1] = this.create(name, ref, line)
        return
      }
      if (slots[2 * slot] === hash && this.entries.isName(entry, name)) {
        this.entries.addSource(entry, ref, line)
        return
      }
      slot = (slot + 1) & mask
    }
    this.collided = true
  }

  private fillSlot(hash: number, entry: number): void {
    const slots = this.slots
    const mask = slots.length / 2 - 1
    let slot = firstSlot(hash, 32 - this.bits)
    let run = 0
    while (slots[2 * slot + 1] !== 0) {
      slot = (slot + 1) & mask
      run++
    }
    if (run >= this.maxRun) this.collided = true
    slots[2 * slot] = hash
    slots[2 * slot + 1] = entry
  }

  private addRoot(name: HashedName, ref: number, line: number): void {
    if (this.root === 0) this.root = this.create(name, ref, line)
    else this.entries.addSource(this.root, ref, line)
  }

  private create(name: HashedName, ref: number, line: number): number {
    this.names++
    const entry = this.entries.createName(name.octets, 0, name.length)
    this.entries.addSource(entry, ref, line)
    return entry
  }

  private rehashed(bits: number): Int32Array<SharedArrayBuffer> {
    const to = new Int32Array(new SharedArrayBuffer(8 * 2 ** bits))
    const mask = to.length / 2 - 1
    const from = this.slots
    for (let at = 0; at < from.length; at += 2) {
      if (from[at + 1] === 0) continue
      let slot = firstSlot(from[at]!, 32 - bits)
      while (to[2 * slot + 1] !== 0) slot = (slot + 1) & mask
      to[2 * slot] = from[at]!
      to[2 * slot + 1] = from[at + 1]!
    }
    return to
  }
}

function filterOf(slots: Int32Array, bits: number): SharedArrayBuffer {
  const filter = new Int32Array(new SharedArrayBuffer(4 * 2 ** bits))
  for (let at = 0; at < slots.length; at += 2) {
    const hash = slots[at]!
    if (slots[at + 1] !== 0) filter[firstSlot(hash, 32 - bits)]! |= filterMask(hash)
  }
  return filter.buffer
}
