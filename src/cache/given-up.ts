/**
 * Which hashes were given up lately, by 8 bits of each in a table of so many octets: enough to tell
 * a name that comes back from a random one, but for one in 256 of these.
 */
export class GivenUp {
  private readonly tags: Uint8Array

  /** @param size hashes, a power of two */
  constructor(size: number) {
    this.tags = new Uint8Array(size)
  }

  add(hash: number): void {
    this.tags[hash & (this.tags.length - 1)] = tagOf(hash)
  }

  has(hash: number): boolean {
    return this.tags[hash & (this.tags.length - 1)] === tagOf(hash)
  }
}

/** 0 is none. */
function tagOf(hash: number): number {
  return hash >>> 24 || 1
}
