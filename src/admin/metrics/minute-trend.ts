import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { DURATION_BOUNDS } from '../../resolver/context/lookup-counters.js'

/** Counters of all workers since the start of the gateway. */
export interface CounterSample {
  /** Blocked ones included. */
  readonly responses: number
  readonly blocked: number
  readonly stale: number
  /** SERVFAIL. */
  readonly failed: number
  readonly hits: number
  readonly misses: number
  /** Responses by time taken: see `DURATION_BOUNDS`, with one more for longer ones. */
  readonly durations: readonly number[]
}

/** What happened within a minute. */
export interface Minute extends CounterSample {
  /** When it began. */
  readonly at: Milliseconds
}

/** One step of the trend, for a chart. */
export interface TrendPoint {
  readonly at: string
  /** All other responses. */
  readonly answered: number
  readonly blocked: number
  readonly stale: number
  readonly failed: number
  readonly hits: number
  readonly misses: number
  /** Null: no response was timed. */
  readonly p50Ms: Milliseconds | null
  readonly p99Ms: Milliseconds | null
}

/** The rates of the last minute or so. */
export interface TrendNow {
  /** Over so long; 0: the gateway has just started. */
  readonly seconds: Seconds
  readonly queriesPerSecond: number
  /** Shares from 0 to 1; null: no query. */
  readonly blockedShare: number | null
  readonly hitShare: number | null
  readonly p50Ms: Milliseconds | null
  readonly p99Ms: Milliseconds | null
}

const MINUTE: Milliseconds = 60_000
const DAY: Milliseconds = 86_400_000
/** How often counters are read. */
export const SAMPLE_INTERVAL: Milliseconds = 10_000
/** Current rates are averages over this time. */
const NOW: Milliseconds = 60_000

const NONE: CounterSample = {
  ...{ responses: 0, blocked: 0, stale: 0, failed: 0, hits: 0, misses: 0 },
  durations: new Array<number>(DURATION_BOUNDS.length + 1).fill(0)
}

/** Counters over the last 24 hours, by minute. The log has blocked lookups only, by default, and cannot tell. */
export class Trend {
  private last: { readonly at: Milliseconds; readonly sample: CounterSample } | undefined
  /** What happened between two samples, the latest last. */
  private recent: { readonly at: Milliseconds; readonly sum: CounterSample }[] = []
  /** By time; minutes without a sample are missing. */
  private minutes: Minute[] = []

  /** @param earlier minutes of a gateway that ran before */
  constructor(earlier: readonly Minute[] = []) {
    this.minutes = [...earlier]
  }

  /** All minutes of the last day, to be stored. */
  get stored(): readonly Minute[] {
    return this.minutes
  }

  /** @param at wall-clock time */
  add(at: Milliseconds, sample: CounterSample): void {
    const { last } = this
    this.last = { at, sample }
    if (last === undefined || at <= last.at) return
    const sum = difference(sample, last.sample)
    this.recent = [...this.recent.filter(one => one.at > at - NOW), { at, sum }]
    const start = Math.floor(at / MINUTE) * MINUTE
    const current = this.minutes.at(-1)
    if (current?.at === start)
      this.minutes[this.minutes.length - 1] = { at: start, ...add(current, sum) }
    else {
      // A clock that was set back: what was measured later is not known any more.
      this.minutes = this.minutes.filter(minute => minute.at < start && minute.at > start - DAY)
      this.minutes.push({ at: start, ...sum })
    }
  }

  now(): TrendNow {
    const first = this.recent[0]
    const seconds =
      first === undefined
        ? 0
        : (this.recent.at(-1)!.at - first.at + SAMPLE_INTERVAL) / MS_PER_SECOND
    const sum = this.recent.reduce((all, one) => add(all, one.sum), NONE)
    const { responses, blocked, hits, misses, durations } = sum
    return {
      seconds,
      queriesPerSecond: seconds === 0 ? 0 : rounded(responses / seconds),
      blockedShare: share(blocked, responses),
      hitShare: share(hits, hits + misses),
      p50Ms: quantile(durations, 0.5),
      p99Ms: quantile(durations, 0.99)
    }
  }

  /**
   * The last 24 hours, with a point for each step, whether anything is known of it or not.
   *
   * @param step a whole number of minutes
   */
  points(until: Milliseconds, step: Milliseconds): (TrendPoint | null)[] {
    const end = (Math.floor(until / step) + 1) * step
    const start = end - DAY
    const sums = new Map<number, CounterSample>()
    for (const minute of this.minutes) {
      const slot = Math.floor((minute.at - start) / step)
      if (slot >= 0) sums.set(slot, add(sums.get(slot) ?? NONE, minute))
    }
    return Array.from({ length: DAY / step }, (_, slot) => {
      const sum = sums.get(slot)
      return sum === undefined ? null : pointOf(start + slot * step, sum)
    })
  }
}

function pointOf(at: Milliseconds, sum: CounterSample): TrendPoint {
  const { responses, blocked, stale, failed, hits, misses, durations } = sum
  return {
    at: new Date(at).toISOString(),
    answered: Math.max(0, responses - blocked - stale - failed),
    ...{ blocked, stale, failed, hits, misses },
    p50Ms: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99)
  }
}

/** Counters of rules that were removed are gone: what is less than before did not grow. */
function difference(later: CounterSample, earlier: CounterSample): CounterSample {
  const grown = (a: number, b: number): number => Math.max(0, a - b)
  return combine(later, earlier, grown)
}

const add = (one: CounterSample, other: CounterSample): CounterSample =>
  combine(one, other, (a, b) => a + b)

function combine(
  one: CounterSample,
  other: CounterSample,
  of: (a: number, b: number) => number
): CounterSample {
  return {
    responses: of(one.responses, other.responses),
    blocked: of(one.blocked, other.blocked),
    stale: of(one.stale, other.stale),
    failed: of(one.failed, other.failed),
    hits: of(one.hits, other.hits),
    misses: of(one.misses, other.misses),
    durations: one.durations.map((count, i) => of(count, other.durations[i]!))
  }
}

/**
 * The time within which a share of the responses was sent, interpolated within its bucket as PromQL's
 * `histogram_quantile` does.
 */
export function quantile(durations: readonly number[], share: number): Milliseconds | null {
  const count = durations.reduce((sum, one) => sum + one, 0)
  if (count === 0) return null
  let rank = count * share
  for (const [i, bound] of DURATION_BOUNDS.entries()) {
    const inBucket = durations[i]!
    if (rank <= inBucket) {
      const lower = DURATION_BOUNDS[i - 1] ?? 0
      return rounded(lower + ((bound - lower) * rank) / inBucket)
    }
    rank -= inBucket
  }
  return DURATION_BOUNDS.at(-1)!
}

const share = (part: number, all: number): number | null =>
  all === 0 ? null : Math.min(1, Math.round((part / all) * 10_000) / 10_000)

const rounded = (value: number): number => Math.round(value * 100) / 100
