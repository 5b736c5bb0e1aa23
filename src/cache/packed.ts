import { randomInt } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import { hashOctets } from '../base/hash.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import type { AnswerCache, QuestionKey } from './cache.js'
import { HashIndex, WAYS } from './hash-index.js'
import type { NameScope } from './name-scope.js'
import type { SegmentRing } from './segment-ring.js'
import { SegmentStore } from './segment-store.js'
import { sizeOf, type Segment } from './segment.js'

/**
 * For the size of the index, which is half full, or less, when the cache is full of short answers,
 * which take 144 octets: in a full bucket one has to go that nobody would have given up.
 */
const TYPICAL: Octets = 96

/**
 * Answers in memory, bounded in octets, as octets in a few large segments: to the collector, a
 * million answers are as good as none. Held as objects, each new answer was copied twice and marked
 * again and again: of 19 µs CPU for a query that had to be forwarded, that was 8 µs.
 *
 * Segments are filled in order, in two rings. Newcomers have an eighth of them; when these are full,
 * the oldest one is swept: what was asked for again moves to the other ring, the rest is given up.
 * So a flood of names that nobody asks for twice passes by what is kept, however long it is. When
 * the segments of what is kept are full, their oldest is swept: what was asked for since the last
 * sweep moves together at its front, the rest is given up. Until then nothing is: newcomers move
 * over as they are, a segment at a time where they come fast.
 *
 * A name that is asked for too seldom to be found among newcomers, but comes back, is remembered by
 * its entry in the index, as long as that is not needed, and kept. That is S3-FIFO (Yang and others,
 * SOSP 2023), with segments for queues.
 */
export class PackedAnswerCache implements AnswerCache {
  missedExpired = false
  private readonly segments: SegmentStore
  private readonly index: HashIndex
  /** Which of those in a full bucket leaves next, if all of them are asked for. */
  private nextVictim = 0
  private count = 0
  private octets: Octets = 0
  private readonly staleMax: Milliseconds

  /**
   * @param maxSize most octets held, besides what finds and remembers them: at most a ninth of that
   * @param clock tells when a lifetime is over
   * @param staleMax how long an answer is held after that, for `getStale`
   * @param seed random, so that nobody can choose names that fall into one place of the index
   */
  constructor(
    maxSize: Octets,
    private readonly clock: Clock,
    staleMax: Seconds = 0,
    private readonly seed = randomInt(2 ** 32)
  ) {
    this.staleMax = staleMax * MS_PER_SECOND
    this.segments = new SegmentStore(maxSize, clock, this.staleMax, (ring, number) =>
      this.reclaim(ring, number)
    )
    const entries = 2 ** Math.ceil(Math.log2(maxSize / TYPICAL))
    this.index = new HashIndex(Math.max(WAYS, entries))
  }

  touch(key: QuestionKey): void {
    this.index.touch(hashOctets(key, this.seed))
  }

  get(key: QuestionKey): Answer | undefined {
    this.missedExpired = false
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry < 0) return undefined
    const place = this.index.location(entry)
    const segment = this.segments.segmentOf(place)
    const at = this.segments.offsetOf(place)
    const over = this.clock.now() - segment.expiresAt(at)
    if (over >= 0) {
      this.missedExpired = over < this.staleMax
      if (!this.missedExpired) this.remove(entry)
      return undefined
    }
    segment.markUsed(at)
    return segment.read(at)
  }

  getStale(key: QuestionKey): Answer | undefined {
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry < 0) return undefined
    const place = this.index.location(entry)
    const segment = this.segments.segmentOf(place)
    const at = this.segments.offsetOf(place)
    if (this.clock.now() >= segment.expiresAt(at) + this.staleMax) return undefined
    segment.markUsed(at)
    return segment.read(at)
  }

  /**
   * Whether to ask anew for the answer that was just got: it had been asked for before, since it
   * came, and nobody was told so yet.
   */
  claimPrefetch(key: QuestionKey): boolean {
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry < 0) return false
    const place = this.index.location(entry)
    return this.segments.segmentOf(place).claimPrefetch(this.segments.offsetOf(place))
  }

  put(key: QuestionKey, answer: Answer): void {
    if (answer.lifetime <= 0) return
    const { segments } = this
    const hash = hashOctets(key, this.seed)
    const earlier = this.find(key, hash)
    if (earlier >= 0) this.remove(earlier)
    const size = sizeOf(key, answer)
    // Of a swept segment, at least half is free.
    if (size > segments.segmentSize / 2) return
    const remembered = this.index.findGhost(hash)
    if (remembered >= 0) this.index.clear(remembered)
    const comesBack = earlier >= 0 || remembered >= 0
    const number = segments.segmentWithRoom(comesBack ? segments.main : segments.probation, size)
    const segment = segments.segment(number)
    const place = segments.locationOf(number, segment.end)
    segment.append(key, hash, answer, size)
    this.index.set(this.entryFor(hash), hash, place)
    this.count++
    this.octets += size
  }

  delete(key: QuestionKey): void {
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry >= 0) this.remove(entry)
  }

  /**
   * Drops what is held of these names, of all types, be it over or not: a segment at each step, and
   * says how many entries that were. What is put between steps may go, too; what was there before
   * cannot be missed, because records move only from newcomers' segments, which come first.
   *
   * Of a million answers, a step looks at 1,640: 0.06 ms CPU on Node 20, 0.45 ms where all go.
   */
  *flush(scope: NameScope): Generator<number, void> {
    for (const [number, segment] of this.segments.inOrder()) {
      yield this.flushSegment(number, segment, scope)
    }
  }

  get size(): Octets {
    return this.octets
  }

  get entries(): number {
    return this.count
  }

  /** Most octets that can be held. */
  get limit(): Octets {
    return this.segments.limit
  }

  private reclaim(ring: SegmentRing, number: number): void {
    const { segments } = this
    const segment = segments.segment(number)
    this.touchIndexOf(segment)
    const now = this.clock.now()
    const all = segments.hasFreeMain
    let to = 0
    for (let from = 0; from < segment.end;) {
      const size = segment.sizeAt(from)
      if (!segment.isDeleted(from)) {
        const hash = segment.hashAt(from)
        const entry = this.index.entryOf(hash, segments.locationOf(number, from))
        const wanted =
          now < segment.expiresAt(from) + this.staleMax && (all || segment.isUsed(from))
        segment.decayUse(from)
        if (wanted && ring === segments.probation) {
          this.promote(segment, from, size, entry)
        } else if (wanted && to + size <= segments.segmentSize / 2) {
          this.index.set(entry, hash, segments.locationOf(number, to))
          segment.move(from, to, size)
          to += size
        } else {
          this.remove(entry)
          this.index.setGhost(entry, hash)
        }
      }
      from += size
    }
    segment.end = to
  }

  /** Brings near what sweeping looks at: 1,800 buckets one by one would take 150 ns each. */
  private touchIndexOf(segment: Segment): void {
    for (let at = 0; at < segment.end; at += segment.sizeAt(at)) {
      this.index.touch(segment.hashAt(at))
    }
  }

  /** Moves a newcomer to where it is kept. */
  private promote(segment: Segment, from: Octets, size: Octets, entry: number): void {
    const { segments } = this
    const number = segments.segmentWithRoom(segments.main, size)
    const kept = segments.segment(number)
    this.index.set(entry, segment.hashAt(from), segments.locationOf(number, kept.end))
    segment.copyTo(kept, from, size)
  }

  private flushSegment(number: number, segment: Segment, scope: NameScope): number {
    let dropped = 0
    let left = 0
    for (let at = 0; at < segment.end; at += segment.sizeAt(at)) {
      if (segment.isDeleted(at)) continue
      if (segment.isIn(at, scope)) {
        this.remove(this.index.entryOf(segment.hashAt(at), this.segments.locationOf(number, at)))
        dropped++
      } else left++
    }
    if (left === 0) segment.end = 0
    return dropped
  }

  /** The entry of the place where the key's answer is; -1: it is nowhere. */
  private find(key: QuestionKey, hash: number): number {
    const { index } = this
    let entry = index.next(hash, index.first(hash))
    while (entry >= 0) {
      const place = index.location(entry)
      const segment = this.segments.segmentOf(place)
      const at = this.segments.offsetOf(place)
      if (segment.hashAt(at) === hash && segment.hasKey(at, key)) return entry
      entry = index.next(hash, entry + 1)
    }
    return -1
  }

  /** A free entry; in a full bucket, that of one which nobody asked for, newcomers first. */
  private entryFor(hash: number): number {
    const { index } = this
    const free = index.free(hash)
    if (free >= 0) return free
    const first = index.first(hash)
    this.nextVictim = (this.nextVictim + 1) % WAYS
    const leaves =
      this.unusedIn(first, true) ?? this.unusedIn(first, false) ?? first + this.nextVictim
    this.remove(leaves)
    return leaves
  }

  /** One of a bucket, full, that nobody asked for; each look at a place is one at far memory. */
  private unusedIn(first: number, newcomer: boolean): number | undefined {
    for (let i = 0; i < WAYS; i++) {
      const entry = first + ((this.nextVictim + i) % WAYS)
      const place = this.index.location(entry)
      if (this.segments.isOnProbation(place) === newcomer && !this.isUsed(place)) return entry
    }
    return undefined
  }

  private isUsed(place: number): boolean {
    return this.segments.segmentOf(place).isUsed(this.segments.offsetOf(place))
  }

  private remove(entry: number): void {
    const place = this.index.location(entry)
    const segment = this.segments.segmentOf(place)
    const at = this.segments.offsetOf(place)
    this.index.clear(entry)
    segment.delete(at)
    this.count--
    this.octets -= segment.sizeAt(at)
  }
}
