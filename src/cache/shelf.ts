import type { Milliseconds, Octets, Seconds } from '../base/units.js'
import type { Answer } from '../wire/answer.js'
import { KEY_TAIL, type Query } from '../wire/query.js'

/** One place on the shelf: its head, the question, the body. Longer answers stay in the cache. */
const PLACE: Octets = 256
const PLACE_WORDS = PLACE / 4
const HEAD: Octets = 48
/** Places that a question may stand in: as many hashes as lie side by side in 16 octets. */
const WAYS = 4
/** TTL fields that the head has room for. */
const MAX_TTLS = 12

/** Words of the head. */
const LENGTHS = 0 // question, body << 16
const STORED = 1 // milliseconds since the shelf was made, modulo 2^32
const LIFETIME = 2 // seconds
const FLAGS = 3 // RCODE, AD << 8, TTLs << 16
const COUNTS = 4 // answers, authorities << 16
const MORE = 5 // additionals
const CLASS = 6
const EPOCH = 7
/** Octets of the head from here on: where in the body the TTLs are. */
const TTLS: Octets = 32

/** Knuth's multiplier for hashing, 2^32 / φ. */
const GOLDEN = 0x9e3779b1

/**
 * Answers within reach: those that were asked for again, laid out in one block of memory, so that
 * giving one allocates nothing and looks at two or three lines of it. Each is good for one class
 * of clients under one policy epoch, for which no rule had a word to say on it: whatever else there
 * is to decide, the resolver decides. It holds copies; the cache is what it copies from.
 *
 * Measured on Node 20 with 16,000 names asked in turn: 75 ns from question to reply, where key,
 * `LruAnswerCache.get` and `writeAnswer` take 400 ns and leave a string to collect for each query.
 */
export class Shelf {
  /** All places. */
  readonly octets: Uint8Array
  private readonly words: Int32Array
  private readonly hashes: Int32Array
  private readonly shift: number
  private readonly start: Milliseconds
  private turn = 0
  private now: Milliseconds
  private epoch = -1
  /** Counts the epochs: a number of 32 bits that no answer on the shelf outlives. */
  private serial = 0

  // The answer that `find` found; positions are in `octets`.
  body: Octets = 0
  bodyLength: Octets = 0
  ttls: Octets = 0
  ttlCount = 0
  rcode = 0
  authentic = false
  answers = 0
  authorities = 0
  additionals = 0
  age: Seconds = 0

  /**
   * @param size most octets of memory; they are used as places fill
   * @param now `Clock.now()`
   */
  constructor(size: Octets, now: Milliseconds) {
    const bits = Math.max(4, Math.floor(Math.log2(size / PLACE)))
    this.octets = new Uint8Array(PLACE * 2 ** bits)
    this.words = new Int32Array(this.octets.buffer)
    this.hashes = new Int32Array(2 ** bits)
    this.shift = 32 - (bits - Math.log2(WAYS))
    this.start = now
    this.now = now
  }

  /** Once per batch: the time, and policy's epoch; in a new one nothing on the shelf is good. */
  begin(epoch: number, now: Milliseconds): void {
    this.now = now
    if (epoch === this.epoch) return
    this.epoch = epoch
    this.serial = (this.serial + 1) | 0
  }

  /**
   * Whether the answer to the query's question is here and good for this class; if so, the fields
   * of the shelf describe it.
   */
  find(query: Query, clientClass: number): boolean {
    const hash = hashOf(query)
    const first = (hash >>> this.shift) * WAYS
    for (let way = first; way < first + WAYS; way++) {
      if (this.hashes[way] !== hash || !this.isAbout(way, query)) continue
      const { words } = this
      const word = way * PLACE_WORDS
      if (words[word + CLASS] !== clientClass || words[word + EPOCH] !== this.serial) return false
      const age = (((this.now - this.start - words[word + STORED]!) >>> 0) / 1000) | 0
      if (age >= words[word + LIFETIME]!) return false
      this.open(word, age)
      return true
    }
    return false
  }

  /** Takes an answer that no rule speaks against for this class in this epoch, if it is short. */
  put(query: Query, answer: Answer, clientClass: number): void {
    const { body, ttls, ede } = answer
    const question = query.qname.length + KEY_TAIL
    if (HEAD + question + body.length > PLACE || ttls.length > MAX_TTLS || ede !== undefined) return
    const hash = hashOf(query)
    const way = this.wayFor(hash, query)
    const { words, octets } = this
    const word = way * PLACE_WORDS
    this.hashes[way] = hash
    words[word + LENGTHS] = question | (body.length << 16)
    words[word + STORED] = answer.storedAt - this.start
    words[word + LIFETIME] = answer.lifetime
    words[word + FLAGS] = answer.rcode | (answer.authentic ? 0x100 : 0) | (ttls.length << 16)
    words[word + COUNTS] = answer.answers | (answer.authorities << 16)
    words[word + MORE] = answer.additionals
    words[word + CLASS] = clientClass
    words[word + EPOCH] = this.serial
    const at = way * PLACE
    octets.set(ttls, at + TTLS)
    query.copyQuestion(octets, at + HEAD)
    octets.set(body, at + HEAD + question)
  }

  private open(word: number, age: Seconds): void {
    const { words } = this
    const lengths = words[word + LENGTHS]!
    const flags = words[word + FLAGS]!
    const counts = words[word + COUNTS]!
    this.age = age
    this.ttls = word * 4 + TTLS
    this.body = word * 4 + HEAD + (lengths & 0xffff)
    this.bodyLength = lengths >>> 16
    this.rcode = flags & 0xff
    this.authentic = (flags & 0x100) !== 0
    this.ttlCount = flags >>> 16
    this.answers = counts & 0xffff
    this.authorities = counts >>> 16
    this.additionals = words[word + MORE]!
  }

  private isAbout(way: number, query: Query): boolean {
    const length = this.words[way * PLACE_WORDS + LENGTHS]! & 0xffff
    return query.isQuestion(this.octets, way * PLACE + HEAD, length)
  }

  /** Where the question stands already, else a place of the four in turn. */
  private wayFor(hash: number, query: Query): number {
    const first = (hash >>> this.shift) * WAYS
    for (let way = first; way < first + WAYS; way++) {
      const known = this.hashes[way]!
      if (known === 0 || (known === hash && this.isAbout(way, query))) return way
    }
    this.turn = (this.turn + 1) % WAYS
    return first + this.turn
  }
}

/** Of the whole question; never 0, which is an empty place. */
function hashOf({ qname, qtype, dnssecOk, checkingDisabled }: Query): number {
  const kind = (qtype << 2) | (dnssecOk ? 2 : 0) | (checkingDisabled ? 1 : 0)
  const hash = Math.imul(qname.hashes[0]! ^ Math.imul(kind, 0x85ebca6b), GOLDEN)
  return hash === 0 ? 1 : hash
}
