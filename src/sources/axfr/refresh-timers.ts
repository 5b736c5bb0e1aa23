import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { ZoneRecord } from './zone-record.js'

/** Whatever an SOA says: nobody is asked more often, and none is left unasked for longer. */
const REFRESH: readonly [Seconds, Seconds] = [30, 86_400]
const RETRY: readonly [Seconds, Seconds] = [15, 3_600]
const EXPIRE: readonly [Seconds, Seconds] = [3_600, 2_419_200]
/** Without a copy: after a failure, doubled with each that follows. */
const MIN_INITIAL_RETRY: Milliseconds = 10_000
const MAX_INITIAL_RETRY: Milliseconds = 3_600_000
/** So much of a wait is left to chance: gateways do not all come at once. */
const JITTER = 0.1

/**
 * When primaries are to be asked again for a zone, by the calendar. RFC 1035 §3.3.13.
 *
 * @param now so that a clock that was set back puts nothing off
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
        ? Math.min(MIN_INITIAL_RETRY * 2 ** (failures - 1), MAX_INITIAL_RETRY)
        : clamp(copy.retry, RETRY)
  return last + wait * (1 - JITTER * random())
}

/**
 * When the copy is over, unless a primary confirms it before, by the calendar; undefined: there is
 * none. What is over stays in force: a ban does not end because a primary is away.
 */
export function zoneExpiry({ copy, refreshed }: ZoneRecord): Milliseconds | undefined {
  if (copy === undefined) return undefined
  return Date.parse(refreshed) + clamp(copy.expire, EXPIRE)
}

function clamp(seconds: Seconds, [least, most]: readonly [Seconds, Seconds]): Milliseconds {
  return Math.min(Math.max(seconds, least), most) * MS_PER_SECOND
}
