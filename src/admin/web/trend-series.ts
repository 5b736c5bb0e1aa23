import type { Trend, TrendPoint } from './api/types/status-responses.js'

/** Series of a chart: seconds of Unix time, and a value for each; null: nothing is known. */
export interface TrendSeries {
  readonly times: readonly number[]
  /** Queries per second of each kind. */
  readonly answered: readonly (number | null)[]
  readonly blocked: readonly (number | null)[]
  /** Stale answers and failures: what upstreams did not answer. */
  readonly stale: readonly (number | null)[]
  /** All of them, and all but the answered, to be drawn one over the other. */
  readonly all: readonly (number | null)[]
  readonly notAnswered: readonly (number | null)[]
  readonly p50: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
}

/** The step that is not over yet is left out: it would look as if queries had become fewer. */
export function seriesOf({ points: all, stepSeconds }: Trend, now: number): TrendSeries {
  const points = all.slice(0, -1)
  const step = stepSeconds * 1000
  const end = (Math.floor(now / step) - 1) * step
  const rates = (of: (point: TrendPoint) => number): (number | null)[] =>
    points.map(point => (point === null ? null : of(point) / stepSeconds))
  const stale = (point: TrendPoint): number => point.stale + point.failed
  return {
    times: points.map((_, i) => (end - (points.length - 1 - i) * step) / 1000),
    answered: rates(({ answered }) => answered),
    blocked: rates(({ blocked }) => blocked),
    stale: rates(stale),
    all: rates(point => point.answered + point.blocked + stale(point)),
    notAnswered: rates(point => point.blocked + stale(point)),
    p50: points.map(point => point?.p50Ms ?? null),
    p99: points.map(point => point?.p99Ms ?? null)
  }
}

export interface Hour {
  /** Milliseconds of Unix time. */
  readonly at: number
  readonly answered: number
  readonly blocked: number
  readonly stale: number
  readonly failed: number
}

/** Sums by hour, the oldest first; hours of which nothing is known are missing. */
export function hoursOf({ points }: Trend): Hour[] {
  const hours = new Map<number, Hour>()
  for (const point of points) {
    if (point === null) continue
    const at = Math.floor(Date.parse(point.at) / 3_600_000) * 3_600_000
    const sum = hours.get(at) ?? { at, answered: 0, blocked: 0, stale: 0, failed: 0 }
    hours.set(at, {
      at,
      answered: sum.answered + point.answered,
      blocked: sum.blocked + point.blocked,
      stale: sum.stale + point.stale,
      failed: sum.failed + point.failed
    })
  }
  return [...hours.values()].sort((a, b) => a.at - b.at)
}

/**
 * Times of the days or hours that are complete: those at either end would look as if there had been fewer lookups.
 *
 * @param times when they begin
 * @param from when the data begin
 */
export function completeSpans(
  times: readonly number[],
  step: number,
  from: number,
  now: number
): number[] {
  return [...new Set(times)].filter(at => at >= from && at + step <= now).sort((a, b) => a - b)
}
