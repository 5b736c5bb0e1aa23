import type { Milliseconds, Seconds } from './units.js'

/**
 * The two clocks of the program. `now` has the shape of lru-cache's `perf` option, so that one
 * fake drives TTLs, cache and timeouts in tests.
 */
export interface Clock {
  /** Monotonic; starts anywhere; for durations, ages and timeouts. */
  now(): Milliseconds
  /** Milliseconds since 1970-01-01 UTC; may jump; for calendar dates and log times only. */
  wall(): Milliseconds
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now()
}

/** Whole seconds since 1970-01-01 UTC: what `from` and `until` of a rule are compared with. */
export function epochSeconds(clock: Clock): Seconds {
  return Math.floor(clock.wall() / 1000)
}
