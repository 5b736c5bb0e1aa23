import { splitAddressSpace, type AddressRange } from './address-ranges.js'
import { addressOf, isMapped, type Address, type Prefix } from './address.js'

/** The table in shared memory, which is passed to other threads. */
export interface PrefixTableBuffers {
  /** IPv4: start and value of each range; and an index by upper half of the address, see `find4`. */
  readonly starts4: SharedArrayBuffer
  readonly values4: SharedArrayBuffer
  readonly index4: SharedArrayBuffer
  /** IPv6: start of each range as four words, most significant first; and its value. */
  readonly starts6: SharedArrayBuffer
  readonly values6: SharedArrayBuffer
}

const HALF = 0x10000
const MAPPED_BITS = 96

/**
 * Maps an address to a number that stands for the set of prefixes covering it. The address space is split
 * into ranges, each with the value that the caller chose for its set of prefixes.
 *
 * IPv4 addresses match IPv4 prefixes only, and IPv6 addresses IPv6 prefixes only: `::/0` does not cover
 * IPv4, although IPv4 is stored as mapped IPv6.
 */
export class PrefixTable {
  private readonly starts4: Uint32Array
  private readonly values4: Uint32Array
  private readonly index4: Uint32Array
  private readonly starts6: Uint32Array
  private readonly values6: Uint32Array

  constructor(buffers: PrefixTableBuffers) {
    this.starts4 = new Uint32Array(buffers.starts4)
    this.values4 = new Uint32Array(buffers.values4)
    this.index4 = new Uint32Array(buffers.index4)
    this.starts6 = new Uint32Array(buffers.starts6)
    this.values6 = new Uint32Array(buffers.values6)
  }

  /**
   * The value of the address in `words[at, at + 4)`: 128 bits, most significant word first, IPv4
   * mapped, as in `DatagramBatch.peers`. Allocates nothing.
   */
  find(words: Uint32Array, at: number): number {
    if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff) {
      return this.find4(words[at + 3]!)
    }
    return this.find6(words, at)
  }

  /** Every range by its first address, IPv4 before IPv6; for dumps. */
  *ranges(): Generator<{ readonly start: Address; readonly value: number }> {
    for (const [range, start] of this.starts4.entries()) {
      yield { start: addressOf([0, 0, 0xffff, start]), value: this.values4[range]! }
    }
    for (const [range, value] of this.values6.entries()) {
      yield { start: addressOf(this.starts6.subarray(4 * range, 4 * range + 4)), value }
    }
  }

  /** `index4[h]` is the range of `h.0.0`, so a search is needed only within a /16 that is split. */
  private find4(address: number): number {
    const half = address >>> 16
    let low = this.index4[half]!
    let high = this.index4[half + 1]!
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.starts4[middle]! <= address) low = middle
      else high = middle - 1
    }
    return this.values4[low]!
  }

  private find6(words: Uint32Array, at: number): number {
    let low = 0
    let high = this.values6.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.startsBy(middle, words, at)) low = middle
      else high = middle - 1
    }
    return this.values6[low]!
  }

  /** Whether an IPv6 range starts at or before the address. */
  private startsBy(range: number, words: Uint32Array, at: number): boolean {
    for (let word = 0; word < 4; word++) {
      const start = this.starts6[4 * range + word]!
      const wanted = words[at + word]!
      if (start !== wanted) return start < wanted
    }
    return true
  }
}

/**
 * Compiles prefixes to a table.
 *
 * @param intern returns the value (unsigned, 32 bits) of a set of covering prefixes, given as indices into
 *   `prefixes`, longest first, equal ones in the given order; empty if none covers the address
 */
export function compilePrefixes(
  prefixes: readonly Prefix[],
  intern: (covering: readonly number[]) => number
): PrefixTableBuffers {
  const indices4: number[] = []
  const indices6: number[] = []
  prefixes.forEach(({ address, length }, index) => {
    const is4 = length >= MAPPED_BITS && isMapped(address)
    ;(is4 ? indices4 : indices6).push(index)
  })
  const valued4 = assignValues(splitAddressSpace(prefixes, indices4, 32), intern)
  const valued6 = assignValues(splitAddressSpace(prefixes, indices6, 128), intern)
  const starts4 = valued4.map(({ start }) => Number(start))
  return {
    starts4: toShared(starts4),
    values4: toShared(valued4.map(({ value }) => value)),
    index4: indexByHalf(starts4),
    starts6: toShared(valued6.flatMap(({ start }) => wordsOf(BigInt(start)))),
    values6: toShared(valued6.map(({ value }) => value))
  }
}

/** Assigns values to ranges, and merges neighbours with the same value. */
function assignValues(
  ranges: readonly AddressRange[],
  intern: (covering: readonly number[]) => number
): { start: number | bigint; value: number }[] {
  const result: { start: number | bigint; value: number }[] = []
  for (const { start, covering } of ranges) {
    const value = intern(covering)
    if (result.at(-1)?.value !== value) result.push({ start, value })
  }
  return result
}

/** For each upper half, and one past the last, the range of its first address. */
function indexByHalf(starts: readonly number[]): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(4 * (HALF + 1))
  const index = new Uint32Array(buffer)
  // New memory is zero, which is the first range; pages that are not written take no memory.
  for (let range = 1; range < starts.length; range++) {
    const next = starts[range + 1]
    const end = next === undefined ? index.length : Math.ceil(next / HALF)
    index.fill(range, Math.ceil(starts[range]! / HALF), end)
  }
  return buffer
}

function wordsOf(address: bigint): number[] {
  return [96n, 64n, 32n, 0n].map(shift => Number((address >> shift) & 0xffffffffn))
}

function toShared(words: readonly number[]): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(4 * words.length)
  new Uint32Array(buffer).set(words)
  return buffer
}
