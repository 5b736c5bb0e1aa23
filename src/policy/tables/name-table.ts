import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { entryIsName, type EntryBuffers } from './entries.js'

/** The table of names as shared memory. */
export interface NameTableBuffers {
  /** Seeds all name hashes; pass it to `HashedName.set`. */
  readonly seed: number
  /** Open addressing, two words a slot: hash, entry (0: free). */
  readonly slots: SharedArrayBuffer
  /** Bloom filter, two bits per name in one word: rejects most names that are not stored. */
  readonly filter: SharedArrayBuffer
  /** For each number of labels, 0 to 127: 1 if a rule's name with so many labels is stored. */
  readonly labelCounts: SharedArrayBuffer
  /** As `labelCounts`, special-use names included. */
  readonly allLabelCounts: SharedArrayBuffer
  /** By the low bits of a top-level label's hash: 1 if special-use names may be below that label. */
  readonly specialUseTlds: SharedArrayBuffer
  /** Entry of the root name, which has no slot; 0 if no source lists it. */
  readonly root: number
  /** The entries that slots point to; entries of address prefixes as well. */
  readonly entries: EntryBuffers
}

/** The high bits of hash times this choose a slot: 2^32 over the golden ratio (Knuth 6.4). */
const GOLDEN = 0x9e3779b1

/** Largest share of slots in use; at 0.48, linear probing reads 1.8 slots for a miss. */
const MAX_LOAD = 0.6
const MIN_BITS = 4

/** Base-2 logarithm of the number of slots in a table for so many names. */
export function slotBits(names: number): number {
  return Math.max(MIN_BITS, Math.ceil(Math.log2(names / MAX_LOAD + 1)))
}

/** Where probing for a hash begins, in a table of `2 ** (32 - shift)` slots. */
export function firstSlot(hash: number, shift: number): number {
  return Math.imul(hash, GOLDEN) >>> shift
}

/**
 * With 8 bits or more per name, 6 of 100 names that are not stored pass the filter. Its size is
 * limited to what the processor's second-level cache holds (2 MiB): reading it costs 15 ns then,
 * reading the slots of 1M names 170 ns.
 */
const FILTER_BITS_PER_NAME = 8
const MAX_FILTER_BITS = 24
/** Base-2 logarithm of the bits in a word. */
const WORD_BITS = 5
/** Odd, and different from GOLDEN: the bits in a word must be independent of the choice of word. */
const FILTER_FACTOR = 0xc2b2ae35

/** Base-2 logarithm of the number of words in the filter for so many names. */
export function filterBits(names: number): number {
  const bits = Math.ceil(Math.log2(FILTER_BITS_PER_NAME * names + 1))
  return Math.min(MAX_FILTER_BITS, Math.max(WORD_BITS + 1, bits)) - WORD_BITS
}

/** The two bits that a hash sets in its word of the filter. */
export function filterMask(hash: number): number {
  const mixed = Math.imul(hash, FILTER_FACTOR)
  return (1 << (mixed >>> 27)) | (1 << ((mixed >>> 22) & 31))
}

/** Size of `NameTableBuffers.specialUseTlds`, a power of two. */
export const SPECIAL_USE_TLDS = 256

/** Finds the entry of a name or suffix. One per thread; reads shared memory, allocates nothing. */
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
    this.octets = new Uint8Array(buffers.entries.words)
  }

  /**
   * Whether this name may be at or below a special-use name. These are all below a few top-level
   * labels, so that other names need not be looked up with as many labels as those have.
   */
  mayBeSpecialUse(name: HashedName): boolean {
    const { labels } = name
    return (
      labels > 0 && this.specialUseTlds[name.hashes[labels - 1]! & (SPECIAL_USE_TLDS - 1)] === 1
    )
  }

  /** The entry of the suffix that begins with label `label` (not the root); 0: not stored. */
  find(name: HashedName, label: number): number {
    const hash = name.hashes[label]!
    const spread = Math.imul(hash, GOLDEN)
    const mask = filterMask(hash)
    if ((this.filter[spread >>> this.filterShift]! & mask) !== mask) return 0
    const slots = this.slots
    let slot = spread >>> this.shift
    for (;;) {
      const entry = slots[2 * slot + 1]!
      if (entry === 0) return 0
      if (slots[2 * slot] === hash && entryIsName(this.octets, entry, name, name.starts[label]!))
        return entry
      slot = (slot + 1) & this.mask
    }
  }

  /** The entries of all names, in no particular order. */
  *entries(): Generator<number> {
    if (this.root !== 0) yield this.root
    for (let at = 1; at < this.slots.length; at += 2) {
      const entry = this.slots[at]!
      if (entry !== 0) yield entry
    }
  }
}

/** How many labels the stored names have. */
export interface LabelCounts {
  /** 1 at index n: some stored name has n labels. */
  readonly has: Uint8Array
  /** The largest such number: longer suffixes are not stored. */
  readonly most: number
}

function labelCountsOf(buffer: SharedArrayBuffer): LabelCounts {
  const has = new Uint8Array(buffer)
  return { has, most: Math.max(0, has.lastIndexOf(1)) }
}
