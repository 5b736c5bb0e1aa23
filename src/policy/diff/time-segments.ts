import type { Seconds } from '../../base/units.js'
import type { Claim } from '../tables/claim.js'
import { unchangedUntil, type Timetable } from '../tables/timetable.js'

/** A stretch of time in which no claim starts or ends; but those with weekly hours come and go. */
export interface TimeSegment {
  /** -Infinity: from the start on. */
  readonly from: Seconds
  readonly until: Seconds
  /** Instants that stand for all of it. */
  readonly times: readonly Seconds[]
  /** The hours by which claims come and go, for people; '': none do. */
  readonly hours: string
}

const WEEK: Seconds = 7 * 86_400
const HALF_YEAR: Seconds = 26 * WEEK

/** All time from an instant on, cut where one of some claims starts or ends. */
export function timeSegments(claims: readonly Claim[], at: Seconds): TimeSegment[] {
  const timetables = [...new Set(claims.flatMap(({ timetable }) => timetable ?? []))]
  const hours = [...new Set(timetables.map(({ text }) => text))].join('; ')
  const switches = claims.flatMap(({ from, until }) => [from, until])
  const later = [...new Set(switches.filter(it => it > at && it !== Infinity))]
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

/** A week of turns, and another one half a year later, when clocks have been set. */
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
