import type { Milliseconds } from '../../base/units.js'

/** How fast a bucket fills, and how many tokens it holds. */
export interface Rate {
  readonly perSecond: number
  /** Capacity of a bucket, as the time in which it fills. */
  readonly burst: Milliseconds
}

/** Number of sets, and buckets per set: 65,536 buckets in 1 MB, however many clients there are. */
const SETS = 16_384
const WAYS = 4

/**
 * Token buckets in a table of fixed size. A bucket is stored as the time at which it will be full
 * again (the generic cell rate algorithm), so that no timer has to refill it and an unused bucket is
 * a full one.
 *
 * A key can use any of the four buckets of its set. If it has none, it replaces the bucket that is
 * full first: replacing a full bucket loses nothing, and clients above the limit are the last to be
 * replaced, so that a flood of spoofed addresses replaces its own buckets first. The seed keeps
 * attackers from choosing keys that share a set.
 */
export class TokenBuckets {
  private readonly highs = new Int32Array(SETS * WAYS)
  private readonly lows = new Int32Array(SETS * WAYS)
  /** When each bucket will be full. */
  private readonly full = new Float64Array(SETS * WAYS)
  /** The time in which one token is refilled. */
  private readonly cost: Milliseconds
  private readonly depth: Milliseconds

  /** @param seed 32 random bits */
  constructor(
    { perSecond, burst }: Rate,
    private readonly seed: number
  ) {
    this.cost = 1000 / perSecond
    // A bucket must hold one token, or nothing would ever be allowed.
    this.depth = Math.max(burst, this.cost)
  }

  /** Takes a token from the bucket of a 64-bit key (two signed words); false if it is empty. */
  take(high: number, low: number, now: Milliseconds): boolean {
    const { highs, lows, full } = this
    const first = (hashWords(high, low, this.seed) >>> 18) * WAYS
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

/** Mixes both words and the seed so that the upper bits depend on all of them. */
export function hashWords(high: number, low: number, seed: number): number {
  let h = Math.imul(high ^ seed, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 15) ^ low, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 13) ^ seed, 0x9e3779b1)
  return h ^ (h >>> 16)
}
