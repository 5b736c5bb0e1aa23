/** Entries of one bucket. */
export const WAYS = 16

/** In a tag: the entry has a place. Without it, if it is not 0, the entry remembers. */
const LIVE = 0x80

/**
 * Where the places of a hash are, in buckets of 16 entries. Each has a tag of one octet, in which are
 * seven bits of the hash, and the number of a place. So a question that is not held is nearly always
 * known by the tags of its bucket, a quarter of a line of memory, and nobody can make chains long by
 * names that collide. All tags of a million answers are 4 MB, where a look costs 30 ns; among their
 * places, 16 MB, it costs 150.
 *
 * An entry whose place was given up may remember that: it has the whole hash instead, until the
 * entry is needed.
 */
export class HashIndex {
  /** 0: the entry is free. */
  private readonly tags: Uint8Array
  /** A place, or the hash that is remembered. */
  private readonly locations: Int32Array
  private readonly buckets: number
  /** Of no meaning; but what nobody keeps, V8 does not look at. */
  touched = 0
  /** Which of those that only remember is forgotten next. */
  private nextGhost = 0

  /** @param size entries, a power of two, at least 16 */
  constructor(size: number) {
    this.tags = new Uint8Array(size)
    this.locations = new Int32Array(size)
    this.buckets = size / WAYS
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
    const { tags } = this
    const end = this.first(hash) + WAYS
    const wanted = LIVE | (hash >>> 25)
    for (let entry = from; entry < end; entry++) if (tags[entry] === wanted) return entry
    return -1
  }

  location(entry: number): number {
    return this.locations[entry]!
  }

  /** The entry of a place with this hash; it is there. */
  entryOf(hash: number, place: number): number {
    let entry = this.next(hash, this.first(hash))
    while (this.location(entry) !== place) entry = this.next(hash, entry + 1)
    return entry
  }

  /** An entry for a hash that is free, or only remembers; -1: all have places. */
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

  /** @param place any 32 bits, signed */
  set(entry: number, hash: number, place: number): void {
    this.tags[entry] = LIVE | (hash >>> 25)
    this.locations[entry] = place
  }

  clear(entry: number): void {
    this.tags[entry] = 0
  }

  /** Has an entry remember the hash whose place it had. */
  setGhost(entry: number, hash: number): void {
    this.tags[entry] = ghostTag(hash)
    this.locations[entry] = hash
  }

  /** The entry that remembers a hash; -1: none does. */
  findGhost(hash: number): number {
    const { tags, locations: places } = this
    const first = this.first(hash)
    const wanted = ghostTag(hash)
    for (let entry = first; entry < first + WAYS; entry++) {
      if (tags[entry] === wanted && places[entry] === (hash | 0)) return entry
    }
    return -1
  }

  /**
   * Brings the bucket of a hash near. Where many are needed one after the other, memory serves them
   * side by side, if nothing is done in between.
   */
  touch(hash: number): void {
    const first = this.first(hash)
    this.touched ^= this.tags[first]! ^ this.locations[first]!
  }
}

function ghostTag(hash: number): number {
  return hash >>> 25 || 1
}
