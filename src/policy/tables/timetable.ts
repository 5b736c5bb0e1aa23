import type { Seconds } from '../../base/units.js'
import type { Schedule } from '../rules/model/types.js'
import { zoneOffsets, type ZoneOffsets } from '../../base/time/time-zone-offsets.js'

const WEEK: Seconds = 7 * 86_400
/** 1 January 1970 was a Thursday: time since the Monday of that week. */
const EPOCH_SINCE_MONDAY: Seconds = 3 * 86_400

/**
 * A schedule with time zone offsets already looked up, so that no calendar is needed. It is active
 * by local wall-clock time: when clocks are set back, the repeated hour is active both times; when
 * they are set forward, the skipped hour does not occur.
 */
export interface Timetable {
  /** Human-readable. */
  readonly text: string
  readonly weeks: readonly WeekTable[]
}

interface WeekTable {
  readonly offsets: ZoneOffsets
  /** As in `Schedule`: starts and ends in turn, in seconds since Monday 00:00. */
  readonly bounds: readonly Seconds[]
}

export function buildTimetable({ text, weeks }: Schedule): Timetable {
  return { text, weeks: weeks.map(({ zone, bounds }) => ({ offsets: zoneOffsets(zone), bounds })) }
}

export function isActive({ weeks }: Timetable, now: Seconds): boolean {
  return weeks.some(week => isActiveIn(week, now))
}

/** A time after `now` until which the timetable does not change between active and inactive. */
export function unchangedUntil({ weeks }: Timetable, now: Seconds): Seconds {
  return Math.min(...weeks.map(week => nextChangeIn(week, now)))
}

function isActiveIn({ offsets, bounds }: WeekTable, now: Seconds): boolean {
  const time = timeOfWeek(offsets, now)
  return bounds.filter(bound => bound <= time).length % 2 === 1
}

/** The next start or end, or the next change of the time zone's offset if that is earlier. */
function nextChangeIn({ offsets, bounds }: WeekTable, now: Seconds): Seconds {
  const time = timeOfWeek(offsets, now)
  const next = bounds.find(bound => bound > time) ?? WEEK + bounds[0]!
  const offsetChange = offsets.since[offsetIndexAt(offsets, now) + 1] ?? Infinity
  return Math.min(now + next - time, offsetChange)
}

/** Local time in seconds since Monday 00:00. */
function timeOfWeek(offsets: ZoneOffsets, now: Seconds): Seconds {
  const local = now + offsets.ahead[Math.max(0, offsetIndexAt(offsets, now))]!
  return (((local + EPOCH_SINCE_MONDAY) % WEEK) + WEEK) % WEEK
}

/** Index of the offset that applies; -1: the time is before the first one. */
function offsetIndexAt({ since }: ZoneOffsets, now: Seconds): number {
  return since.findLastIndex(instant => instant <= now)
}
