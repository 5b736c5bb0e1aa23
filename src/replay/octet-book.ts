import type { Octets } from '../base/units.js'

/** Multiplier of MurmurHash3, chosen for how it spreads bits. */
const SPREAD = 0xcc9e2d51
/** 2^32 over the golden ratio: spreads a hash over its high bits. */
const GOLDEN = 0x9e3779b1

/** Words of a slot: hash, place of the text + 1 (0: free). */
const SLOT = 2
const FIRST_SLOTS = 1 << 12
/** Words before a text: its number, its length in octets. */
const HEAD = 2
const FIRST_WORDS = 1 << 14
const FIRST_SCRATCH: Octets = 1 << 10

/**
 * What hashes begin with, and are multiplied by. Random, so that who chooses names cannot make them
 * collide.
 */
export interface Salt {
  readonly seed: number
  readonly factor: number
}

export function saltOf(random: () => number): Salt {
  return { seed: random() | 0, factor: random() | 1 }
}

/** Adds four octets to the hash of a text, which starts as the seed. */
export function addWord(hash: number, word: number, factor: number): number {
  const mixed = Math.imul(hash ^ word, factor)
  return Math.imul(mixed ^ (mixed >>> 15), SPREAD)
}

/** Of a word, so many octets from its first one; the others are 0. */
export function firstOctets(word: number, octets: number): number {
  return word & ((1 << (octets << 3)) - 1)
}

/**
 * Texts, each once, as whole numbers from 0. Looking up one that is known makes no garbage: lines of
 * a log repeat names and clients, and a string for each costs more than all else that is done.
 *
 * A text lies with its number, in the order in which they came: a look at one costs at most two lines
 * of memory, and those asked for most, which come early, lie together.
 */
export class OctetBook {
  size = 0
  readonly salt: Salt
  #bits = Math.log2(FIRST_SLOTS)
  #slots = new Int32Array(SLOT * FIRST_SLOTS)
  #words = new Int32Array(FIRST_WORDS)
  #octets = Buffer.from(this.#words.buffer)
  #used = 0
  /** Where each text lies, by number. */
  #places = new Int32Array(FIRST_SLOTS)
  /** A text that is no octets yet, as octets and as words. */
  #scratch = Buffer.alloc(FIRST_SCRATCH)
  #view = viewOf(this.#scratch)

  constructor(salt: Salt) {
    this.salt = salt
  }

  /** Octets in use for the texts alone. */
  get octets(): Octets {
    return this.#used << 2
  }

  numberOfText(text: string): number {
    this.#roomFor(3 * text.length)
    return this.#numberOfScratch(writeText(this.#scratch, text))
  }

  numberOfOctets(octets: Uint8Array): number {
    const { length } = octets
    this.#roomFor(length)
    for (let i = 0; i < length; i++) this.#scratch[i] = octets[i]!
    return this.#numberOfScratch(length)
  }

  /**
   * Number of the text `source[from, to)`; `size` has grown if it is new. Three octets after it are
   * looked at.
   *
   * @param hash of the text, as `Scanner` has it
   */
  numberOf(source: DataView, from: Octets, to: Octets, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = (Math.imul(hash, GOLDEN) >>> (32 - this.#bits)) * SLOT
    for (;;) {
      const place = slots[at + 1]! - 1
      if (place < 0) return this.#add(at, source, from, to - from, hash)
      if (slots[at] === hash && this.#holds(place, source, from, to - from)) {
        return this.#words[place]!
      }
      at = (at + SLOT) & mask
    }
  }

  /** The octets of a text. Same memory: good until the next text is added. */
  textOf(number: number): Buffer {
    const place = this.#places[number]!
    const start = (place + HEAD) << 2
    return this.#octets.subarray(start, start + this.#words[place + 1]!)
  }

  /** Forgets all texts. */
  clear(): void {
    this.#slots.fill(0)
    this.size = 0
    this.#used = 0
  }

  #roomFor(octets: Octets): void {
    if (octets + 4 <= this.#scratch.length) return
    this.#scratch = Buffer.alloc(2 * octets)
    this.#view = viewOf(this.#scratch)
  }

  #numberOfScratch(length: Octets): number {
    return this.numberOf(this.#view, 0, length, this.#hash(this.#view, length))
  }

  #hash(source: DataView, length: Octets): number {
    const { seed, factor } = this.salt
    let hash = seed
    let at = 0
    for (; at + 4 <= length; at += 4) hash = addWord(hash, source.getInt32(at, true), factor)
    if (at === length) return hash
    return addWord(hash, firstOctets(source.getInt32(at, true), length - at), factor)
  }

  #holds(place: number, source: DataView, from: Octets, length: Octets): boolean {
    const words = this.#words
    if (words[place + 1] !== length) return false
    const whole = from + (length & ~3)
    let own = place + HEAD
    let at = from
    for (; at < whole; at += 4, own++) if (words[own] !== source.getInt32(at, true)) return false
    const rest = length & 3
    return rest === 0 || words[own] === firstOctets(source.getInt32(at, true), rest)
  }

  #add(at: number, source: DataView, from: Octets, length: Octets, hash: number): number {
    const number = this.size++
    const place = this.#used
    const end = place + HEAD + ((length + 3) >> 2)
    this.#reserve(end, number)
    this.#places[number] = place
    this.#words[place] = number
    this.#words[place + 1] = length
    const start = (place + HEAD) << 2
    this.#octets.fill(0, start, end << 2)
    this.#octets.set(new Uint8Array(source.buffer, source.byteOffset + from, length), start)
    this.#used = end
    this.#slots[at] = hash
    this.#slots[at + 1] = place + 1
    if (2 * SLOT * this.size > this.#slots.length) this.#rehash()
    return number
  }

  #reserve(words: number, number: number): void {
    if (words > this.#words.length) {
      this.#words = grown(this.#words, words)
      this.#octets = Buffer.from(this.#words.buffer)
    }
    if (number >= this.#places.length) this.#places = grown(this.#places, number + 1)
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
      this.#slots[at] = old[from]!
      this.#slots[at + 1] = old[from + 1]!
    }
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

/** Writes a text as UTF-8. Of ASCII, which names are, octet by octet is faster than a call. */
function writeText(octets: Buffer, text: string): Octets {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return octets.write(text)
    octets[i] = code
  }
  return text.length
}

/** Twice as long, or as long as it has to be. */
export function grown(words: Int32Array<ArrayBuffer>, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(2 * words.length, least))
  larger.set(words)
  return larger
}
