import { randomInt } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import type { Octets } from '../base/units.js'
import type { Answer } from '../wire/answer.js'
import type { AnswerCache, QuestionKey } from './cache.js'
import { Segment, sizeOf, UNIT } from './segment.js'

/** Size of most segments; those of a cache with less than four of these are smaller. */
const LARGEST_SEGMENT: Octets = 2 ** 18
const LEAST_SEGMENTS = 4
/** For the size of the index: about what a short answer takes. */
const TYPICAL: Octets = 128

/**
 * Answers in memory, bounded in octets, as octets in a few large segments: to the collector, a
 * million answers are as good as none. Held as objects, each new answer was copied twice and marked
 * again and again: of 19 µs CPU for a query that had to be forwarded, that was 8 µs.
 *
 * Segments are filled in order. When all are full, the oldest one is swept: what was asked for
 * since the last sweep moves together at its front, the rest is given up, and room is made for new
 * answers. So what is used stays, much like in a list ordered by use, but no list is kept.
 */
export class PackedAnswerCache implements AnswerCache {
  private readonly segments: Segment[] = []
  private readonly segmentSize: Octets
  private readonly most: number
  /** Places in one segment, as bits of a place's number. */
  private readonly bits: number
  /** Number of a place, or 0: the first of those whose hash falls here; `Segment` links the rest. */
  private readonly heads: Int32Array
  private current = 0
  private held = 0
  private octets: Octets = 0

  /**
   * @param maxSize most octets held, besides an index of at most a sixteenth of that
   * @param clock tells when a lifetime is over
   * @param seed random, so that nobody can choose names that fall into one place of the index
   */
  constructor(
    maxSize: Octets,
    private readonly clock: Clock,
    private readonly seed = randomInt(2 ** 32)
  ) {
    const size = 2 ** Math.floor(Math.log2(maxSize / LEAST_SEGMENTS))
    this.segmentSize = Math.min(LARGEST_SEGMENT, size)
    this.most = Math.floor(maxSize / this.segmentSize)
    this.bits = Math.log2(this.segmentSize / UNIT)
    this.heads = new Int32Array(2 ** Math.ceil(Math.log2(maxSize / TYPICAL)))
    this.segments.push(new Segment(this.segmentSize))
  }

  get(key: QuestionKey): Answer | undefined {
    const place = this.find(key, this.hashOf(key))
    if (place === 0) return undefined
    const segment = this.segmentOf(place)
    const at = this.octetOf(place)
    if (this.clock.now() >= segment.overAt(at)) {
      this.giveUp(place)
      return undefined
    }
    segment.use(at)
    return segment.read(at)
  }

  put(key: QuestionKey, answer: Answer): void {
    if (answer.lifetime <= 0) return
    const hash = this.hashOf(key)
    const earlier = this.find(key, hash)
    if (earlier !== 0) this.giveUp(earlier)
    const size = sizeOf(key, answer)
    // Of a swept segment, at least half is free.
    if (size > this.segmentSize / 2) return
    if (this.segments[this.current]!.end + size > this.segmentSize) this.turnOver()
    const segment = this.segments[this.current]!
    const place = this.placeOf(this.current, segment.end)
    const head = hash & (this.heads.length - 1)
    segment.add(key, hash, this.heads[head]!, answer, size)
    this.heads[head] = place
    this.held++
    this.octets += size
  }

  delete(key: QuestionKey): void {
    const place = this.find(key, this.hashOf(key))
    if (place !== 0) this.giveUp(place)
  }

  get size(): Octets {
    return this.octets
  }

  get entries(): number {
    return this.held
  }

  /** Goes on to the next segment: a new one, or the oldest one, swept. */
  private turnOver(): void {
    this.current = (this.current + 1) % this.most
    if (this.current === this.segments.length) this.segments.push(new Segment(this.segmentSize))
    else this.sweep(this.current)
  }

  private sweep(index: number): void {
    const segment = this.segments[index]!
    const now = this.clock.now()
    let to = 0
    for (let from = 0; from < segment.end;) {
      const size = segment.sizeAt(from)
      if (!segment.isGone(from)) {
        const used = segment.wasUsed(from) && now < segment.overAt(from)
        if (used && to + size <= this.segmentSize / 2) {
          this.relink(this.placeOf(index, from), this.placeOf(index, to))
          segment.move(from, to, size)
          to += size
        } else this.giveUp(this.placeOf(index, from))
      }
      from += size
    }
    segment.end = to
  }

  /** The number of the place where the key's answer is, or 0. */
  private find(key: QuestionKey, hash: number): number {
    let place = this.heads[hash & (this.heads.length - 1)]!
    while (place !== 0) {
      const segment = this.segmentOf(place)
      const at = this.octetOf(place)
      if (segment.hashAt(at) === hash && segment.holds(at, key)) return place
      place = segment.nextAt(at)
    }
    return 0
  }

  private giveUp(place: number): void {
    const segment = this.segmentOf(place)
    const at = this.octetOf(place)
    this.relink(place, segment.nextAt(at))
    segment.leave(at)
    this.held--
    this.octets -= segment.sizeAt(at)
  }

  /** What leads to `place` leads to `instead` from now on. */
  private relink(place: number, instead: number): void {
    const head = this.segmentOf(place).hashAt(this.octetOf(place)) & (this.heads.length - 1)
    let before = this.heads[head]!
    if (before === place) {
      this.heads[head] = instead
      return
    }
    while (before !== 0) {
      const segment = this.segmentOf(before)
      const at = this.octetOf(before)
      before = segment.nextAt(at)
      if (before === place) segment.linkAt(at, instead)
    }
  }

  private placeOf(segment: number, at: Octets): number {
    return ((segment << this.bits) | (at / UNIT)) + 1
  }

  private segmentOf(place: number): Segment {
    return this.segments[(place - 1) >>> this.bits]!
  }

  private octetOf(place: number): Octets {
    return ((place - 1) & ((1 << this.bits) - 1)) * UNIT
  }

  /** All octets of the key and the seed, well mixed: the steps of MurmurHash3 for each octet. */
  private hashOf(key: QuestionKey): number {
    let hash = this.seed | 0
    for (let i = 0; i < key.length; i++) {
      hash = Math.imul(hash ^ key.charCodeAt(i), 0xcc9e2d51)
      hash = (hash << 13) | (hash >>> 19)
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }
}
