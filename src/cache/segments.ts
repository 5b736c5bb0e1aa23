import type { Clock } from '../base/clock.js'
import type { Milliseconds, Octets } from '../base/units.js'
import { Ring } from './ring.js'
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
export class Segments {
  readonly newcomers: Ring
  readonly kept: Ring
  readonly segmentSize: Octets
  private readonly all: (Segment | undefined)[]
  /** Places in one segment, as bits of a place's number. */
  private readonly bits: number
  private readonly mostNewcomers: number
  private readonly mostKept: number
  /** Those that belong to a ring; the others were never filled. */
  private taken = 0
  /** For each segment, 1: it is in the ring of newcomers. */
  private readonly isNew: Uint8Array
  /** When each was begun, `Clock.now()`. */
  private readonly begunAt: Float64Array

  /**
   * @param size most octets of them all
   * @param lasting how long what is over is wanted
   * @param sweep makes room, at least half of it, in the segment of this number
   */
  constructor(
    size: Octets,
    private readonly clock: Clock,
    private readonly lasting: Milliseconds,
    private readonly sweep: (ring: Ring, number: number) => void
  ) {
    const each = 2 ** Math.floor(Math.log2(size / LEAST_SEGMENTS))
    this.segmentSize = Math.min(LARGEST_SEGMENT, each)
    const most = Math.floor(size / this.segmentSize)
    this.bits = Math.log2(this.segmentSize / UNIT)
    this.all = Array.from({ length: most })
    this.isNew = new Uint8Array(most)
    this.begunAt = new Float64Array(most)
    this.mostNewcomers = Math.floor(Math.max(1, most * NEWCOMERS))
    this.mostKept = most - this.mostNewcomers
    this.newcomers = new Ring(this.take(1))
    this.kept = new Ring(this.take(0))
  }

  /** Most octets that can be held. */
  get limit(): Octets {
    return this.all.length * this.segmentSize
  }

  /** As long as there is an empty segment more for what is kept, nobody has to go. */
  get isRoomy(): boolean {
    if (this.kept.length < this.mostKept) return true
    const segment = this.all[this.kept.next]
    return segment === undefined || segment.end === 0
  }

  /** The number of a segment of this ring that has room, which is made if need be. */
  roomIn(ring: Ring, size: Octets): number {
    const { all, segmentSize } = this
    const full = all[ring.current]
    if (full !== undefined && full.end + size > segmentSize) this.goOn(ring)
    all[ring.current] ??= new Segment(segmentSize)
    return ring.current
  }

  at(number: number): Segment {
    return this.all[number]!
  }

  /** Each with its number; those first from which records may move to others meanwhile. */
  *inOrder(): Generator<[number: number, segment: Segment]> {
    const wereNew = this.isNew.slice()
    for (const isNew of [1, 0]) {
      for (const [number, segment] of this.all.entries()) {
        if (segment !== undefined && wereNew[number] === isNew) yield [number, segment]
      }
    }
  }

  placeOf(number: number, at: Octets): number {
    return (number << this.bits) | (at / UNIT)
  }

  /** The segment that a place is in. */
  of(place: number): Segment {
    return this.all[place >>> this.bits]!
  }

  /** Where in its segment a place is. */
  octetOf(place: number): Octets {
    return (place & ((1 << this.bits) - 1)) * UNIT
  }

  isNewcomer(place: number): boolean {
    return this.isNew[place >>> this.bits] === 1
  }

  /** While there is room for what is kept, newcomers that came fast go over as they are. */
  private goOn(ring: Ring): void {
    const isOfNew = ring === this.newcomers
    const oldest = ring.next
    if (ring.length < (isOfNew ? this.mostNewcomers : this.mostKept)) {
      ring.growBy(this.take(isOfNew ? 1 : 0))
    } else if (isOfNew && this.kept.length < this.mostKept && this.isYoung(oldest)) {
      this.isNew[oldest] = 0
      this.kept.adopt(oldest)
      ring.goOnWith(this.take(1))
    } else {
      ring.goOn()
      this.begunAt[oldest] = this.clock.now()
      if (this.all[oldest] !== undefined) this.sweep(ring, oldest)
    }
  }

  /** The number of a segment that was in no ring yet. @param isNew 1: for that of newcomers */
  private take(isNew: 0 | 1): number {
    const number = this.taken++
    this.isNew[number] = isNew
    this.begunAt[number] = this.clock.now()
    return number
  }

  /** Whether most of what is in the segment is wanted, so that it is not worth a look. */
  private isYoung(number: number): boolean {
    return this.clock.now() - this.begunAt[number]! < YOUNG + this.lasting
  }
}
