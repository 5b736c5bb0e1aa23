import type { Milliseconds } from '../base/units.js'

/** How fast a bucket fills, and how much it holds. */
export interface Rate {
  readonly perSecond: number
  /** What a full bucket holds, as the time in which it fills. */
  readonly burst: Milliseconds
}

/** Sets of buckets, and buckets in a set: 65,536 buckets in 1 MB, however many clients there are. */
const SETS = 16_384
const WAYS = 4

/**
 * Token buckets in a table that never grows. A bucket is one instant: when it will be full again
 * (the generic cell rate algorithm), so that nothing has to be filled up and a bucket that was
 * never used is a full one.
 *
 * A key may stand in any of the four buckets of its set. Where none is its own, it takes the one
 * that is, or will be, full first: replacing a full bucket loses nothing, and whoever is over the
 * limit is the last to be forgotten, so that a flood of invented addresses replaces its own buckets
 * first. The seed keeps others from choosing keys that share a set.
 */
export class TokenBuckets {
  private readonly highs = new Int32Array(SETS * WAYS)
  private readonly lows = new Int32Array(SETS * WAYS)
  /** When each is full again. */
  private readonly full = new Float64Array(SETS * WAYS)
  /** What one token takes to come back. */
  private readonly cost: Milliseconds
  private readonly depth: Milliseconds

  /** @param seed 32 random bits */
  constructor(
    { perSecond, burst }: Rate,
    private readonly seed: number
  ) {
    this.cost = 1000 / perSecond
    // One token fits into every bucket, or it would never let anything pass.
    this.depth = Math.max(burst, this.cost)
  }

  /** Takes a token from the bucket of the key, 64 bits as two signed words: whether it had one. */
  take(high: number, low: number, now: Milliseconds): boolean {
    const { highs, lows, full } = this
    const first = (hash(high, low, this.seed) >>> 18) * WAYS
    let victim = first
    for (let i = first; i < first + WAYS; i++) {
      if (lows[i] === low && highs[i] === high) return this.takeFrom(i, now)
      if (full[i]! < full[victim]!) victim = i
    }
    highs[victim] = high
    lows[victim] = low
    full[victim] = now + this.cost
    return true
  }

  private takeFrom(i: number, now: Milliseconds): boolean {
    const { full } = this
    const from = full[i]! > now ? full[i]! : now
    if (from + this.cost > now + this.depth) return false
    full[i] = from + this.cost
    return true
  }
}

/** Both words and the seed, mixed so that the upper bits depend on all of them. */
function hash(high: number, low: number, seed: number): number {
  let h = Math.imul(high ^ seed, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 15) ^ low, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 13) ^ seed, 0x9e3779b1)
  return h ^ (h >>> 16)
}
