import { randomInt } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import { hashOctets } from '../base/hash.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import type { AnswerCache, QuestionKey } from './cache.js'
import type { NameScope } from './name-scope.js'
import { PlaceIndex, WAYS } from './place-index.js'
import type { Ring } from './ring.js'
import { sizeOf, type Segment } from './segment.js'
import { Segments } from './segments.js'

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
  missedOver = false
  private readonly segments: Segments
  private readonly index: PlaceIndex
  /** Which of those in a full bucket leaves next, if all of them are asked for. */
  private turn = 0
  private held = 0
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
    this.segments = new Segments(maxSize, clock, this.staleMax, (ring, number) =>
      this.sweep(ring, number)
    )
    const entries = 2 ** Math.ceil(Math.log2(maxSize / TYPICAL))
    this.index = new PlaceIndex(Math.max(WAYS, entries))
  }

  approach(key: QuestionKey): void {
    this.index.touch(hashOctets(key, this.seed))
  }

  get(key: QuestionKey): Answer | undefined {
    this.missedOver = false
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry < 0) return undefined
    const place = this.index.place(entry)
    const segment = this.segments.of(place)
    const at = this.segments.octetOf(place)
    const over = this.clock.now() - segment.overAt(at)
    if (over >= 0) {
      this.missedOver = over < this.staleMax
      if (!this.missedOver) this.giveUp(entry)
      return undefined
    }
    segment.use(at)
    return segment.read(at)
  }

  getStale(key: QuestionKey): Answer | undefined {
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry < 0) return undefined
    const place = this.index.place(entry)
    const segment = this.segments.of(place)
    const at = this.segments.octetOf(place)
    if (this.clock.now() >= segment.overAt(at) + this.staleMax) return undefined
    segment.use(at)
    return segment.read(at)
  }

  /**
   * Whether to ask anew for the answer that was just got: it had been asked for before, since it
   * came, and nobody was told so yet.
   */
  claimHot(key: QuestionKey): boolean {
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry < 0) return false
    const place = this.index.place(entry)
    return this.segments.of(place).claim(this.segments.octetOf(place))
  }

  put(key: QuestionKey, answer: Answer): void {
    if (answer.lifetime <= 0) return
    const { segments } = this
    const hash = hashOctets(key, this.seed)
    const earlier = this.find(key, hash)
    if (earlier >= 0) this.giveUp(earlier)
    const size = sizeOf(key, answer)
    // Of a swept segment, at least half is free.
    if (size > segments.segmentSize / 2) return
    const remembered = this.index.remembered(hash)
    if (remembered >= 0) this.index.clear(remembered)
    const comesBack = earlier >= 0 || remembered >= 0
    const number = segments.roomIn(comesBack ? segments.kept : segments.newcomers, size)
    const segment = segments.at(number)
    const place = segments.placeOf(number, segment.end)
    segment.add(key, hash, answer, size)
    this.index.set(this.entryFor(hash), hash, place)
    this.held++
    this.octets += size
  }

  delete(key: QuestionKey): void {
    const entry = this.find(key, hashOctets(key, this.seed))
    if (entry >= 0) this.giveUp(entry)
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
    return this.held
  }

  /** Most octets that can be held. */
  get limit(): Octets {
    return this.segments.limit
  }

  private sweep(ring: Ring, number: number): void {
    const { segments } = this
    const segment = segments.at(number)
    this.touchAll(segment)
    const now = this.clock.now()
    const all = segments.isRoomy
    let to = 0
    for (let from = 0; from < segment.end;) {
      const size = segment.sizeAt(from)
      if (!segment.isGone(from)) {
        const hash = segment.hashAt(from)
        const entry = this.index.entryOf(hash, segments.placeOf(number, from))
        const wanted = now < segment.overAt(from) + this.staleMax && (all || segment.isUsed(from))
        segment.rest(from)
        if (wanted && ring === segments.newcomers) {
          this.keep(segment, from, size, entry)
        } else if (wanted && to + size <= segments.segmentSize / 2) {
          this.index.set(entry, hash, segments.placeOf(number, to))
          segment.move(from, to, size)
          to += size
        } else {
          this.giveUp(entry)
          this.index.remember(entry, hash)
        }
      }
      from += size
    }
    segment.end = to
  }

  /** Brings near what sweeping looks at: 1,800 buckets one by one would take 150 ns each. */
  private touchAll(segment: Segment): void {
    for (let at = 0; at < segment.end; at += segment.sizeAt(at)) {
      this.index.touch(segment.hashAt(at))
    }
  }

  /** Moves a newcomer to where it is kept. */
  private keep(segment: Segment, from: Octets, size: Octets, entry: number): void {
    const { segments } = this
    const number = segments.roomIn(segments.kept, size)
    const kept = segments.at(number)
    this.index.set(entry, segment.hashAt(from), segments.placeOf(number, kept.end))
    segment.copyTo(kept, from, size)
  }

  private flushSegment(number: number, segment: Segment, scope: NameScope): number {
    let dropped = 0
    let left = 0
    for (let at = 0; at < segment.end; at += segment.sizeAt(at)) {
      if (segment.isGone(at)) continue
      if (segment.isAbout(at, scope)) {
        this.giveUp(this.index.entryOf(segment.hashAt(at), this.segments.placeOf(number, at)))
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
      const place = index.place(entry)
      const segment = this.segments.of(place)
      const at = this.segments.octetOf(place)
      if (segment.hashAt(at) === hash && segment.holds(at, key)) return entry
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
    this.turn = (this.turn + 1) % WAYS
    const leaves = this.unused(first, true) ?? this.unused(first, false) ?? first + this.turn
    this.giveUp(leaves)
    return leaves
  }

  /** One of a bucket, full, that nobody asked for; each look at a place is one at far memory. */
  private unused(first: number, newcomer: boolean): number | undefined {
    for (let i = 0; i < WAYS; i++) {
      const entry = first + ((this.turn + i) % WAYS)
      const place = this.index.place(entry)
      if (this.segments.isNewcomer(place) === newcomer && !this.isUsed(place)) return entry
    }
    return undefined
  }

  private isUsed(place: number): boolean {
    return this.segments.of(place).isUsed(this.segments.octetOf(place))
  }

  private giveUp(entry: number): void {
    const place = this.index.place(entry)
    const segment = this.segments.of(place)
    const at = this.segments.octetOf(place)
    this.index.clear(entry)
    segment.leave(at)
    this.held--
    this.octets -= segment.sizeAt(at)
  }
}
