/** Entries of one bucket, which lie in one line of memory, or two. */
export const WAYS = 16

/**
 * Where the places of a hash are: buckets of 16 entries, each the number of a place (from 1 on) and,
 * in the bits above, what there is room for of the hash; 0 is a free entry. So a question that is
 * not held is nearly always known by one line of memory, and nobody can make chains long by names
 * that collide.
 *
 * An entry whose place was given up may remember that: instead of a place it has more of the hash,
 * until the entry is needed. One in thousands of other names is taken for a remembered one.
 */
export class PlaceIndex {
  private readonly entries: Uint32Array
  private readonly buckets: number
  private readonly placeMask: number
  /** Set in an entry that has no place, but remembers a hash. */
  private readonly remembers: number
  /** What tells entries with a place apart. */
  private readonly tagMask: number
  /** What tells entries that remember apart. */
  private readonly memoryMask: number
  /** Of no meaning; but what nobody keeps, V8 does not look at. */
  touched = 0
  /** Which of those that only remember is forgotten next. */
  private turn = 0

  /**
   * @param size entries, a power of two, at least 16
   * @param places the largest number that a place has, below 2^30
   */
  constructor(size: number, places: number) {
    this.entries = new Uint32Array(size)
    this.buckets = size / WAYS
    const bits = Math.ceil(Math.log2(places + 1))
    this.placeMask = 2 ** bits - 1
    this.remembers = 2 ** bits
    this.tagMask = ~(2 * this.remembers - 1)
    this.memoryMask = ~this.remembers
  }

  /** The first entry that a hash can have. */
  first(hash: number): number {
    return (hash & (this.buckets - 1)) * WAYS
  }

  /**
   * The next entry from `from` on that a hash may have; -1: there is none. Starts at `first` and
   * goes on one behind what was found.
   */
  next(hash: number, from: number): number {
    const { entries, tagMask, remembers } = this
    const end = this.first(hash) + WAYS
    const wanted = hash & tagMask
    for (let entry = from; entry < end; entry++) {
      const it = entries[entry]!
      if (it !== 0 && (it & (tagMask | remembers)) === wanted) return entry
    }
    return -1
  }

  place(entry: number): number {
    return (this.entries[entry]! & this.placeMask) >>> 0
  }

  /** The entry of a place with this hash; it is there. */
  entryOf(hash: number, place: number): number {
    let entry = this.next(hash, this.first(hash))
    while (this.place(entry) !== place) entry = this.next(hash, entry + 1)
    return entry
  }

  /** An entry for a hash that is free, or only remembers; -1: all have places. */
  free(hash: number): number {
    const { entries, remembers } = this
    const first = this.first(hash)
    let found = -1
    this.turn = (this.turn + 1) % WAYS
    for (let i = 0; i < WAYS; i++) {
      const entry = first + ((this.turn + i) % WAYS)
      const it = entries[entry]!
      if (it === 0) return entry
      if (found < 0 && (it & remembers) !== 0) found = entry
    }
    return found
  }

  set(entry: number, hash: number, place: number): void {
    this.entries[entry] = (hash & this.tagMask) | place
  }

  clear(entry: number): void {
    this.entries[entry] = 0
  }

  /** Has an entry remember the hash whose place it had. */
  remember(entry: number, hash: number): void {
    this.entries[entry] = hash | this.remembers
  }

  /** The entry that remembers a hash; -1: none does. */
  remembered(hash: number): number {
    const { entries, memoryMask, remembers } = this
    const first = this.first(hash)
    for (let entry = first; entry < first + WAYS; entry++) {
      const it = entries[entry]!
      if ((it & remembers) !== 0 && ((it ^ hash) & memoryMask) === 0) return entry
    }
    return -1
  }

  /**
   * Brings the bucket of a hash near. Where many are needed one after the other, memory serves them
   * side by side, if nothing is done in between.
   */
  touch(hash: number): void {
    this.touched ^= this.entries[this.first(hash)]!
  }
}
