import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { ReportTime } from '../../settings/report-config.js'
import { readInstant, shiftDays, showTime, startOfDay } from '../../../base/time/instant.js'

/** Days in which every report is due at least once. */
const SPAN = 32

/** The last time at or before `now` at which a report was due. */
export function lastDue(at: ReportTime, now: Milliseconds, timeZone: string): Milliseconds {
  return dueTimes(at, now, timeZone).findLast(due => due <= now)!
}

/** The next time after `now` at which a report is due. */
export function nextDue(at: ReportTime, now: Milliseconds, timeZone: string): Milliseconds {
  return dueTimes(at, now, timeZone).find(due => due > now)!
}

/** The times around `now` at which a report is due. A time that clocks skip is read as `readInstant` says. */
function dueTimes(
  { weekday, monthDay, clock }: ReportTime,
  now: Milliseconds,
  timeZone: string
): Milliseconds[] {
  const today = startOfDay(now, timeZone)
  const times: Milliseconds[] = []
  for (let days = -SPAN; days <= SPAN; days++) {
    const date = showTime(shiftDays(today, days, timeZone), timeZone).slice(0, 10)
    const isDay =
      (weekday === undefined || (new Date(date).getUTCDay() + 6) % 7 === weekday) &&
      (monthDay === undefined || Number(date.slice(8)) === monthDay)
    if (isDay) times.push(readInstant(`${date}T${clock}`, timeZone)! * MS_PER_SECOND)
  }
  return times
}
