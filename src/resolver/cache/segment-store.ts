import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { SegmentRing } from './segment-ring.js'
import { ALLOCATED, MAIN, PROBATION, UNIT, type ShardMemory } from './shard-memory.js'

/** Share of the segments that is for new answers. */
const PROBATION_SHARE = 1 / 8
/** Of the answers that came within this time, few have expired: a minute is a common TTL. */
const RECENT: Milliseconds = 30_000

/**
 * The memory of a shard as segments, which are filled one after the other, in two rings: `probation`
 * for new answers, `main` for those that were used. Segments are allocated when they are needed. All
 * changes are made under the lock of the shard.
 *
 * A location is the start of an answer: the number of its segment plus one, and its offset there.
 */
export class SegmentStore {
  readonly probation: SegmentRing
  readonly main: SegmentRing
  readonly segmentSize: Octets
  /** How many bits of a location are the offset, in units. */
  private readonly offsetBits: number
  private readonly maxProbation: number
  private readonly maxMain: number

  /**
   * @param staleMax may be changed; how long expired answers are kept
   * @param reclaim frees at least half of a segment
   */
  constructor(
    private readonly memory: ShardMemory,
    private readonly clock: Clock,
    public staleMax: Milliseconds,
    private readonly reclaim: (ring: SegmentRing, number: number) => void
  ) {
    const { segmentCount } = memory
    this.segmentSize = memory.segmentSize
    this.offsetBits = Math.log2(this.segmentSize / UNIT)
    this.maxProbation = Math.floor(Math.max(1, segmentCount * PROBATION_SHARE))
    this.maxMain = segmentCount - this.maxProbation
    this.probation = new SegmentRing(memory, PROBATION)
    this.main = new SegmentRing(memory, MAIN)
  }

  /** Whether the rings exist: not in memory that is new. */
  get isReady(): boolean {
    return this.memory.words[ALLOCATED] !== 0
  }

  /** Empties all segments, and begins the rings with one each. */
  reset(): void {
    this.memory.ends.fill(0)
    this.memory.onProbation.fill(0)
    this.memory.words[ALLOCATED] = 0
    this.probation.reset(this.allocate(1))
    this.main.reset(this.allocate(0))
  }

  /** Whether the main ring has another empty segment, so that no answer has to be evicted. */
  get hasFreeMain(): boolean {
    const { main } = this
    return main.length < this.maxMain || this.endOf(main.next) === 0
  }

  /** The number of a segment of this ring with room for so many octets; makes room if need be. */
  segmentWithRoom(ring: SegmentRing, size: Octets): number {
    if (this.endOf(ring.current) + size > this.segmentSize) this.advance(ring)
    return ring.current
  }

  /** Octets of a segment in use. */
  endOf(number: number): Octets {
    return this.memory.ends[number]!
  }

  setEnd(number: number, end: Octets): void {
    this.memory.ends[number] = end
  }

  /** The numbers of segments in use; first those on probation, whose answers may move to others. */
  *inOrder(): Generator<number> {
    const onProbation = this.memory.onProbation.slice()
    for (const state of [1, 0]) {
      for (const [number, isOn] of onProbation.entries()) {
        if (isOn === state && this.endOf(number) > 0) yield number
      }
    }
  }

  /** Position of the first octet of a segment. */
  startOf(number: number): Octets {
    return this.memory.start + number * this.segmentSize
  }

  locationOf(number: number, position: Octets): number {
    return ((number + 1) << this.offsetBits) | ((position - this.startOf(number)) / UNIT)
  }

  /** The position of a location. */
  positionOf(location: number): Octets {
    return this.memory.start - this.segmentSize + location * UNIT
  }

  isOnProbation(location: number): boolean {
    return this.memory.onProbation[(location >>> this.offsetBits) - 1] === 1
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
      this.memory.onProbation[oldest] = 0
      ring.replaceNext(this.allocate(1))
      this.main.insertBefore(oldest)
    } else {
      ring.advance()
      this.memory.startedAt[oldest] = this.clock.now()
      if (this.endOf(oldest) > 0) this.reclaim(ring, oldest)
    }
  }

  /** The number of a segment that is in no ring yet. @param onProbation 1: for the probation ring */
  private allocate(onProbation: 0 | 1): number {
    const number = this.memory.words[ALLOCATED]!
    this.memory.words[ALLOCATED] = number + 1
    this.memory.onProbation[number] = onProbation
    this.memory.startedAt[number] = this.clock.now()
    return number
  }

  /** Whether so few of a segment's answers have expired that reclaiming it is not worth while. */
  private isRecent(number: number): boolean {
    return this.clock.now() - this.memory.startedAt[number]! < RECENT + this.staleMax
  }
}
