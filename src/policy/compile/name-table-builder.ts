import type { Octets } from '../../base/units.js'
import { HashedName, MAX_LABELS } from '../../dns/name/hashed-name.js'
import {
  filterBits,
  filterMask,
  firstSlot,
  SPECIAL_USE_TLDS,
  slotBits,
  type NameTableBuffers
} from '../tables/name-table.js'
import type { EntryBuilder } from './entry-builder.js'

/**
 * Names that are placed in one go. Their slots are far apart in memory; where many are looked at one
 * after the other, memory serves them side by side.
 */
const BATCH = 16

/**
 * Builds the table of names. A name given again, by this or another source, adds a member to the
 * record it has.
 */
export class NameTableBuilder {
  /** Distinct names so far. */
  names = 0
  /** Set once a name found no slot within the longest run: start again with another seed. */
  collided = false
  /** Whether what comes now are special-use names, all below some top-level label. */
  isSpecialUse = false
  private readonly maxNames: number
  private readonly seed: number
  private readonly maxRun: number
  private readonly entries: EntryBuilder
  private readonly bits: number
  private readonly slots: Int32Array<SharedArrayBuffer>
  private readonly depths = new Uint8Array(new SharedArrayBuffer(MAX_LABELS + 1))
  private readonly allDepths = new Uint8Array(new SharedArrayBuffer(MAX_LABELS + 1))
  private readonly localTops = new Uint8Array(new SharedArrayBuffer(SPECIAL_USE_TLDS))
  /** Names to be placed, with the member and the line of each. */
  private readonly batch = Array.from({ length: BATCH }, () => new HashedName())
  private readonly refs = new Int32Array(BATCH)
  private readonly lines = new Int32Array(BATCH)
  private count = 0
  /** Of no meaning; but what nobody keeps, V8 does not look at. */
  private touched = 0
  private root = 0

  /**
   * @param most names that will come, all sources together, repeated ones counted again
   * @param maxRun most slots looked at to place a name
   */
  constructor(records: EntryBuilder, most: number, seed: number, maxRun: number) {
    this.entries = records
    this.maxNames = most
    this.seed = seed
    this.maxRun = maxRun
    this.bits = slotBits(most)
    this.slots = new Int32Array(new SharedArrayBuffer(8 * 2 ** this.bits))
  }

  /**
   * Adds a name, now or with those that come next. Says whether there was room: false when sources
   * gave more than their bounds.
   *
   * @param octets holds the name in wire form at `at`
   */
  add(octets: Uint8Array, at: Octets, member: number, line: number): boolean {
    const place = this.count++
    const name = this.batch[place]!
    name.set(octets, at, this.seed)
    this.refs[place] = member
    this.lines[place] = line
    this.noteLabelCount(name)
    return this.count < BATCH || this.flush()
  }

  /** Places all that were added. Says whether there was room. */
  flush(): boolean {
    const waiting = this.count
    this.count = 0
    for (let i = 0; i < waiting; i++) this.touch(this.batch[i]!)
    for (let i = 0; i < waiting && !this.collided; i++) {
      const name = this.batch[i]!
      if (this.names >= this.maxNames || !this.entries.hasRoom(name.length)) return false
      if (name.labels > 0) this.place(name, this.refs[i]!, this.lines[i]!)
      else this.addRoot(name, this.refs[i]!, this.lines[i]!)
    }
    return true
  }

  /** The table; `records` is to be finished by its owner. Slots are cut to what they need. */
  finish(): Omit<NameTableBuffers, 'records'> {
    const bits = slotBits(this.names)
    const slots = bits < this.bits ? this.rehashed(bits) : this.slots
    const filter = filterOf(slots, filterBits(this.names))
    return {
      slots: slots.buffer,
      filter,
      labelCounts: this.depths.buffer,
      allLabelCounts: this.allDepths.buffer,
      specialUseTlds: this.localTops.buffer,
      root: this.root
    }
  }

  private noteLabelCount(name: HashedName): void {
    this.allDepths[name.labels] = 1
    if (!this.isSpecialUse) this.depths[name.labels] = 1
    else this.localTops[name.hashes[name.labels - 1]! & (SPECIAL_USE_TLDS - 1)] = 1
  }

  /** Brings near where a name will be placed. */
  private touch(name: HashedName): void {
    this.touched ^= this.slots[2 * firstSlot(name.hashes[0]!, 32 - this.bits)]!
  }

  private place(name: HashedName, member: number, line: number): void {
    const slots = this.slots
    const hash = name.hashes[0]!
    const mask = slots.length / 2 - 1
    let slot = firstSlot(hash, 32 - this.bits)
    for (let run = 0; run < this.maxRun; run++) {
      const record = slots[2 * slot + 1]!
      if (record === 0) {
        slots[2 * slot] = hash
        slots[2 * slot + 1] = this.create(name, member, line)
        return
      }
      if (slots[2 * slot] === hash && this.entries.isName(record, name)) {
        this.entries.addSource(record, member, line)
        return
      }
      slot = (slot + 1) & mask
    }
    this.collided = true
  }

  private addRoot(name: HashedName, member: number, line: number): void {
    if (this.root === 0) this.root = this.create(name, member, line)
    else this.entries.addSource(this.root, member, line)
  }

  private create(name: HashedName, member: number, line: number): number {
    this.names++
    const record = this.entries.createName(name)
    this.entries.addSource(record, member, line)
    return record
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
