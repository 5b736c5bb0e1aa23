/** Entries of one bucket. */
export const WAYS = 16

/** In a tag: the entry has a location. A tag without it, other than 0, is that of a ghost. */
const LIVE = 0x80

/**
 * From the hash of a question to the locations of answers with that hash, in buckets of 16 entries.
 * An entry has a tag of one octet, which contains seven bits of the hash, and a location. So the
 * tags of a bucket, a quarter of a cache line, nearly always suffice for a cache miss, and colliding
 * names cannot make a search longer than a bucket. The tags of a million answers take 4 MB, where a
 * read costs 30 ns; their locations take 16 MB, where it costs 150 ns.
 *
 * The entry of an evicted answer becomes a ghost: it stores the whole hash in location of the location
 * until the entry is needed.
 */
export class HashIndex {
  /** 0: the entry is free. */
  private readonly tags: Uint8Array
  /** A location, or the hash of a ghost. */
  private readonly locations: Int32Array
  private readonly buckets: number
  /** Meaningless; keeps V8 from dropping the reads of `touch`. */
  touched = 0
  /** Where the search for a ghost to replace starts next. */
  private nextGhost = 0

  /** @param size entries, a power of two, at least 16 */
  constructor(size: number) {
    this.tags = new Uint8Array(size)
    this.locations = new Int32Array(size)
    this.buckets = size / WAYS
  }

  /** The first entry of the bucket of a hash. */
  first(hash: number): number {
    return (hash & (this.buckets - 1)) * WAYS
  }

  /**
   * The next entry from `from` on that may belong to a hash; -1: none. Search from `first` on, then
   * from the one after each result.
   */
  next(hash: number, from: number): number {
    const { tags } = this
    const end = this.first(hash) + WAYS
    const tag = LIVE | (hash >>> 25)
    for (let entry = from; entry < end; entry++) if (tags[entry] === tag) return entry
    return -1
  }

  location(entry: number): number {
    return this.locations[entry]!
  }

  /** The entry of a location with this hash, which must be in the index. */
  entryOf(hash: number, location: number): number {
    let entry = this.next(hash, this.first(hash))
    while (this.location(entry) !== location) entry = this.next(hash, entry + 1)
    return entry
  }

  /** A free entry for a hash, or that of a ghost; -1: all entries of the bucket have locations. */
  free(hash: number): number {
    const { tags } = this
    const first = this.first(hash)
    let found = -1
    this.nextGhost = (this.nextGhost + 1) % WAYS
    for (let i = 0; i < WAYS; i++) {
      const entry = first + ((this.nextGhost + i) % WAYS)
      const tag = tags[entry]!
      if (tag === 0) return entry
      if (found < 0 && tag < LIVE) found = entry
    }
    return found
  }

  /** @param location any signed 32-bit number */
  set(entry: number, hash: number, location: number): void {
    this.tags[entry] = LIVE | (hash >>> 25)
    this.locations[entry] = location
  }

  clear(entry: number): void {
    this.tags[entry] = 0
  }

  /** Turns an entry into a ghost of its hash. */
  setGhost(entry: number, hash: number): void {
    this.tags[entry] = ghostTag(hash)
    this.locations[entry] = hash
  }

  /** The ghost of a hash; -1: none. */
  findGhost(hash: number): number {
    const { tags, locations } = this
    const first = this.first(hash)
    const tag = ghostTag(hash)
    for (let entry = first; entry < first + WAYS; entry++) {
      if (tags[entry] === tag && locations[entry] === (hash | 0)) return entry
    }
    return -1
  }

  /**
   * Loads the bucket of a hash into the processor's cache. When called for many hashes in a row, the
   * processor overlaps the cache misses.
   */
  touch(hash: number): void {
    const first = this.first(hash)
    this.touched ^= this.tags[first]! ^ this.locations[first]!
  }
}

function ghostTag(hash: number): number {
  return hash >>> 25 || 1
}
