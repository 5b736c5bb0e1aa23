import { MS_PER_SECOND, type Seconds } from '../../base/units.js'
import { offsetAt } from './instant.js'

/**
 * How far the clocks of a zone are ahead of UTC: `ahead[i]` seconds from `since[i]` on, sorted. The
 * first holds before, too, and the last for ever.
 */
export interface ZoneOffsets {
  readonly since: readonly Seconds[]
  readonly ahead: readonly Seconds[]
}

/** Known that far; what laws will say of clocks later, nobody knows. */
const FIRST: Seconds = Date.UTC(2000, 0, 1) / MS_PER_SECOND
const LAST: Seconds = Date.UTC(2100, 0, 1) / MS_PER_SECOND
/** Clocks have never been set and set back within so short a time: the least was 28 days. */
const STEP: Seconds = 14 * 86_400

const cache = new Map<string, ZoneOffsets>()

/**
 * All offsets of a zone from 2000 to 2099, so that nobody has to ask Intl again: it takes some
 * 50 ms for each zone, once.
 */
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

/** The first second at which clocks do not show any more what they did at `low`. */
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
