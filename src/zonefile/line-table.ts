import type { Octets } from '../base/units.js'

/**
 * The hash of a line, four octets at a time: each step waits for the one before, and a quarter of
 * the steps takes a third of the time.
 */
export function hashLine(octets: Uint8Array, start: Octets, end: Octets): number {
  let hash = end - start
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word =
      octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24)
    hash = Math.imul(hash ^ word, 0xcc9e2d51)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ octets[at]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

/** A line that is longer is of any length. */
const LENGTHS: Octets = 4096

/**
 * Lines by their octets, of which nothing is copied and no text is made: a zone has a million. Lines
 * of one buffer; a line that was dropped is not found any more.
 */
export class LineTable {
  private heads = new Int32Array(64).fill(-1)
  private next = new Int32Array(64)
  private hashes = new Int32Array(64)
  private starts = new Int32Array(64)
  private lengths = new Int32Array(64)
  private readonly known = new Uint8Array(LENGTHS)
  size = 0

  constructor(private readonly octets: Uint8Array) {}

  /** @param start where the line is in the buffer of this table */
  add(hash: number, start: Octets, length: Octets): void {
    if (this.size === this.starts.length) this.grow()
    const i = this.size++
    this.known[Math.min(length, LENGTHS - 1)] = 1
    const head = hash & (this.heads.length - 1)
    this.hashes[i] = hash
    this.starts[i] = start
    this.lengths[i] = length
    this.next[i] = this.heads[head]!
    this.heads[head] = i
  }

  /** Whether there may be a line of this length: others need not be hashed. */
  hasLength(length: Octets): boolean {
    return this.known[Math.min(length, LENGTHS - 1)] === 1
  }

  /** The line `other[at, at + length)`: where it is here, or -1. */
  find(hash: number, other: Uint8Array, at: Octets, length: Octets): Octets {
    const i = this.indexOf(hash, other, at, length)
    return i === -1 ? -1 : this.starts[i]!
  }

  /** As `find`, and from then on it is not here. */
  drop(hash: number, other: Uint8Array, at: Octets, length: Octets): Octets {
    const i = this.indexOf(hash, other, at, length)
    if (i === -1) return -1
    this.lengths[i] = -1
    return this.starts[i]!
  }

  private indexOf(hash: number, other: Uint8Array, at: Octets, length: Octets): number {
    let i = this.heads[hash & (this.heads.length - 1)]!
    while (i !== -1 && !this.isAt(i, hash, other, at, length)) i = this.next[i]!
    return i
  }

  private isAt(i: number, hash: number, other: Uint8Array, at: Octets, length: Octets): boolean {
    if (this.hashes[i] !== hash || this.lengths[i] !== length) return false
    const start = this.starts[i]!
    for (let k = 0; k < length; k++) if (this.octets[start + k] !== other[at + k]) return false
    return true
  }

  private grow(): void {
    const more = 2 * this.starts.length
    const larger = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(more)
      grown.set(old)
      return grown
    }
    this.hashes = larger(this.hashes)
    this.starts = larger(this.starts)
    this.lengths = larger(this.lengths)
    this.next = larger(this.next)
    this.heads = new Int32Array(more).fill(-1)
    for (let i = 0; i < this.size; i++) {
      const head = this.hashes[i]! & (more - 1)
      this.next[i] = this.heads[head]!
      this.heads[head] = i
    }
  }
}
