import type { HashedName } from '../../dns/name/hashed-name.js'
import { entryIsName, type EntryBuffers } from './entries.js'

/** The table of names as shared memory, as other threads get it. */
export interface NameTableBuffers {
  /** Open addressing, two words a slot: hash, record (0: free). */
  readonly slots: SharedArrayBuffer
  /** Two bits a name, in one word: most names that are not stored are turned away here. */
  readonly filter: SharedArrayBuffer
  /** For each count of labels, 0 to 127: whether a rule's name of so many labels is stored. */
  readonly labelCounts: SharedArrayBuffer
  /** As `depths`, for all names, special-use ones as well. */
  readonly allLabelCounts: SharedArrayBuffer
  /** For the low bits of a top-level label's hash: whether special-use names may be below it. */
  readonly specialUseTlds: SharedArrayBuffer
  /** Record of the root name, which has no slot; 0 where no source gives it. */
  readonly root: number
  readonly records: EntryBuffers
}

/** Slots are chosen by the high bits of hash times this: 2^32 over the golden ratio (Knuth 6.4). */
const GOLDEN = 0x9e3779b1

/** Share of slots in use at most; linear probing looks at 1.8 slots for a miss at 0.48. */
const MAX_LOAD = 0.6
const MIN_BITS = 4

/** How many bits number the slots of a table for so many names. */
export function slotBits(names: number): number {
  return Math.max(MIN_BITS, Math.ceil(Math.log2(names / MAX_LOAD + 1)))
}

/** Where the probing for a hash begins, in a table of `2 ** (32 - shift)` slots. */
export function firstSlot(hash: number, shift: number): number {
  return Math.imul(hash, GOLDEN) >>> shift
}

/**
 * The filter has 8 bits or more a name, and lets 6 in 100 strangers through. It has to stay in the
 * processor's second-level cache (2 MiB), so it grows no further: a look into it costs 15 ns
 * then, a look into the slots of 1M names 170 ns.
 */
const FILTER_BITS_PER_NAME = 8
const MAX_FILTER_BITS = 24
/** Bits of a word, as an exponent. */
const WORD_BITS = 5
/** Odd, and unlike GOLDEN: bits in a word are to be independent of the word. */
const FILTER_FACTOR = 0xc2b2ae35

/** How many bits number the words of the filter for so many names. */
export function filterBits(names: number): number {
  const bits = Math.ceil(Math.log2(FILTER_BITS_PER_NAME * names + 1))
  return Math.min(MAX_FILTER_BITS, Math.max(WORD_BITS + 1, bits)) - WORD_BITS
}

/** The two bits of a hash in its word of the filter. */
export function filterMask(hash: number): number {
  const mixed = Math.imul(hash, FILTER_FACTOR)
  return (1 << (mixed >>> 27)) | (1 << ((mixed >>> 22) & 31))
}

/** How many low bits of a top-level label's hash are looked at. */
export const SPECIAL_USE_TLDS = 256

/** Finds the record of a name or suffix. One per thread; reads shared memory, allocates nothing. */
export class NameTable {
  readonly root: number
  readonly labelCounts: LabelCounts
  readonly allLabelCounts: LabelCounts
  private readonly specialUseTlds: Uint8Array
  private readonly filter: Int32Array
  private readonly filterShift: number
  private readonly slots: Int32Array
  private readonly mask: number
  private readonly shift: number
  private readonly octets: Uint8Array

  constructor(buffers: NameTableBuffers) {
    this.root = buffers.root
    this.labelCounts = labelCountsOf(buffers.labelCounts)
    this.allLabelCounts = labelCountsOf(buffers.allLabelCounts)
    this.specialUseTlds = new Uint8Array(buffers.specialUseTlds)
    this.filter = new Int32Array(buffers.filter)
    this.filterShift = 32 - Math.log2(this.filter.length)
    this.slots = new Int32Array(buffers.slots)
    const slots = this.slots.length / 2
    this.mask = slots - 1
    this.shift = 32 - Math.log2(slots)
    this.octets = new Uint8Array(buffers.records.words)
  }

  /**
   * Whether special-use names may be above this name: they are all below a few top-level labels,
   * so that other names need no look at as many labels as those have.
   */
  mayBeSpecialUse(name: HashedName): boolean {
    const { labels } = name
    return (
      labels > 0 && this.specialUseTlds[name.hashes[labels - 1]! & (SPECIAL_USE_TLDS - 1)] === 1
    )
  }

  /** The record of the suffix that begins with label `label` (not the root); 0: not stored. */
  find(name: HashedName, label: number): number {
    const hash = name.hashes[label]!
    const spread = Math.imul(hash, GOLDEN)
    const mask = filterMask(hash)
    if ((this.filter[spread >>> this.filterShift]! & mask) !== mask) return 0
    const slots = this.slots
    let slot = spread >>> this.shift
    for (;;) {
      const record = slots[2 * slot + 1]!
      if (record === 0) return 0
      if (slots[2 * slot] === hash && entryIsName(this.octets, record, name, name.starts[label]!))
        return record
      slot = (slot + 1) & this.mask
    }
  }

  /** Every record of a name, in no order that means anything. */
  *entries(): Generator<number> {
    if (this.root !== 0) yield this.root
    for (let at = 1; at < this.slots.length; at += 2) {
      const record = this.slots[at]!
      if (record !== 0) yield record
    }
  }
}

/** Which counts of labels names are stored with. */
export interface LabelCounts {
  readonly has: Uint8Array
  /** The most: suffixes with more need no look. */
  readonly most: number
}

function labelCountsOf(buffer: SharedArrayBuffer): LabelCounts {
  const has = new Uint8Array(buffer)
  return { has, most: Math.max(0, has.lastIndexOf(1)) }
}
