import { doublingDelay } from '../../base/time/doubling-delay.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { ZoneRecord } from './zone-record.js'

/**
 * Limits for the SOA timers, so that no primary is queried too often and none is ignored too long.
 */
const REFRESH: readonly [Seconds, Seconds] = [30, 86_400]
const RETRY: readonly [Seconds, Seconds] = [15, 3_600]
const EXPIRE: readonly [Seconds, Seconds] = [3_600, 2_419_200]
/** Delay after a failure without a copy, doubled with each further failure. */
const MIN_INITIAL_RETRY: Milliseconds = 10_000
const MAX_INITIAL_RETRY: Milliseconds = 3_600_000
/** Random part of a delay, so that gateways do not all query at once. */
const JITTER = 0.1

/**
 * When to query the primaries of a zone next, in wall-clock time. RFC 1035 §3.3.13.
 *
 * @param now bounds the delay if the clock was set back
 * @param random at least 0, less than 1
 */
export function nextZoneRefresh(
  { copy, tried, failures }: ZoneRecord,
  now: Milliseconds,
  random: () => number
): Milliseconds {
  const last = Date.parse(tried)
  if (!(last <= now)) return now
  if (copy === undefined && failures === 0) return now
  const wait =
    failures === 0
      ? clamp(copy!.refresh, REFRESH)
      : copy === undefined
        ? doublingDelay(failures, MIN_INITIAL_RETRY, MAX_INITIAL_RETRY)
        : clamp(copy.retry, RETRY)
  return last + wait * (1 - JITTER * random())
}

/**
 * When the copy expires unless a primary confirms it before, in wall-clock time; undefined: there
 * is no copy. An expired copy stays in force: a ban does not end because a primary is unreachable.
 */
export function zoneExpiry({ copy, refreshed }: ZoneRecord): Milliseconds | undefined {
  if (copy === undefined) return undefined
  return Date.parse(refreshed) + clamp(copy.expire, EXPIRE)
}

function clamp(seconds: Seconds, [least, most]: readonly [Seconds, Seconds]): Milliseconds {
  return Math.min(Math.max(seconds, least), most) * MS_PER_SECOND
}
