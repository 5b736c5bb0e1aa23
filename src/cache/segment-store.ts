import type { Clock } from '../base/clock.js'
import type { Milliseconds, Octets } from '../base/units.js'
import { SegmentRing } from './segment-ring.js'
import { Segment, UNIT } from './segment.js'

/** Largest size of a segment; a cache has at least `MIN_SEGMENTS`, smaller ones if need be. */
const MAX_SEGMENT: Octets = 2 ** 18
const MIN_SEGMENTS = 4
/** Share of the segments that is for new answers. */
const PROBATION_SHARE = 1 / 8
/** Of the answers that came within this time, few have expired: a minute is a common TTL. */
const RECENT: Milliseconds = 30_000

/**
 * The memory of a cache as segments, which are filled one after the other, in two rings: `probation`
 * for new answers, `main` for those that were used. Segments are allocated when they are needed.
 *
 * A location is the start of an answer: its segment and offset as one signed 32-bit number.
 */
export class SegmentStore {
  readonly probation: SegmentRing
  readonly main: SegmentRing
  readonly segmentSize: Octets
  private readonly segments: (Segment | undefined)[]
  /** How many bits of a location are the offset, in units. */
  private readonly offsetBits: number
  private readonly maxProbation: number
  private readonly maxMain: number
  /** How many segments belong to a ring; the others were never used. */
  private allocated = 0
  /** For each segment, 1: it is in the probation ring. */
  private readonly onProbation: Uint8Array
  /** For each segment, when filling it started, `Clock.now()`. */
  private readonly startedAt: Float64Array

  /**
   * @param size limit for all segments together
   * @param staleMax how long expired answers are kept
   * @param reclaim frees at least half of a segment
   */
  constructor(
    size: Octets,
    private readonly clock: Clock,
    private readonly staleMax: Milliseconds,
    private readonly reclaim: (ring: SegmentRing, number: number) => void
  ) {
    const small = 2 ** Math.floor(Math.log2(size / MIN_SEGMENTS))
    this.segmentSize = Math.min(MAX_SEGMENT, small)
    const count = Math.floor(size / this.segmentSize)
    this.offsetBits = Math.log2(this.segmentSize / UNIT)
    this.segments = Array.from({ length: count })
    this.onProbation = new Uint8Array(count)
    this.startedAt = new Float64Array(count)
    this.maxProbation = Math.floor(Math.max(1, count * PROBATION_SHARE))
    this.maxMain = count - this.maxProbation
    this.probation = new SegmentRing(this.allocate(1))
    this.main = new SegmentRing(this.allocate(0))
  }

  /** Size of all segments once they are allocated. */
  get limit(): Octets {
    return this.segments.length * this.segmentSize
  }

  /** Whether the main ring has another empty segment, so that no answer has to be evicted. */
  get hasFreeMain(): boolean {
    if (this.main.length < this.maxMain) return true
    const segment = this.segments[this.main.next]
    return segment === undefined || segment.end === 0
  }

  /** The number of a segment of this ring with room for so many octets; makes room if need be. */
  segmentWithRoom(ring: SegmentRing, size: Octets): number {
    const { segments, segmentSize } = this
    const current = segments[ring.current]
    if (current !== undefined && current.end + size > segmentSize) this.advance(ring)
    segments[ring.current] ??= new Segment(segmentSize)
    return ring.current
  }

  segment(number: number): Segment {
    return this.segments[number]!
  }

  /** All segments; first those on probation, whose answers may move to others meanwhile. */
  *inOrder(): Generator<[number: number, segment: Segment]> {
    const onProbation = this.onProbation.slice()
    for (const state of [1, 0]) {
      for (const [number, segment] of this.segments.entries()) {
        if (segment !== undefined && onProbation[number] === state) yield [number, segment]
      }
    }
  }

  locationOf(number: number, at: Octets): number {
    return (number << this.offsetBits) | (at / UNIT)
  }

  /** The segment of a location. */
  segmentOf(location: number): Segment {
    return this.segments[location >>> this.offsetBits]!
  }

  /** The offset of a location in its segment. */
  offsetOf(location: number): Octets {
    return (location & ((1 << this.offsetBits) - 1)) * UNIT
  }

  isOnProbation(location: number): boolean {
    return this.onProbation[location >>> this.offsetBits] === 1
  }

  /**
   * Makes another segment of a ring the current one: a new one, or the oldest after reclaiming it.
   * While the main ring is not full, a recent probation segment moves to it as a whole.
   */
  private advance(ring: SegmentRing): void {
    const isProbation = ring === this.probation
    const oldest = ring.next
    if (ring.length < (isProbation ? this.maxProbation : this.maxMain)) {
      ring.insertNext(this.allocate(isProbation ? 1 : 0))
    } else if (isProbation && this.main.length < this.maxMain && this.isRecent(oldest)) {
      this.onProbation[oldest] = 0
      this.main.insertBefore(oldest)
      ring.replaceNext(this.allocate(1))
    } else {
      ring.advance()
      this.startedAt[oldest] = this.clock.now()
      if (this.segments[oldest] !== undefined) this.reclaim(ring, oldest)
    }
  }

  /** The number of a segment that is in no ring yet. @param onProbation 1: for the probation ring */
  private allocate(onProbation: 0 | 1): number {
    const number = this.allocated++
    this.onProbation[number] = onProbation
    this.startedAt[number] = this.clock.now()
    return number
  }

  /** Whether so few of a segment's answers have expired that reclaiming it is not worth while. */
  private isRecent(number: number): boolean {
    return this.clock.now() - this.startedAt[number]! < RECENT + this.staleMax
  }
}
