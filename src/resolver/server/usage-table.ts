import type { Milliseconds } from '../../base/units.js'
import { hashWords } from './token-buckets.js'

/** Number of sets, and clients per set: 16,384 clients in 384 kB, however many there are. */
const SETS = 4096
const WAYS = 4

/**
 * What each client has used in about the last `period`: sums that decay, in a table of fixed size. A key can use any
 * of the four places of its set. If it has none, it replaces the one that has used least, so that many clients that
 * use little cannot displace one that uses much. The seed keeps attackers from choosing keys that share a set.
 */
export class UsageTable {
  private readonly highs = new Int32Array(SETS * WAYS)
  private readonly lows = new Int32Array(SETS * WAYS)
  private readonly sums = new Float64Array(SETS * WAYS)
  /** When each of `sums` was computed. */
  private readonly times = new Float64Array(SETS * WAYS)

  /** @param seed 32 random bits */
  constructor(
    private readonly period: Milliseconds,
    private readonly seed: number
  ) {}

  /** Adds to the sum of a 64-bit key (two signed words). @returns the sum */
  add(high: number, low: number, used: number, now: Milliseconds): number {
    const { highs, lows, sums, times } = this
    const first = (hashWords(high, low, this.seed) >>> 20) * WAYS
    let place = first
    let least = Infinity
    for (let i = first; i < first + WAYS; i++) {
      const sum = this.at(i, now)
      if (lows[i] === low && highs[i] === high) {
        times[i] = now
        return (sums[i] = sum + used)
      }
      if (sum >= least) continue
      least = sum
      place = i
    }
    // To ask about a client that has used nothing displaces nobody.
    if (used === 0) return 0
    highs[place] = high
    lows[place] = low
    times[place] = now
    return (sums[place] = used)
  }

  private at(i: number, now: Milliseconds): number {
    const sum = this.sums[i]!
    return sum === 0 ? 0 : sum * Math.exp((this.times[i]! - now) / this.period)
  }
}
