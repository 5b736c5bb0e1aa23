import type { Seconds } from '../../base/units.js'
import type { Schedule } from '../../rules/model/types.js'
import { zoneOffsets, type ZoneOffsets } from '../../rules/time/time-zone-offsets.js'

const WEEK: Seconds = 7 * 86_400
/** 1970 began on a Thursday: so much later than its week. */
const FIRST_OF_1970: Seconds = 3 * 86_400

/**
 * A schedule with nothing left to ask a calendar for. It is in force whenever clocks on the wall
 * show a time of it: when they are set back, an hour that comes twice counts twice, and one that
 * they leave out does not come.
 */
export interface Timetable {
  /** For people. */
  readonly text: string
  readonly weeks: readonly WeekTable[]
}

interface WeekTable {
  readonly offsets: ZoneOffsets
  /** As `Schedule` has them. */
  readonly bounds: readonly Seconds[]
}

export function buildTimetable({ text, weeks }: Schedule): Timetable {
  return { text, weeks: weeks.map(({ zone, bounds }) => ({ offsets: zoneOffsets(zone), bounds })) }
}

export function isActive({ weeks }: Timetable, now: Seconds): boolean {
  return weeks.some(week => isActiveIn(week, now))
}

/** Until when, at least, it stays as it is: after `now`. */
export function unchangedUntil({ weeks }: Timetable, now: Seconds): Seconds {
  return Math.min(...weeks.map(week => nextChangeIn(week, now)))
}

function isActiveIn({ offsets, bounds }: WeekTable, now: Seconds): boolean {
  const time = timeOfWeek(offsets, now)
  return bounds.filter(bound => bound <= time).length % 2 === 1
}

/** The next beginning or end, unless clocks are set before. */
function nextChangeIn({ offsets, bounds }: WeekTable, now: Seconds): Seconds {
  const time = timeOfWeek(offsets, now)
  const next = bounds.find(bound => bound > time) ?? WEEK + bounds[0]!
  const set = offsets.since[offsetIndexAt(offsets, now) + 1] ?? Infinity
  return Math.min(now + next - time, set)
}

/** What clocks show, in seconds since Monday 00:00. */
function timeOfWeek(offsets: ZoneOffsets, now: Seconds): Seconds {
  const local = now + offsets.ahead[Math.max(0, offsetIndexAt(offsets, now))]!
  return (((local + FIRST_OF_1970) % WEEK) + WEEK) % WEEK
}

/** Which of the offsets holds; -1: the time is before all of them. */
function offsetIndexAt({ since }: ZoneOffsets, now: Seconds): number {
  return since.findLastIndex(instant => instant <= now)
}
