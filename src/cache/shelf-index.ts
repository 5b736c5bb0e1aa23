/** Entries of the index that a question may be in: as many as lie in half a line of memory. */
const WAYS = 4
/** Words of an entry: the hash of a question, its place plus one (0: the entry is free). */
const ENTRY_WORDS = 2
const BUCKET_WORDS = WAYS * ENTRY_WORDS
/** Entries for each place: with half of them in use, four ways are seldom all taken. */
const ENTRIES_PER_PLACE = 2
const FIRST_BUCKETS = 2 ** 8

/**
 * From the hash of a question to its place on the shelf. It begins small and doubles with the
 * places in use, since every look goes anywhere in it: at its full size of 4 MB a look cost 270 ns
 * of misses in cache and page tables, at the 256 KB that 16,000 answers need, 20 ns.
 */
export class ShelfIndex {
  /** Entries, `ENTRY_WORDS` each. */
  entries = new Int32Array(FIRST_BUCKETS * BUCKET_WORDS)
  private shift = 32 - Math.log2(FIRST_BUCKETS)
  /** The entry that leads to each place, as a position in `entries` plus one. */
  private readonly leading: Int32Array
  private turn = 0

  constructor(places: number) {
    this.leading = new Int32Array(places)
  }

  /** Where the entries begin in which this hash may be; `pastOf` is where they end. */
  firstOf(hash: number): number {
    return (hash >>> this.shift) * BUCKET_WORDS
  }

  pastOf(first: number): number {
    return first + BUCKET_WORDS
  }

  /** The place that the entry at `at` leads to, if it is for this hash; else -1. */
  placeAt(at: number, hash: number): number {
    return this.entries[at] === hash ? this.entries[at + 1]! - 1 : -1
  }

  /** Leads this hash to `place`, and nothing else there. */
  enter(hash: number, place: number): void {
    this.forget(this.leading[place]! - 1)
    if (this.isFullWith(place)) this.double()
    const at = this.freeFor(hash)
    this.forget(at)
    this.put(at, hash, place)
  }

  private isFullWith(place: number): boolean {
    return (place + 1) * ENTRIES_PER_PLACE * ENTRY_WORDS > this.entries.length
  }

  /** A free entry for this hash, else one of the four in turn. */
  private freeFor(hash: number): number {
    const first = this.firstOf(hash)
    for (let at = first; at < first + BUCKET_WORDS; at += ENTRY_WORDS) {
      if (this.entries[at + 1] === 0) return at
    }
    this.turn = (this.turn + 1) % WAYS
    return first + this.turn * ENTRY_WORDS
  }

  /** Frees an entry; -1: none. */
  private forget(at: number): void {
    if (at < 0) return
    const place = this.entries[at + 1]! - 1
    if (place >= 0) this.leading[place] = 0
    this.entries[at + 1] = 0
  }

  private put(at: number, hash: number, place: number): void {
    this.entries[at] = hash
    this.entries[at + 1] = place + 1
    this.leading[place] = at + 1
  }

  /** Each bucket becomes two, so that there is room for all. */
  private double(): void {
    const old = this.entries
    this.entries = new Int32Array(2 * old.length)
    this.shift--
    for (let at = 0; at < old.length; at += ENTRY_WORDS) {
      const place = old[at + 1]! - 1
      if (place >= 0) this.put(this.freeFor(old[at]!), old[at]!, place)
    }
  }
}
