/** Entries of a bucket: one cache line. */
const WAYS = 16
/** The index doubles before it is fuller than this: then at most 2% of questions find a full bucket. */
const MAX_LOAD = 3 / 4
const FIRST_BUCKETS = 2 ** 6

/**
 * From the hash of a question to its slot on the shelf. An entry is one word: low bits of the hash as
 * a tag, then the slot plus one (0: the entry is free). The index starts small and doubles as slots
 * are used, since lookups hit random lines of it: at 4 MB a lookup cost 270 ns of cache and TLB
 * misses, at 256 KB, which is enough for 48,000 answers, 20 ns.
 */
export class ShelfIndex {
  private entries = new Int32Array(FIRST_BUCKETS * WAYS)
  private shift = 32 - Math.log2(FIRST_BUCKETS)
  /** The hash of each slot, or the last one that it had. */
  private readonly hashes: Int32Array
  /** The bits of an entry with the slot, and those with the tag. */
  private readonly slotMask: number
  private readonly tagMask: number
  private nextVictim = 0

  /** @param slots a power of two, less than 2^31 */
  constructor(slots: number) {
    this.hashes = new Int32Array(slots)
    this.slotMask = 2 * slots - 1
    this.tagMask = ~this.slotMask
  }

  /** First entry of the bucket of a hash; the bucket ends before `pastOf`. */
  firstOf(hash: number): number {
    return (hash >>> this.shift) * WAYS
  }

  pastOf(first: number): number {
    return first + WAYS
  }

  /** The slot of the entry at `at` if its tag matches, else -1. */
  slotAt(at: number, tag: number): number {
    const entry = this.entries[at]!
    return (entry & this.tagMask) === tag ? (entry & this.slotMask) - 1 : -1
  }

  /** High bits of the hash choose the bucket, so the tag is its low bits, shifted up. */
  tagOf(hash: number): number {
    return Math.imul(hash, this.slotMask + 1)
  }

  /** Maps a hash to a slot, and removes the previous hash of that slot. */
  insert(hash: number, slot: number): void {
    this.remove(slot)
    if (slot + 1 > this.entries.length * MAX_LOAD) this.double()
    this.hashes[slot] = hash
    this.put(slot)
  }

  /** Uses a free entry of the bucket, or else replaces one of them, each in turn. */
  private put(slot: number): void {
    const hash = this.hashes[slot]!
    const { entries } = this
    const first = this.firstOf(hash)
    let at = first
    while (at < first + WAYS && entries[at] !== 0) at++
    if (at === first + WAYS) {
      this.nextVictim = (this.nextVictim + 1) % WAYS
      at = first + this.nextVictim
    }
    entries[at] = this.tagOf(hash) | (slot + 1)
  }

  private remove(slot: number): void {
    const { entries } = this
    const first = this.firstOf(this.hashes[slot]!)
    for (let at = first; at < first + WAYS; at++) {
      if ((entries[at]! & this.slotMask) === slot + 1) entries[at] = 0
    }
  }

  /** Splits each bucket in two. */
  private double(): void {
    const old = this.entries
    this.entries = new Int32Array(2 * old.length)
    this.shift--
    for (const entry of old) if (entry !== 0) this.put((entry & this.slotMask) - 1)
  }
}
