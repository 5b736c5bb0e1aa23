import type { Milliseconds } from '../../base/units.js'

interface Bucket {
  tokens: number
  at: Milliseconds
}

/** Keys that are remembered; the one that was not used for longest is forgotten first. */
const MAX_KEYS = 10_000

/** A token bucket per key, in bounded memory. */
export class RateLimiter {
  private readonly buckets = new Map<string, Bucket>()

  /**
   * @param burst what an idle client may take at once
   * @param perSecond what it may take on average
   * @param now monotonic
   */
  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    private readonly now: () => Milliseconds
  ) {}

  /** Takes one. @returns 0, or how long to wait until there is one */
  take(key: string): Milliseconds {
    const { buckets, burst, perSecond } = this
    const at = this.now()
    const last = buckets.get(key)
    const tokens =
      last === undefined
        ? burst
        : Math.min(burst, last.tokens + ((at - last.at) / 1000) * perSecond)
    const isTaken = tokens >= 1
    // At the end of the map, since it was used last.
    buckets.delete(key)
    buckets.set(key, { tokens: isTaken ? tokens - 1 : tokens, at })
    if (buckets.size > MAX_KEYS) buckets.delete(buckets.keys().next().value!)
    return isTaken ? 0 : ((1 - tokens) / perSecond) * 1000
  }
}

/** Locks out addresses that present many wrong credentials. */
export class Lockout {
  private readonly lockedUntil = new Map<string, Milliseconds>()

  /** @param failures spends a token for each wrong credential */
  constructor(
    private readonly failures: RateLimiter,
    private readonly duration: Milliseconds,
    private readonly now: () => Milliseconds
  ) {}

  /** How much longer an address is locked out; 0: it is not. */
  remaining(address: string): Milliseconds {
    const { lockedUntil } = this
    const until = lockedUntil.get(address)
    if (until === undefined) return 0
    const remaining = until - this.now()
    if (remaining > 0) return remaining
    lockedUntil.delete(address)
    return 0
  }

  /** @returns whether the address is locked out from now on */
  onFailure(address: string): boolean {
    if (this.failures.take(address) === 0) return false
    const { lockedUntil } = this
    lockedUntil.set(address, this.now() + this.duration)
    if (lockedUntil.size > MAX_KEYS) lockedUntil.delete(lockedUntil.keys().next().value!)
    return true
  }
}
