import { copyOctets, equalOctets } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { keyNameLength, type QuestionKey } from '../../wire/dns/message/question.js'
import type { NameScope } from './name-scope.js'
import type { Sequence } from './sequence.js'
import { UNIT, type ShardMemory } from './shard-memory.js'

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
const DELETED = 0x2_0000
const WITH_EDE = 0x4_0000

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

/**
 * Packed answers in the memory of a shard, each addressed by its position. What readers call is marked:
 * without the lock it may return anything, which counts only if the sequence number has not changed.
 */
export class Records {
  private readonly octets: Uint8Array
  private readonly shorts: Uint16Array
  private readonly words: Int32Array
  private readonly doubles: Float64Array
  private readonly maxSize: Octets

  constructor(
    { octets, shorts, words, doubles, segmentSize }: ShardMemory,
    private readonly sequence: Sequence
  ) {
    this.octets = octets
    this.shorts = shorts
    this.words = words
    this.doubles = doubles
    this.maxSize = segmentSize
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

  /** When the answer expires, as `Clock.now()`. For readers. */
  expiresAt(at: Octets): number {
    return this.doubles[(at / 4 + STORED) / 2]! + this.words[at / 4 + LIFETIME]! * 1000
  }

  /** Copies the answer at `from` to `to`, which must be before it if the two overlap. */
  copy(from: Octets, to: Octets, size: Octets): void {
    if (from !== to) this.octets.copyWithin(to, from, from + size)
  }

  /** For readers. */
  hasKey(at: Octets, hash: number, key: QuestionKey): boolean {
    const word = at / 4
    const { words, octets } = this
    if (words[word + HASH] !== hash || words[word + KEY] !== key.length) return false
    const keyAt = this.keyAt(word)
    // Only in an answer that is being overwritten.
    if (keyAt < 0 || keyAt + key.length > octets.length) return false
    return equalOctets(octets, keyAt, key, 0, key.length)
  }

  /** Whether the answer is for a name in scope. */
  isIn(at: Octets, scope: NameScope): boolean {
    const { octets, words } = this
    const keyAt = this.keyAt(at / 4)
    return scope.includes(octets, keyAt, keyNameLength(octets, keyAt, words[at / 4 + KEY]!))
  }

  /** Writes an answer; the caller checks that there is room. */
  write(start: Octets, key: QuestionKey, hash: number, answer: Answer, size: Octets): void {
    const { words, octets } = this
    const { body, ttls, targets, targetKinds, addresses, ede } = answer
    const word = start / 4
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
    let at = start + HEADER
    for (let i = 0; i < addresses.length; i++) words[at / 4 + i] = addresses[i]!
    at += 4 * addresses.length
    for (let i = 0; i < ttls.length; i++) this.shorts[at / 2 + i] = ttls[i]!
    at += 2 * ttls.length
    at = copy(key, octets, at)
    at = copy(body, octets, at)
    at = copy(targets, octets, at)
    at = copy(targetKinds, octets, at)
    if (ede !== undefined) copy(ede.option, octets, at)
  }

  /**
   * The answer as an object, with a copy of its octets; undefined if it changed during the copy. For
   * readers.
   *
   * @param sequence an even number, read before the location of the answer
   */
  read(at: Octets, sequence: number): Answer | undefined {
    const { words } = this
    const word = at / 4
    const size = words[word + SIZE]!
    const state = words[word + STATE]!
    const storedAt = this.doubles[(word + STORED) / 2]!
    const lifetime = words[word + LIFETIME]!
    const answers = words[word + ANSWERS]!
    const authorities = words[word + AUTHORITIES]!
    const keyLength = words[word + KEY]!
    const bodyLength = words[word + BODY]!
    const ttls = words[word + TTLS]!
    const targetsLength = words[word + TARGETS]!
    const targetKindsLength = words[word + TARGET_KINDS]!
    const addresses = words[word + ADDRESSES]!
    const upstream = words[word + UPSTREAM]!
    const ede = words[word + EDE]!
    if (size < HEADER || size > this.maxSize) return undefined
    const { buffer } = this.octets.slice(at + HEADER, at + size)
    // From here on everything is known to belong together.
    if (!this.sequence.isStill(sequence)) return undefined
    let pos = 4 * addresses + 2 * ttls + keyLength
    const take = (length: Octets): Uint8Array => {
      if (length === 0) return NO_OCTETS
      pos += length
      return new Uint8Array(buffer, pos - length, length)
    }
    const body = take(bodyLength)
    const targets = take(targetsLength)
    const targetKinds = take(targetKindsLength)
    return {
      body,
      rcode: state & 0xffff,
      answers,
      authorities,
      authentic: (state & AUTHENTIC) !== 0,
      ttls: ttls === 0 ? NO_TTLS : new Uint16Array(buffer, 4 * addresses, ttls),
      storedAt,
      lifetime,
      ede: (state & WITH_EDE) === 0 ? undefined : { code: ede & 0xffff, option: take(ede >>> 16) },
      upstream,
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
