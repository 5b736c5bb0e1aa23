/** Entries of the index that a question may be in: as many as lie in one line of memory. */
const WAYS = 16
/** Doubled before more than so much of it is taken: then 2% at most find their ways all taken. */
const MAX_LOAD = 3 / 4
const FIRST_BUCKETS = 2 ** 6

/**
 * From the hash of a question to its place on the shelf. An entry is one word: low bits of the hash
 * as a tag, then the place plus one (0: the entry is free). It begins small and doubles with the
 * places in use, since every look goes anywhere in it: at 4 MB a look cost 270 ns of misses in
 * cache and page tables, at 256 KB, which 48,000 answers need, 20 ns.
 */
export class ShelfIndex {
  private entries = new Int32Array(FIRST_BUCKETS * WAYS)
  private shift = 32 - Math.log2(FIRST_BUCKETS)
  /** The hash that leads to each place, or did. */
  private readonly hashes: Int32Array
  /** What of an entry is the place, and what is the tag. */
  private readonly slotMask: number
  private readonly tagMask: number
  private nextVictim = 0

  /** @param places a power of two, less than 2^31 */
  constructor(places: number) {
    this.hashes = new Int32Array(places)
    this.slotMask = 2 * places - 1
    this.tagMask = ~this.slotMask
  }

  /** Where the entries begin in which this hash may be; `pastOf` is where they end. */
  firstOf(hash: number): number {
    return (hash >>> this.shift) * WAYS
  }

  pastOf(first: number): number {
    return first + WAYS
  }

  /** The place that the entry at `at` leads to, if its tag is this one; else -1. */
  slotAt(at: number, tag: number): number {
    const entry = this.entries[at]!
    return (entry & this.tagMask) === tag ? (entry & this.slotMask) - 1 : -1
  }

  /** The bucket is told by high bits of the hash, so the tag is of the others, moved up. */
  tagOf(hash: number): number {
    return Math.imul(hash, this.slotMask + 1)
  }

  /** Leads this hash to `place`, and nothing else there. */
  insert(hash: number, place: number): void {
    this.remove(place)
    if (place + 1 > this.entries.length * MAX_LOAD) this.double()
    this.hashes[place] = hash
    this.put(place)
  }

  /** In a free entry, else in one of those for its hash in turn. */
  private put(place: number): void {
    const hash = this.hashes[place]!
    const { entries } = this
    const first = this.firstOf(hash)
    let at = first
    while (at < first + WAYS && entries[at] !== 0) at++
    if (at === first + WAYS) {
      this.nextVictim = (this.nextVictim + 1) % WAYS
      at = first + this.nextVictim
    }
    entries[at] = this.tagOf(hash) | (place + 1)
  }

  private remove(place: number): void {
    const { entries } = this
    const first = this.firstOf(this.hashes[place]!)
    for (let at = first; at < first + WAYS; at++) {
      if ((entries[at]! & this.slotMask) === place + 1) entries[at] = 0
    }
  }

  /** Each bucket becomes two, so that there is room for all. */
  private double(): void {
    const old = this.entries
    this.entries = new Int32Array(2 * old.length)
    this.shift--
    for (const entry of old) if (entry !== 0) this.put((entry & this.slotMask) - 1)
  }
}
