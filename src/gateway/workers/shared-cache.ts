import { systemClock, type Clock } from '../../base/time/clock.js'
import type { Octets, Seconds } from '../../base/units.js'
import { allocateCache, type CacheMemory } from '../../resolver/cache/memory.js'
import type { NameScope } from '../../resolver/cache/name-scope.js'
import { PackedAnswerCache } from '../../resolver/cache/packed.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { CacheFlusher } from '../../resolver/cache/cache-flusher.js'
import { IN_FLIGHT_SIZE, InFlightTable } from '../../resolver/answers/in-flight-table.js'
import { runInSlices } from './run-in-slices.js'

/** The share of cache memory for the shelves of all workers. */
const SHELF_SHARE = 1 / 4
/** Limit for a shelf, whose memory is one array: V8 has none of 8 GB. The rest is for the shared cache. */
const MAX_SHELF: Octets = 2 ** 30
/** The share of cache memory for cached failures. */
const FAILURE_SHARE = 1 / 16

/** `owner` of the control thread; that of a worker is its number plus one. */
const CONTROL = 255

/** Memory for the caches of all workers. */
export interface SharedCacheMemory {
  readonly answers: CacheMemory
  readonly failures: CacheMemory
  /** For `InFlightTable`; undefined: there is one worker. */
  readonly inFlight: SharedArrayBuffer | undefined
  /** Limit for the shelf of each worker, which is in memory of its own. */
  readonly shelfSize: Octets
}

export interface CacheUsage {
  readonly entries: number
  readonly octets: Octets
  readonly limitOctets: Octets
}

/** Use of the caches, as in the status. */
export interface CacheStatus {
  readonly answers: CacheUsage
  readonly failures: CacheUsage
}

/** Size of the shelf of each worker. @param size of all caches together */
export function shelfSizeOf(size: Octets, workers: number): Octets {
  return Math.min((size * SHELF_SHARE) / workers, MAX_SHELF)
}

/** The caches that all workers share, as the control thread sees them. */
export class SharedCache {
  readonly memory: SharedCacheMemory
  private readonly answers: PackedAnswerCache
  private readonly failures: PackedAnswerCache
  private readonly flusher: CacheFlusher

  /** @param size of all caches together */
  constructor(
    size: Octets,
    workers: number,
    private readonly log: ServiceLog
  ) {
    const shelfSize = shelfSizeOf(size, workers)
    const shelves = shelfSize * workers
    const failureSize = size * FAILURE_SHARE
    const answers = allocateCache(size - shelves - failureSize, workers)
    const failures = allocateCache(failureSize, workers, answers.generation)
    const inFlight = workers > 1 ? new SharedArrayBuffer(IN_FLIGHT_SIZE) : undefined
    this.memory = { answers, failures, inFlight, shelfSize }
    this.answers = new PackedAnswerCache(answers, systemClock, 0, CONTROL)
    this.failures = new PackedAnswerCache(failures, systemClock, 0, CONTROL)
    this.flusher = new CacheFlusher(this.answers, this.failures)
  }

  get status(): CacheStatus {
    return { answers: usageOf(this.answers), failures: usageOf(this.failures) }
  }

  /**
   * Removes the entries for these names, while workers answer queries.
   *
   * @returns how many
   */
  flush(scope: NameScope): Promise<number> {
    return runInSlices(this.flusher.flush(scope))
  }

  /**
   * Call when a worker has died: empties the part of a cache that it was changing, if any, and ends the
   * wait of other workers for its answers.
   */
  onDeath(worker: number): void {
    const owner = ownerOf(worker)
    openInFlight(this.memory, CONTROL)?.releaseAll(owner)
    const parts = this.answers.recover(owner) + this.failures.recover(owner)
    if (parts > 0)
      this.log.warn({ worker }, 'worker died while writing to the cache; part of it emptied')
  }
}

/** Opens the caches in a worker. @param staleMax how long expired answers are kept */
export function openCaches(
  memory: SharedCacheMemory,
  clock: Clock,
  staleMax: Seconds,
  worker: number
) {
  const owner = ownerOf(worker)
  return {
    cache: new PackedAnswerCache(memory.answers, clock, staleMax, owner),
    failures: new PackedAnswerCache(memory.failures, clock, 0, owner),
    inFlight: openInFlight(memory, owner)
  }
}

function openInFlight({ inFlight, answers }: SharedCacheMemory, owner: number) {
  return inFlight && new InFlightTable(inFlight, answers.seed, owner)
}

function ownerOf(worker: number): number {
  return worker + 1
}

function usageOf({ entries, size, limit }: PackedAnswerCache): CacheUsage {
  return { entries, octets: size, limitOctets: limit }
}
