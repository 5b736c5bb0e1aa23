/** Entries of one bucket, which lie in one line of memory, or two. */
export const WAYS = 16

/**
 * Where the places of a hash are: buckets of 16 entries, each the number of a place (from 1 on; 0
 * is none) and, in the bits above, what there is room for of the hash. So a question that is not
 * held is nearly always known by one line of memory, and nobody can make chains long by names that
 * collide.
 */
export class PlaceIndex {
  private readonly entries: Uint32Array
  private readonly buckets: number
  private readonly placeMask: number

  /**
   * @param size entries, a power of two, at least 16
   * @param places the largest number that a place has, below 2^32
   */
  constructor(size: number, places: number) {
    this.entries = new Uint32Array(size)
    this.buckets = size / WAYS
    this.placeMask = 2 ** Math.ceil(Math.log2(places + 1)) - 1
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
    const { entries, placeMask } = this
    const end = this.first(hash) + WAYS
    for (let entry = from; entry < end; entry++) {
      const it = entries[entry]!
      if (it !== 0 && ((it ^ hash) & ~placeMask) === 0) return entry
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

  /** A free entry for a hash; -1: its bucket is full. */
  free(hash: number): number {
    const first = this.first(hash)
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.entries[entry] === 0) return entry
    }
    return -1
  }

  set(entry: number, hash: number, place: number): void {
    this.entries[entry] = (hash & ~this.placeMask) | place
  }

  clear(entry: number): void {
    this.entries[entry] = 0
  }
}
