import type { Octets } from '../base/units.js'

/** Multiplier of FNV-1a, 32 bits. */
const FNV_PRIME = 0x01000193
/** 2^32 over the golden ratio: spreads a hash over its high bits. */
const GOLDEN = 0x9e3779b1

const SLOT = 4
const FIRST_SLOTS = 1 << 12
const FIRST_ARENA: Octets = 1 << 16

/** Adds one octet to the hash of a text, which starts as `OctetBook.seed`. */
export function addOctet(hash: number, octet: number): number {
  return Math.imul(hash ^ octet, FNV_PRIME)
}

/**
 * Texts, each once, as whole numbers from 0. Looking up one that is known makes no garbage: lines of
 * a log repeat names and clients, and a string for each costs more than all else that is done.
 */
export class OctetBook {
  size = 0
  /** Random, so that who chooses names cannot make them collide. */
  readonly seed: number
  #bits = Math.log2(FIRST_SLOTS)
  /**
   * Four words a slot, so that a look at one is a look at one line of the processor's cache: hash,
   * number + 1 (0: free), start of the text, its length.
   */
  #slots = new Int32Array(SLOT * FIRST_SLOTS)
  #arena = new Uint8Array(FIRST_ARENA)
  #ends = new Float64Array(FIRST_SLOTS)
  #used: Octets = 0

  constructor(random: () => number) {
    this.seed = random() | 0
  }

  /** Octets in use for the texts alone. */
  get octets(): Octets {
    return this.#used
  }

  /** The hash of `source[from, to)`, for who has not hashed it while reading. */
  hash(source: Uint8Array, from: Octets, to: Octets): number {
    let hash = this.seed
    for (let at = from; at < to; at++) hash = addOctet(hash, source[at]!)
    return hash
  }

  /** Number of the text `source[from, to)`; `size` has grown if it is new. */
  numberOf(source: Uint8Array, from: Octets, to: Octets, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = (Math.imul(hash, GOLDEN) >>> (32 - this.#bits)) * SLOT
    for (;;) {
      const number = slots[at + 1]! - 1
      if (number < 0) return this.#add(at, source, from, to, hash)
      const isLike = slots[at] === hash && slots[at + 3] === to - from
      if (isLike && this.#holds(slots[at + 2]!, source, from, to)) return number
      at = (at + SLOT) & mask
    }
  }

  /** The octets of a text. Same memory: good until the next text is added. */
  textOf(number: number): Uint8Array {
    return this.#arena.subarray(this.#startOf(number), this.#ends[number])
  }

  /** Forgets all texts. */
  clear(): void {
    this.#slots.fill(0)
    this.size = 0
    this.#used = 0
  }

  #startOf(number: number): Octets {
    return number === 0 ? 0 : this.#ends[number - 1]!
  }

  #holds(start: Octets, source: Uint8Array, from: Octets, to: Octets): boolean {
    const arena = this.#arena
    for (let at = from, own = start; at < to; at++, own++) {
      if (arena[own] !== source[at]) return false
    }
    return true
  }

  #add(at: number, source: Uint8Array, from: Octets, to: Octets, hash: number): number {
    const number = this.size++
    const end = this.#used + to - from
    if (end > this.#arena.length) this.#arena = grown(this.#arena, end)
    if (number >= this.#ends.length) {
      const ends = new Float64Array(2 * this.#ends.length)
      ends.set(this.#ends)
      this.#ends = ends
    }
    this.#arena.set(source.subarray(from, to), this.#used)
    this.#ends[number] = end
    const slots = this.#slots
    slots[at] = hash
    slots[at + 1] = number + 1
    slots[at + 2] = this.#used
    slots[at + 3] = to - from
    this.#used = end
    if (2 * SLOT * this.size > slots.length) this.#rehash()
    return number
  }

  /** Twice the slots: half of them at most are in use. */
  #rehash(): void {
    const old = this.#slots
    this.#bits++
    this.#slots = new Int32Array(2 * old.length)
    const mask = this.#slots.length - 1
    for (let from = 0; from < old.length; from += SLOT) {
      if (old[from + 1] === 0) continue
      let at = (Math.imul(old[from]!, GOLDEN) >>> (32 - this.#bits)) * SLOT
      while (this.#slots[at + 1] !== 0) at = (at + SLOT) & mask
      this.#slots.set(old.subarray(from, from + SLOT), at)
    }
  }
}

function grown(arena: Uint8Array, least: Octets): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(2 * arena.length, least))
  larger.set(arena)
  return larger
}
