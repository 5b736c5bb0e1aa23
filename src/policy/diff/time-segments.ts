import type { Seconds } from '../../base/units.js'
import type { Claim } from '../tables/claim.js'
import { unchangedUntil, type Timetable } from '../tables/timetable.js'

/** A time span in which no claim starts or ends, except by weekly hours. */
export interface TimeSegment {
  /** -Infinity: from the beginning. */
  readonly from: Seconds
  readonly until: Seconds
  /** Instants to evaluate, which together represent the whole segment. */
  readonly times: readonly Seconds[]
  /** Human-readable: the weekly hours of the claims; '': none. */
  readonly hours: string
}

const WEEK: Seconds = 7 * 86_400
const HALF_YEAR: Seconds = 26 * WEEK

/** All time from an instant on, divided wherever one of the claims starts or ends. */
export function timeSegments(claims: readonly Claim[], at: Seconds): TimeSegment[] {
  const timetables = [...new Set(claims.flatMap(({ timetable }) => timetable ?? []))]
  const hours = [...new Set(timetables.map(({ text }) => text))].join('; ')
  const changeTimes = claims.flatMap(({ from, until }) => [from, until])
  const later = [...new Set(changeTimes.filter(it => it > at && it !== Infinity))]
  const starts = [at, ...later.sort((a, b) => a - b)]
  return starts.map((start, i) => {
    const until = starts[i + 1] ?? Infinity
    return {
      from: i === 0 ? -Infinity : start,
      until,
      times: timesIn(start, until, timetables),
      hours
    }
  })
}

/** All changes within a week, and within another one half a year later for daylight saving time. */
function timesIn(start: Seconds, until: Seconds, timetables: readonly Timetable[]): Seconds[] {
  if (timetables.length === 0) return [start]
  const times: Seconds[] = []
  for (const begin of [start, start + HALF_YEAR]) {
    const end = Math.min(until, begin + WEEK)
    let time = begin
    while (time < end) {
      times.push(time)
      time = Math.min(...timetables.map(timetable => unchangedUntil(timetable, time)))
    }
  }
  return times
}
