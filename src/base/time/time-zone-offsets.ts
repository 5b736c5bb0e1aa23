import { MS_PER_SECOND, type Seconds } from '../units.js'
import { offsetAt } from './instant.js'

/**
 * Offsets of a time zone from UTC: `ahead[i]` seconds from `since[i]` on, sorted. The first also
 * applies before `since[0]`, the last for ever.
 */
export interface ZoneOffsets {
  readonly since: readonly Seconds[]
  readonly ahead: readonly Seconds[]
}

/** The computed range; future changes of the law are unknown. */
const FIRST: Seconds = Date.UTC(2000, 0, 1) / MS_PER_SECOND
const LAST: Seconds = Date.UTC(2100, 0, 1) / MS_PER_SECOND
/** Shorter than any period between two changes of an offset: the shortest was 28 days. */
const STEP: Seconds = 14 * 86_400

const cache = new Map<string, ZoneOffsets>()

/** All offsets of a zone from 2000 to 2099. Computed once for each zone, in about 50 ms. */
export function zoneOffsets(zone: string): ZoneOffsets {
  const found = cache.get(zone) ?? computeOffsets(zone)
  cache.set(zone, found)
  return found
}

function computeOffsets(zone: string): ZoneOffsets {
  const since = [FIRST]
  const ahead = [aheadAt(FIRST, zone)]
  if (zone === 'UTC') return { since, ahead }
  for (let at = FIRST; at < LAST; at += STEP) {
    const after = aheadAt(at + STEP, zone)
    if (after === ahead.at(-1)) continue
    since.push(changeWithin(at, at + STEP, zone))
    ahead.push(after)
  }
  return { since, ahead }
}

/** The first second at which the offset differs from that at `low`. */
function changeWithin(low: Seconds, high: Seconds, zone: string): Seconds {
  const before = aheadAt(low, zone)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (aheadAt(middle, zone) === before) low = middle
    else high = middle
  }
  return high
}

function aheadAt(instant: Seconds, zone: string): Seconds {
  return offsetAt(instant * MS_PER_SECOND, zone) / MS_PER_SECOND
}
