import { randomInt } from 'node:crypto'
import type { Octets } from '../../base/units.js'
import { allocateShard } from './shard-memory.js'

/**
 * A cache of several threads has a shard for each 2 MB, up to 8, so that two of them rarely wait for the
 * same lock. One thread writes faster to one place.
 */
const SHARD: Octets = 2 ** 21
const SHARDS = 8
/** Largest shard, which locations can address. */
const MAX_SHARD: Octets = 2 ** 30

/** The shared memory of a cache, which each thread opens as a `PackedAnswerCache`. */
export interface CacheMemory {
  readonly shards: readonly SharedArrayBuffer[]
  /** Limit for the segments of each shard. */
  readonly shardSize: Octets
  /** One word, incremented by every flush; caches that are flushed together share it. */
  readonly generation: SharedArrayBuffer
  /** Random, so that nobody can choose names that fall into one bucket of the index. */
  readonly seed: number
}

/**
 * @param size limit for the answers; the index takes at most a ninth of that in addition
 * @param threads how many write to it while they answer queries
 * @param generation of another cache that is flushed together with this one
 */
export function allocateCache(
  size: Octets,
  threads: number,
  generation = new SharedArrayBuffer(4),
  seed = randomInt(2 ** 32)
): CacheMemory {
  const count = shardCount(size, threads)
  const shardSize = Math.floor(size / count)
  const shards = Array.from({ length: count }, () => allocateShard(shardSize))
  return { shards, shardSize, generation, seed }
}

/** How many shards a cache of this size has: a power of two. */
export function shardCount(size: Octets, threads: number): number {
  const wanted = threads === 1 ? 1 : Math.min(SHARDS, Math.max(1, size / SHARD))
  return 2 ** Math.max(Math.floor(Math.log2(wanted)), Math.ceil(Math.log2(size / MAX_SHARD)))
}
