import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import type { QuestionKey } from './cache.js'
import { Eviction } from './eviction.js'
import { HashIndex, locationIn } from './hash-index.js'
import type { CacheMemory } from './memory.js'
import type { NameScope } from './name-scope.js'
import { Records, sizeOf } from './records.js'
import { SegmentStore } from './segment-store.js'
import { Sequence } from './sequence.js'
import { ENTRIES, LOCK, ShardMemory, SIZE } from './shard-memory.js'
import { SharedLock } from './shared-lock.js'

/** Reads without the lock before one with it. */
const MAX_TRIES = 3

/** Results of `find` that are no entry. */
const NOT_CACHED = -1
/** As far as the tags say, it is cached: it may have been moved during the search. */
const DOUBTFUL = -2

/**
 * A part of a cache, for the questions whose hashes belong to it, in shared memory. Threads read
 * without a lock and write under the shard's own, so that two of them rarely meet.
 *
 * Segments are filled in order, in two rings. New answers go to the probation ring, which has an
 * eighth of the segments. When it is full, its oldest segment is reclaimed: answers that were used
 * move to the main ring, the others are evicted. So a flood of names that are never queried again,
 * however long, does not displace the main ring. When the main ring is full, its oldest segment is
 * reclaimed: answers used since the last time are compacted at its front, the others are evicted.
 * Until the main ring is full nothing is evicted, and probation segments that fill up fast move to
 * it as a whole.
 *
 * The hash of an evicted answer stays in the index as a ghost until its entry is needed; if the same
 * question comes back, its answer goes to the main ring at once. This is S3-FIFO (Yang et al.,
 * "FIFO queues are all you need for cache eviction", SOSP 2023), with segments for queues.
 *
 * An exception or the death of a thread within a change leaves the lock locked. Then `recover` empties
 * the shard, since any part of it may be half-written; until then readers find what was complete.
 */
export class CacheShard {
  /** Whether the answer that the last `get` missed has expired, and `getStale` has it. */
  missedExpired = false
  private readonly memory: ShardMemory
  private readonly generation: Int32Array
  private readonly lock: SharedLock
  private readonly sequence: Sequence
  private readonly records: Records
  private readonly segments: SegmentStore
  private readonly index: HashIndex
  private readonly eviction: Eviction
  /** The word of the entry that `find` returned. */
  private foundWord = 0

  /** @param owner number of this thread, 1 to 255 */
  constructor(
    buffer: SharedArrayBuffer,
    { shardSize, generation }: CacheMemory,
    private readonly clock: Clock,
    private staleMax: Milliseconds,
    owner: number
  ) {
    this.memory = new ShardMemory(buffer, shardSize)
    this.generation = new Int32Array(generation)
    this.lock = new SharedLock(this.memory.words, LOCK, owner)
    this.sequence = new Sequence(this.memory)
    this.records = new Records(this.memory, this.sequence)
    this.index = new HashIndex(this.memory.tags, this.memory.entries)
    this.segments = new SegmentStore(this.memory, clock, staleMax, (ring, number) =>
      this.eviction.reclaim(ring, number)
    )
    const { memory, sequence, segments, records, index } = this
    this.eviction = new Eviction(memory, sequence, segments, records, index, clock)
    if (!this.segments.isReady) this.segments.reset()
  }

  /** How long expired answers are kept, from now on. */
  setStaleMax(staleMax: Milliseconds): void {
    this.staleMax = staleMax
    this.segments.staleMax = staleMax
  }

  get size(): Octets {
    return this.memory.words[SIZE]!
  }

  get entries(): number {
    return this.memory.words[ENTRIES]!
  }

  /** Largest possible `size`. */
  get limit(): Octets {
    return this.memory.segmentCount * this.memory.segmentSize
  }

  touch(hash: number): void {
    this.index.touch(hash)
  }

  get(key: QuestionKey, hash: number): Answer | undefined {
    return this.read(key, hash, 0)
  }

  getStale(key: QuestionKey, hash: number): Answer | undefined {
    return this.read(key, hash, this.staleMax)
  }

  claimPrefetch(key: QuestionKey, hash: number): boolean {
    const entry = this.find(key, hash)
    return entry >= 0 && this.index.claimPrefetch(entry, this.foundWord)
  }

  /**
   * @param generation no effect if the cache was flushed since
   * @returns false: given up, since another thread has had the lock for too long
   */
  put(key: QuestionKey, hash: number, answer: Answer, generation: number): boolean {
    if (!this.lock.acquire()) return false
    // Under the lock: a flush that begins now comes to this answer.
    if (this.generation[0] === generation) this.add(key, hash, answer)
    this.lock.release()
    return true
  }

  /** @returns as `put` */
  delete(key: QuestionKey, hash: number): boolean {
    // No tag, no answer: nearly always the case, and then the lock is not needed.
    if (this.index.next(hash, this.index.first(hash)) < 0) return true
    if (!this.lock.acquire()) return false
    const entry = this.find(key, hash)
    if (entry >= 0) this.eviction.remove(entry)
    this.lock.release()
    return true
  }

  /**
   * Removes the answers for these names, one segment per step, yielding how many were removed. A step
   * that does not get the lock is repeated.
   */
  *flush(scope: NameScope): Generator<number, void> {
    for (const number of this.segments.inOrder()) {
      while (!this.lock.acquire()) yield 0
      const removed = this.eviction.flushSegment(number, scope)
      this.lock.release()
      yield removed
    }
  }

  /** Empties the shard if a thread that has died left it locked. */
  recover(owner: number): boolean {
    if (this.lock.heldBy !== owner) return false
    const { words } = this.memory
    this.sequence.beginChange()
    this.index.clearAll()
    this.segments.reset()
    words[ENTRIES] = words[SIZE] = 0
    this.sequence.endChange()
    this.lock.breakLock()
    return true
  }

  /** @param expiredFor an answer that has expired for this long is not returned */
  private read(key: QuestionKey, hash: number, expiredFor: Milliseconds): Answer | undefined {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = this.tryRead(key, hash, expiredFor)
      if (answer !== null) return answer
    }
    if (!this.lock.acquire()) return undefined
    const answer = this.tryRead(key, hash, expiredFor)
    this.lock.release()
    return answer ?? undefined
  }

  /** Null: answers were moved meanwhile. */
  private tryRead(
    key: QuestionKey,
    hash: number,
    expiredFor: Milliseconds
  ): Answer | undefined | null {
    const { sequence, records, index } = this
    this.missedExpired = false
    // Nearly always, the tags suffice for a miss.
    if (index.next(hash, index.first(hash)) < 0) return undefined
    const started = sequence.current
    if ((started & 1) !== 0) return null
    const entry = this.find(key, hash)
    if (entry === NOT_CACHED) return undefined
    if (entry === DOUBTFUL) return sequence.isStill(started) ? undefined : null
    const word = this.foundWord
    const at = this.segments.positionOf(locationIn(word))
    const age = this.clock.now() - records.expiresAt(at)
    if (age < expiredFor) {
      const answer = records.read(at, started)
      if (answer === undefined) return null
      index.markUsed(entry, word)
      return answer
    }
    if (!sequence.isStill(started)) return null
    this.missedExpired = age < this.staleMax
    if (age >= this.staleMax) this.removeExpired(key, hash)
    return undefined
  }

  /** Frees the entry of an answer that is of no use any more, if nobody else is writing. */
  private removeExpired(key: QuestionKey, hash: number): void {
    if (!this.lock.tryAcquire()) return
    const entry = this.find(key, hash)
    if (entry >= 0) {
      const at = this.segments.positionOf(locationIn(this.foundWord))
      if (this.clock.now() >= this.records.expiresAt(at) + this.staleMax)
        this.eviction.remove(entry)
    }
    this.lock.release()
  }

  /**
   * The index entry of a question's answer, else NOT_CACHED or DOUBTFUL; sets `foundWord`. Without the
   * lock, the result counts only if the sequence number has not changed.
   */
  private find(key: QuestionKey, hash: number): number {
    const { index, records, segments } = this
    let result = NOT_CACHED
    let entry = index.next(hash, index.first(hash))
    while (entry >= 0) {
      const word = index.word(entry)
      const location = locationIn(word)
      if (location !== 0 && records.hasKey(segments.positionOf(location), hash, key)) {
        this.foundWord = word
        return entry
      }
      result = DOUBTFUL
      entry = index.next(hash, entry + 1)
    }
    return result
  }

  private add(key: QuestionKey, hash: number, answer: Answer): void {
    const { index, segments, records } = this
    // The processor fetches the bucket while the answer is written.
    index.touch(hash)
    const size = sizeOf(key, answer)
    let earlier = this.find(key, hash)
    // A reclaimed segment is at least half free.
    if (size > segments.segmentSize / 2) {
      if (earlier >= 0) this.eviction.remove(earlier)
      return
    }
    const ghost = earlier >= 0 ? -1 : index.findGhost(hash)
    const isKnown = earlier >= 0 || ghost >= 0
    if (ghost >= 0) index.clear(ghost)
    const number = segments.segmentWithRoom(isKnown ? segments.main : segments.probation, size)
    // Making room may have evicted or moved it.
    if (earlier >= 0) earlier = this.find(key, hash)
    const end = segments.endOf(number)
    const at = segments.startOf(number) + end
    records.write(at, key, hash, answer, size)
    segments.setEnd(number, end + size)
    // In one step: readers find the earlier answer or this one.
    if (earlier >= 0) this.eviction.forget(earlier)
    index.set(
      earlier >= 0 ? earlier : this.eviction.entryFor(hash),
      hash,
      segments.locationOf(number, at)
    )
    this.memory.words[ENTRIES]!++
    this.memory.words[SIZE]! += size
  }
}
