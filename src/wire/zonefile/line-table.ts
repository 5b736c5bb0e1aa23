import { getInt32Le } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'

/**
 * The hash of a line, computed four octets at a time: each step depends on the previous one, and a
 * quarter of the steps takes a third of the time.
 */
export function hashLine(octets: Uint8Array, start: Octets, end: Octets): number {
  let hash = end - start
  let at = start
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ getInt32Le(octets, at), 0xcc9e2d51)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ octets[at]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

/** Lengths from here on are not distinguished. */
const LENGTH_LIMIT: Octets = 4096

/**
 * A hash table of lines in one buffer, without copying them or creating strings: a zone may have a
 * million. Removed lines are no longer found.
 */
export class LineTable {
  private heads = new Int32Array(64).fill(-1)
  private next = new Int32Array(64)
  private hashes = new Int32Array(64)
  private starts = new Int32Array(64)
  private lengths = new Int32Array(64)
  private readonly lengthsPresent = new Uint8Array(LENGTH_LIMIT)
  size = 0

  constructor(private readonly octets: Uint8Array) {}

  /** @param start position of the line in the buffer of this table */
  add(hash: number, start: Octets, length: Octets): void {
    if (this.size === this.starts.length) this.grow()
    const i = this.size++
    this.lengthsPresent[Math.min(length, LENGTH_LIMIT - 1)] = 1
    const head = hash & (this.heads.length - 1)
    this.hashes[i] = hash
    this.starts[i] = start
    this.lengths[i] = length
    this.next[i] = this.heads[head]!
    this.heads[head] = i
  }

  /** Whether the table may have a line of this length: other lines need not be hashed. */
  hasLength(length: Octets): boolean {
    return this.lengthsPresent[Math.min(length, LENGTH_LIMIT - 1)] === 1
  }

  /** Position in this buffer of a line equal to `other[at, at + length)`; -1: none. */
  find(hash: number, other: Uint8Array, at: Octets, length: Octets): Octets {
    const i = this.indexOf(hash, other, at, length)
    return i === -1 ? -1 : this.starts[i]!
  }

  /** As `find`, and removes the line from the table. */
  remove(hash: number, other: Uint8Array, at: Octets, length: Octets): Octets {
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
