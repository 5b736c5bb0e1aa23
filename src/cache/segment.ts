import { copyOctets, equalOctets } from '../base/octets.js'
import type { Octets } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import { KEY_SUFFIX_SIZE, type QuestionKey } from '../dns/message/question.js'
import type { NameScope } from './name-scope.js'

/** Answers start at multiples of this, so that a location fits into few bits. */
export const UNIT: Octets = 16

/** Words of the header of an answer. */
const SIZE = 0 // octets of the whole answer
const KEY = 1 // octets of the key
const HASH = 2
const STATE = 3 // RCODE, then the flags below
const STORED = 4 // milliseconds, a double
const LIFETIME = 6 // seconds
const ANSWERS = 7
const AUTHORITIES = 8
const BODY = 9 // octets of the body
const TTLS = 10 // how many there are
const TARGETS = 11 // octets
const TARGET_KINDS = 12
const ADDRESSES = 13 // words
const UPSTREAM = 14
const EDE = 15 // INFO-CODE, octets of the option << 16
const HEADER: Octets = 64

const AUTHENTIC = 0x1_0000
const USED = 0x2_0000
/** Used twice or more. */
const USED_AGAIN = USED << 1
const PREFETCHED = 0x8_0000
const DELETED = 0x10_0000
const WITH_EDE = 0x20_0000

const NO_OCTETS = new Uint8Array(0)
const NO_TTLS = new Uint16Array(0)
const NO_WORDS = new Uint32Array(0)

/** Size of an answer in a segment. */
export function sizeOf(key: QuestionKey, answer: Answer): Octets {
  const { body, ttls, targets, targetKinds, addresses, ede } = answer
  const octets =
    4 * addresses.length +
    2 * ttls.length +
    body.length +
    key.length +
    targets.length +
    targetKinds.length +
    (ede === undefined ? 0 : ede.option.length)
  return Math.ceil((HEADER + octets) / UNIT) * UNIT
}

/** A block of memory with packed answers, one after the other, each addressed by its offset. */
export class Segment {
  /** Octets in use. */
  end: Octets = 0
  private readonly octets: Uint8Array
  private readonly shorts: Uint16Array
  private readonly words: Int32Array
  private readonly doubles: Float64Array

  constructor(size: Octets) {
    this.octets = new Uint8Array(size)
    this.shorts = new Uint16Array(this.octets.buffer)
    this.words = new Int32Array(this.octets.buffer)
    this.doubles = new Float64Array(this.octets.buffer)
  }

  sizeAt(at: Octets): Octets {
    return this.words[at / 4 + SIZE]!
  }

  hashAt(at: Octets): number {
    return this.words[at / 4 + HASH]!
  }

  isDeleted(at: Octets): boolean {
    return (this.words[at / 4 + STATE]! & DELETED) !== 0
  }

  delete(at: Octets): void {
    this.words[at / 4 + STATE]! |= DELETED
  }

  markUsed(at: Octets): void {
    const state = this.words[at / 4 + STATE]!
    this.words[at / 4 + STATE] = state | USED | ((state & USED) << 1)
  }

  /** Whether the answer was used more often than `decayUse` was called since. */
  isUsed(at: Octets): boolean {
    return (this.words[at / 4 + STATE]! & USED) !== 0
  }

  /** Undoes one use: an answer that was used more than once still counts as used. */
  decayUse(at: Octets): void {
    const state = this.words[at / 4 + STATE]!
    this.words[at / 4 + STATE] = state & ~((state & USED_AGAIN) === 0 ? USED : USED_AGAIN)
  }

  /** Whether the answer was used more than once; true for one call only. */
  claimPrefetch(at: Octets): boolean {
    const state = this.words[at / 4 + STATE]!
    if ((state & (USED_AGAIN | PREFETCHED)) !== USED_AGAIN) return false
    this.words[at / 4 + STATE] = state | PREFETCHED
    return true
  }

  /** When the answer expires, as `Clock.now()`. */
  expiresAt(at: Octets): number {
    return this.doubles[(at / 4 + STORED) / 2]! + this.words[at / 4 + LIFETIME]! * 1000
  }

  /** Moves the answer at `from` down to `to`. */
  move(from: Octets, to: Octets, size: Octets): void {
    if (from !== to) this.octets.copyWithin(to, from, from + size)
  }

  /** Appends the answer at `from` to another segment, which must have room for it. */
  copyTo(other: Segment, from: Octets, size: Octets): void {
    other.octets.set(this.octets.subarray(from, from + size), other.end)
    other.end += size
  }

  hasKey(at: Octets, key: QuestionKey): boolean {
    const word = at / 4
    const { words, octets } = this
    if (words[word + KEY] !== key.length) return false
    return equalOctets(octets, this.keyAt(word), key, 0, key.length)
  }

  /** Whether the answer is for a name in scope. */
  isIn(at: Octets, scope: NameScope): boolean {
    const word = at / 4
    return scope.includes(this.octets, this.keyAt(word), this.words[word + KEY]! - KEY_SUFFIX_SIZE)
  }

  /** Writes an answer after the last one; the caller checks that there is room. */
  append(key: QuestionKey, hash: number, answer: Answer, size: Octets): void {
    const { words, octets } = this
    const { body, ttls, targets, targetKinds, addresses, ede } = answer
    const word = this.end / 4
    words[word + SIZE] = size
    words[word + KEY] = key.length
    words[word + HASH] = hash
    words[word + STATE] =
      answer.rcode | (answer.authentic ? AUTHENTIC : 0) | (ede === undefined ? 0 : WITH_EDE)
    this.doubles[(word + STORED) / 2] = answer.storedAt
    words[word + LIFETIME] = answer.lifetime
    words[word + ANSWERS] = answer.answers
    words[word + AUTHORITIES] = answer.authorities
    words[word + BODY] = body.length
    words[word + TTLS] = ttls.length
    words[word + TARGETS] = targets.length
    words[word + TARGET_KINDS] = targetKinds.length
    words[word + ADDRESSES] = addresses.length
    words[word + UPSTREAM] = answer.upstream
    words[word + EDE] = ede === undefined ? 0 : ede.code | (ede.option.length << 16)
    let at = this.end + HEADER
    for (let i = 0; i < addresses.length; i++) words[at / 4 + i] = addresses[i]!
    at += 4 * addresses.length
    for (let i = 0; i < ttls.length; i++) this.shorts[at / 2 + i] = ttls[i]!
    at += 2 * ttls.length
    at = copy(key, octets, at)
    at = copy(body, octets, at)
    at = copy(targets, octets, at)
    at = copy(targetKinds, octets, at)
    if (ede !== undefined) copy(ede.option, octets, at)
    this.end += size
  }

  /** The answer as an object, with a copy of its octets. */
  read(at: Octets): Answer {
    const { words } = this
    const word = at / 4
    const state = words[word + STATE]!
    const { buffer } = this.octets.slice(at + HEADER, at + words[word + SIZE]!)
    let pos = 0
    const take = (length: Octets): Uint8Array => {
      if (length === 0) return NO_OCTETS
      pos += length
      return new Uint8Array(buffer, pos - length, length)
    }
    const addresses = words[word + ADDRESSES]!
    pos += 4 * addresses
    const ttls = words[word + TTLS]!
    pos += 2 * ttls + words[word + KEY]!
    const body = take(words[word + BODY]!)
    const targets = take(words[word + TARGETS]!)
    const targetKinds = take(words[word + TARGET_KINDS]!)
    const ede = words[word + EDE]!
    return {
      body,
      rcode: state & 0xffff,
      answers: words[word + ANSWERS]!,
      authorities: words[word + AUTHORITIES]!,
      authentic: (state & AUTHENTIC) !== 0,
      ttls: ttls === 0 ? NO_TTLS : new Uint16Array(buffer, 4 * addresses, ttls),
      storedAt: this.doubles[(word + STORED) / 2]!,
      lifetime: words[word + LIFETIME]!,
      ede: (state & WITH_EDE) === 0 ? undefined : { code: ede & 0xffff, option: take(ede >>> 16) },
      upstream: words[word + UPSTREAM]!,
      targets,
      targetKinds,
      addresses: addresses === 0 ? NO_WORDS : new Uint32Array(buffer, 0, addresses),
      cleanEpoch: -1,
      cleanClass: -1
    }
  }

  private keyAt(word: number): Octets {
    const { words } = this
    return 4 * word + HEADER + 4 * words[word + ADDRESSES]! + 2 * words[word + TTLS]!
  }
}

/** @returns the position after the copy */
function copy(from: Uint8Array, to: Uint8Array, at: Octets): Octets {
  return copyOctets(from, 0, from.length, to, at)
}
