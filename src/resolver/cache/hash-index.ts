/** Entries of one bucket. */
export const WAYS = 16

/** In a tag: the entry has a location. A tag without it, other than 0, is that of a ghost. */
const LIVE = 0x80

/*
 * An entry is one word, so that it changes in one step: 0 if it is free, a location of 28 bits (never
 * 0) with the marks below, or a ghost: the sign bit and 31 bits of the hash.
 */
const LOCATION = 0xfff_ffff
const USED = 0x1000_0000
/** Used twice or more. */
const USED_AGAIN = USED << 1
const PREFETCHED = 0x4000_0000
const GHOST = 0x8000_0000 | 0

/** The location in the word of an entry; 0 if it has none. */
export function locationIn(word: number): number {
  return word > 0 ? word & LOCATION : 0
}

/**
 * From the hash of a question to the locations of answers with that hash, in buckets of 16 entries.
 * An entry has a tag of one octet, which contains seven bits of the hash, and a word. So the tags of a
 * bucket, a quarter of a cache line, nearly always suffice for a cache miss, and colliding names
 * cannot make a search longer than a bucket. The tags of a million answers take 4 MB, where a read
 * costs 30 ns; their words take 16 MB, where it costs 150 ns.
 *
 * The entry of an evicted answer becomes a ghost: it stores the hash in place of the location until
 * the entry is needed.
 *
 * It is shared by threads. Any thread may read it and mark entries; all other changes are made under
 * the lock of the shard. To readers, a tag is only a hint: what counts is the word.
 */
export class HashIndex {
  private readonly buckets: number
  /** Meaningless; keeps V8 from dropping the reads of `touch`. */
  touched = 0
  /** Where the search for a ghost to replace starts next. */
  private nextGhost = 0

  /**
   * @param tags one octet for each entry; 0: the entry is free
   * @param words one for each entry; a power of two, at least 16
   */
  constructor(
    private readonly tags: Uint8Array,
    private readonly words: Int32Array
  ) {
    this.buckets = words.length / WAYS
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

  word(entry: number): number {
    return this.words[entry]!
  }

  location(entry: number): number {
    return locationIn(this.words[entry]!)
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

  /**
   * Publishes an answer: from now on readers find it.
   *
   * @param location 1 to 2^28 - 1
   */
  set(entry: number, hash: number, location: number): void {
    this.tags[entry] = LIVE | (hash >>> 25)
    Atomics.store(this.words, entry, location)
  }

  /** Changes the location of an entry and keeps its marks. */
  move(entry: number, location: number): void {
    Atomics.store(this.words, entry, (this.words[entry]! & ~LOCATION) | location)
  }

  clear(entry: number): void {
    Atomics.store(this.words, entry, 0)
    this.tags[entry] = 0
  }

  clearAll(): void {
    this.words.fill(0)
    this.tags.fill(0)
  }

  /** Turns an entry into a ghost of its hash. */
  setGhost(entry: number, hash: number): void {
    Atomics.store(this.words, entry, GHOST | hash)
    this.tags[entry] = ghostTag(hash)
  }

  /** The ghost of a hash; -1: none. */
  findGhost(hash: number): number {
    const { tags, words } = this
    const first = this.first(hash)
    const tag = ghostTag(hash)
    for (let entry = first; entry < first + WAYS; entry++) {
      if (tags[entry] === tag && words[entry] === (GHOST | hash)) return entry
    }
    return -1
  }

  /** Counts a use of the answer whose entry was `word`. A change meanwhile makes it void. */
  markUsed(entry: number, word: number): void {
    if ((word & USED_AGAIN) !== 0) return
    Atomics.compareExchange(this.words, entry, word, word | USED | ((word & USED) << 1))
  }

  /** Whether the answer was used more often than `decayUse` was called since. */
  isUsed(entry: number): boolean {
    return (this.words[entry]! & USED) !== 0
  }

  /** Undoes one use: an answer that was used more than once still counts as used. */
  decayUse(entry: number): void {
    const word = this.words[entry]!
    if ((word & USED) === 0) return
    Atomics.and(this.words, entry, ~((word & USED_AGAIN) === 0 ? USED : USED_AGAIN))
  }

  /** Whether the answer was used more than once; true for one call only, of all threads. */
  claimPrefetch(entry: number, word: number): boolean {
    if ((word & (USED_AGAIN | PREFETCHED)) !== USED_AGAIN) return false
    return Atomics.compareExchange(this.words, entry, word, word | PREFETCHED) === word
  }

  /**
   * Loads the bucket of a hash into the processor's cache. When called for many hashes in a row, the
   * processor overlaps the cache misses.
   */
  touch(hash: number): void {
    const first = this.first(hash)
    this.touched ^= this.tags[first]! ^ this.words[first]!
  }
}

function ghostTag(hash: number): number {
  return hash >>> 25 || 1
}
