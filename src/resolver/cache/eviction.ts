import type { Clock } from '../../base/time/clock.js'
import type { Octets } from '../../base/units.js'
import { WAYS, type HashIndex } from './hash-index.js'
import type { NameScope } from './name-scope.js'
import type { Records } from './records.js'
import type { SegmentRing } from './segment-ring.js'
import type { SegmentStore } from './segment-store.js'
import type { Sequence } from './sequence.js'
import { ENTRIES, SIZE, type ShardMemory } from './shard-memory.js'

/** Removes answers from a shard: to make room for others, or since they are flushed. Under the shard's lock only. */
export class Eviction {
  /** The entry of a full bucket to evict next if all of them are in use. */
  private nextVictim = 0

  constructor(
    private readonly memory: ShardMemory,
    private readonly sequence: Sequence,
    private readonly segments: SegmentStore,
    private readonly records: Records,
    private readonly index: HashIndex,
    private readonly clock: Clock
  ) {}

  /** Evicts answers from a segment, so that at least half of it is free. */
  reclaim(ring: SegmentRing, number: number): void {
    this.compact(number, this.evict(ring, number))
  }

  /**
   * Removes what the segment will not keep. @returns octets of what is left in it
   *
   * A method of its own: V8 compiles its loop while it runs for the first time, and would leave the compiled code
   * at the end of each run, for whatever followed there.
   */
  private evict(ring: SegmentRing, number: number): Octets {
    const { segments, records, index } = this
    const start = segments.startOf(number)
    const end = start + segments.endOf(number)
    this.touchIndexOf(start, end)
    const now = this.clock.now()
    const keepsAll = segments.hasFreeMain
    let kept = 0
    for (let at = start, size = 0; at < end; at += size) {
      size = records.sizeAt(at)
      if (records.isDeleted(at)) continue
      const hash = records.hashAt(at)
      const entry = index.entryOf(hash, segments.locationOf(number, at))
      const isKept =
        now < records.expiresAt(at) + segments.staleMax && (keepsAll || index.isUsed(entry))
      index.decayUse(entry)
      if (isKept && ring === segments.probation) {
        this.promote(at, size, entry)
      } else if (isKept && kept + size <= segments.segmentSize / 2) {
        kept += size
      } else {
        this.forget(entry)
        index.setGhost(entry, hash)
      }
    }
    return kept
  }

  flushSegment(number: number, scope: NameScope): number {
    const { segments, records, index } = this
    const start = segments.startOf(number)
    const end = start + segments.endOf(number)
    let removed = 0
    let left = 0
    for (let at = start; at < end; at += records.sizeAt(at)) {
      if (records.isDeleted(at)) continue
      if (records.isIn(at, scope)) {
        this.remove(index.entryOf(records.hashAt(at), segments.locationOf(number, at)))
        removed++
      } else left++
    }
    if (left === 0) this.compact(number, 0)
    return removed
  }

  /** A free index entry. In a full bucket, evicts an unused answer, one on probation if possible. */
  entryFor(hash: number): number {
    const { index } = this
    const free = index.free(hash)
    if (free >= 0) return free
    const first = index.first(hash)
    this.nextVictim = (this.nextVictim + 1) % WAYS
    const victim =
      this.unusedIn(first, true) ?? this.unusedIn(first, false) ?? first + this.nextVictim
    this.remove(victim)
    return victim
  }

  remove(entry: number): void {
    this.forget(entry)
    this.index.clear(entry)
  }

  /** Counts an answer as deleted, which is still in the index. */
  forget(entry: number): void {
    const at = this.segments.positionOf(this.index.location(entry))
    this.records.delete(at)
    this.memory.words[ENTRIES]!--
    this.memory.words[SIZE]! -= this.records.sizeAt(at)
  }

  /**
   * Loads the index entries of a segment into the processor's cache: its 1,800 buckets one by one
   * would take 150 ns each.
   */
  private touchIndexOf(start: Octets, end: Octets): void {
    const { records, index } = this
    for (let at = start; at < end; at += records.sizeAt(at)) index.touch(records.hashAt(at))
  }

  /** Moves an answer from probation to the main ring. */
  private promote(from: Octets, size: Octets, entry: number): void {
    const { segments, records, index } = this
    const number = segments.segmentWithRoom(segments.main, size)
    const end = segments.endOf(number)
    const to = segments.startOf(number) + end
    records.copy(from, to, size)
    segments.setEnd(number, end + size)
    index.move(entry, segments.locationOf(number, to))
    records.delete(from)
  }

  /** Moves what is left of a segment to its front. @param left octets of it */
  private compact(number: number, left: Octets): void {
    const { segments, records, index, sequence } = this
    const start = segments.startOf(number)
    let to = start
    sequence.beginChange()
    for (let at = start, size = 0; to < start + left; at += size) {
      size = records.sizeAt(at)
      if (records.isDeleted(at)) continue
      const entry = index.entryOf(records.hashAt(at), segments.locationOf(number, at))
      records.copy(at, to, size)
      index.move(entry, segments.locationOf(number, to))
      to += size
    }
    segments.setEnd(number, left)
    sequence.endChange()
  }

  /** An unused entry of a full bucket. */
  private unusedIn(first: number, onProbation: boolean): number | undefined {
    const { index, segments } = this
    for (let i = 0; i < WAYS; i++) {
      const entry = first + ((this.nextVictim + i) % WAYS)
      if (segments.isOnProbation(index.location(entry)) === onProbation && !index.isUsed(entry))
        return entry
    }
    return undefined
  }
}
