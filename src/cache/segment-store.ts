import type { Clock } from '../base/clock.js'
import type { Milliseconds, Octets } from '../base/units.js'
import { SegmentRing } from './segment-ring.js'
import { Segment, UNIT } from './segment.js'

/** Size of most segments; those of a cache with less than four of these are smaller. */
const LARGEST_SEGMENT: Octets = 2 ** 18
const LEAST_SEGMENTS = 4
/** How much is for newcomers. */
const NEWCOMERS = 1 / 8
/** Of what came within this time, little is over: a minute is a common TTL. */
const YOUNG: Milliseconds = 30_000

/**
 * The memory of a cache in segments, which are filled in turn, in two rings: one for newcomers, one
 * for what is kept. Segments are made as they are needed, and never more than there is room for.
 *
 * A place is where a record begins in a segment, as one number of 32 bits, signed.
 */
export class SegmentStore {
  readonly probation: SegmentRing
  readonly main: SegmentRing
  readonly segmentSize: Octets
  private readonly segments: (Segment | undefined)[]
  /** Places in one segment, as bits of a place's number. */
  private readonly bits: number
  private readonly maxProbation: number
  private readonly maxMain: number
  /** Those that belong to a ring; the others were never filled. */
  private allocated = 0
  /** For each segment, 1: it is in the ring of newcomers. */
  private readonly onProbation: Uint8Array
  /** When each was begun, `Clock.now()`. */
  private readonly startedAt: Float64Array

  /**
   * @param size most octets of them all
   * @param staleMax how long what is over is wanted
   * @param sweep makes room, at least half of it, in the segment of this number
   */
  constructor(
    size: Octets,
    private readonly clock: Clock,
    private readonly staleMax: Milliseconds,
    private readonly sweep: (ring: SegmentRing, number: number) => void
  ) {
    const each = 2 ** Math.floor(Math.log2(size / LEAST_SEGMENTS))
    this.segmentSize = Math.min(LARGEST_SEGMENT, each)
    const most = Math.floor(size / this.segmentSize)
    this.bits = Math.log2(this.segmentSize / UNIT)
    this.segments = Array.from({ length: most })
    this.onProbation = new Uint8Array(most)
    this.startedAt = new Float64Array(most)
    this.maxProbation = Math.floor(Math.max(1, most * NEWCOMERS))
    this.maxMain = most - this.maxProbation
    this.probation = new SegmentRing(this.allocate(1))
    this.main = new SegmentRing(this.allocate(0))
  }

  /** Most octets that can be held. */
  get limit(): Octets {
    return this.segments.length * this.segmentSize
  }

  /** As long as there is an empty segment more for what is kept, nobody has to go. */
  get hasFreeMain(): boolean {
    if (this.main.length < this.maxMain) return true
    const segment = this.segments[this.main.next]
    return segment === undefined || segment.end === 0
  }

  /** The number of a segment of this ring that has room, which is made if need be. */
  segmentWithRoom(ring: SegmentRing, size: Octets): number {
    const { segments: all, segmentSize } = this
    const full = all[ring.current]
    if (full !== undefined && full.end + size > segmentSize) this.advance(ring)
    all[ring.current] ??= new Segment(segmentSize)
    return ring.current
  }

  segment(number: number): Segment {
    return this.segments[number]!
  }

  /** Each with its number; those first from which records may move to others meanwhile. */
  *inOrder(): Generator<[number: number, segment: Segment]> {
    const wereNew = this.onProbation.slice()
    for (const isNew of [1, 0]) {
      for (const [number, segment] of this.segments.entries()) {
        if (segment !== undefined && wereNew[number] === isNew) yield [number, segment]
      }
    }
  }

  locationOf(number: number, at: Octets): number {
    return (number << this.bits) | (at / UNIT)
  }

  /** The segment that a place is in. */
  segmentOf(place: number): Segment {
    return this.segments[place >>> this.bits]!
  }

  /** Where in its segment a place is. */
  offsetOf(place: number): Octets {
    return (place & ((1 << this.bits) - 1)) * UNIT
  }

  isOnProbation(place: number): boolean {
    return this.onProbation[place >>> this.bits] === 1
  }

  /** While there is room for what is kept, newcomers that came fast go over as they are. */
  private advance(ring: SegmentRing): void {
    const isOfNew = ring === this.probation
    const oldest = ring.next
    if (ring.length < (isOfNew ? this.maxProbation : this.maxMain)) {
      ring.insertNext(this.allocate(isOfNew ? 1 : 0))
    } else if (isOfNew && this.main.length < this.maxMain && this.isRecent(oldest)) {
      this.onProbation[oldest] = 0
      this.main.insertBefore(oldest)
      ring.replaceNext(this.allocate(1))
    } else {
      ring.advance()
      this.startedAt[oldest] = this.clock.now()
      if (this.segments[oldest] !== undefined) this.sweep(ring, oldest)
    }
  }

  /** The number of a segment that was in no ring yet. @param isNew 1: for that of newcomers */
  private allocate(isNew: 0 | 1): number {
    const number = this.allocated++
    this.onProbation[number] = isNew
    this.startedAt[number] = this.clock.now()
    return number
  }

  /** Whether most of what is in the segment is wanted, so that it is not worth a look. */
  private isRecent(number: number): boolean {
    return this.clock.now() - this.startedAt[number]! < YOUNG + this.staleMax
  }
}
