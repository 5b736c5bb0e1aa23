import type { Octets } from '../../base/units.js'

/** Multiplier c1 of MurmurHash3, for its bit distribution. */
const SPREAD = 0xcc9e2d51
/** 2^32 divided by the golden ratio: Fibonacci hashing. */
const GOLDEN = 0x9e3779b1

/** Words of a slot: hash, offset of the text + 1 (0: free). */
const SLOT = 2
const FIRST_SLOTS = 1 << 12
/** Words before a text: its id, its length in octets. */
const HEAD = 2
const FIRST_WORDS = 1 << 14
const FIRST_SCRATCH: Octets = 1 << 10

/** Seed and multiplier of the hash. Random, so that nobody can choose names that collide. */
export interface HashKey {
  readonly seed: number
  readonly factor: number
}

export function randomHashKey(random: () => number): HashKey {
  return { seed: random() | 0, factor: random() | 1 }
}

/** Adds four octets to the hash of a text; the hash starts as the seed. */
export function addWord(hash: number, word: number, factor: number): number {
  const mixed = Math.imul(hash ^ word, factor)
  return Math.imul(mixed ^ (mixed >>> 15), SPREAD)
}

/** The first octets of a word; the others are 0. */
export function firstOctets(word: number, octets: number): number {
  return word & ((1 << (octets << 3)) - 1)
}

/**
 * Gives each distinct text an id, from 0. Looking up a known text allocates nothing: a log repeats
 * names and clients, and a string for each would cost more than everything else.
 *
 * Texts are stored with their id in order of arrival, so that a lookup touches at most two cache lines
 * and popular texts, which arrive early, are adjacent.
 */
export class OctetInterner {
  size = 0
  readonly hashKey: HashKey
  private bits = Math.log2(FIRST_SLOTS)
  private slots = new Int32Array(SLOT * FIRST_SLOTS)
  private words = new Int32Array(FIRST_WORDS)
  private buffer = Buffer.from(this.words.buffer)
  private used = 0
  /** Offset of each text, by id. */
  private offsets = new Int32Array(FIRST_SLOTS)
  /** Room to convert a text to octets; also as words. */
  private scratch = Buffer.alloc(FIRST_SCRATCH)
  private view = viewOf(this.scratch)

  constructor(salt: HashKey) {
    this.hashKey = salt
  }

  /** Octets used by the texts. */
  get octets(): Octets {
    return this.used << 2
  }

  idOfText(text: string): number {
    this.growScratch(3 * text.length)
    return this.idOfScratch(writeText(this.scratch, text))
  }

  idOfOctets(octets: Uint8Array): number {
    const { length } = octets
    this.growScratch(length)
    for (let i = 0; i < length; i++) this.scratch[i] = octets[i]!
    return this.idOfScratch(length)
  }

  /**
   * Id of the text `source[from, to)`; `size` grows if it is new. Reads up to three octets after it.
   *
   * @param hash of the text, as `Scanner` has it
   */
  idOf(source: DataView, from: Octets, to: Octets, hash: number): number {
    const slots = this.slots
    const mask = slots.length - 1
    let at = (Math.imul(hash, GOLDEN) >>> (32 - this.bits)) * SLOT
    for (;;) {
      const place = slots[at + 1]! - 1
      if (place < 0) return this.add(at, source, from, to - from, hash)
      if (slots[at] === hash && this.equals(place, source, from, to - from)) {
        return this.words[place]!
      }
      at = (at + SLOT) & mask
    }
  }

  /** The octets of a text: a view, valid until the next text is added. */
  textOf(number: number): Buffer {
    const place = this.offsets[number]!
    const start = (place + HEAD) << 2
    return this.buffer.subarray(start, start + this.words[place + 1]!)
  }

  /** Removes all texts. */
  clear(): void {
    this.slots.fill(0)
    this.size = 0
    this.used = 0
  }

  private growScratch(octets: Octets): void {
    if (octets + 4 <= this.scratch.length) return
    this.scratch = Buffer.alloc(2 * octets)
    this.view = viewOf(this.scratch)
  }

  private idOfScratch(length: Octets): number {
    return this.idOf(this.view, 0, length, this.hash(this.view, length))
  }

  private hash(source: DataView, length: Octets): number {
    const { seed, factor } = this.hashKey
    let hash = seed
    let at = 0
    for (; at + 4 <= length; at += 4) hash = addWord(hash, source.getInt32(at, true), factor)
    if (at === length) return hash
    return addWord(hash, firstOctets(source.getInt32(at, true), length - at), factor)
  }

  private equals(place: number, source: DataView, from: Octets, length: Octets): boolean {
    const words = this.words
    if (words[place + 1] !== length) return false
    const whole = from + (length & ~3)
    let own = place + HEAD
    let at = from
    for (; at < whole; at += 4, own++) if (words[own] !== source.getInt32(at, true)) return false
    const rest = length & 3
    return rest === 0 || words[own] === firstOctets(source.getInt32(at, true), rest)
  }

  private add(at: number, source: DataView, from: Octets, length: Octets, hash: number): number {
    const number = this.size++
    const place = this.used
    const end = place + HEAD + ((length + 3) >> 2)
    this.reserve(end, number)
    this.offsets[number] = place
    this.words[place] = number
    this.words[place + 1] = length
    const start = (place + HEAD) << 2
    this.buffer.fill(0, start, end << 2)
    this.buffer.set(new Uint8Array(source.buffer, source.byteOffset + from, length), start)
    this.used = end
    this.slots[at] = hash
    this.slots[at + 1] = place + 1
    if (2 * SLOT * this.size > this.slots.length) this.rehash()
    return number
  }

  private reserve(words: number, number: number): void {
    if (words > this.words.length) {
      this.words = grow(this.words, words)
      this.buffer = Buffer.from(this.words.buffer)
    }
    if (number >= this.offsets.length) this.offsets = grow(this.offsets, number + 1)
  }

  /** Doubles the slots, so that at most half are in use. */
  private rehash(): void {
    const old = this.slots
    this.bits++
    this.slots = new Int32Array(2 * old.length)
    const mask = this.slots.length - 1
    for (let from = 0; from < old.length; from += SLOT) {
      if (old[from + 1] === 0) continue
      let at = (Math.imul(old[from]!, GOLDEN) >>> (32 - this.bits)) * SLOT
      while (this.slots[at + 1] !== 0) at = (at + SLOT) & mask
      this.slots[at] = old[from]!
      this.slots[at + 1] = old[from + 1]!
    }
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

/** Writes a text as UTF-8. For ASCII, which names are, a loop is faster than a call. */
function writeText(octets: Buffer, text: string): Octets {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return octets.write(text)
    octets[i] = code
  }
  return text.length
}

/** A copy of twice the length, or of the length needed. */
export function grow(words: Int32Array<ArrayBuffer>, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(2 * words.length, least))
  larger.set(words)
  return larger
}
