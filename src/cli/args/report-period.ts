import { epochSeconds, systemClock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { PeriodKind } from '../../analysis/report/questions/periodic.js'
import { readInstant, shiftDays, showTime, startOfDay } from '../../base/time/instant.js'
import { usageError } from '../exit.js'
import type { Day, Period } from './period-options.js'

/** Words for the current period and for the last complete one. */
const WORDS: Readonly<Record<PeriodKind, readonly [current: string, last: string]>> = {
  daily: ['today', 'yesterday'],
  weekly: ['this-week', 'last-week'],
  monthly: ['this-month', 'last-month']
}

const HOUR: Milliseconds = 3_600_000

/** The period of a report, and the start of the one before. */
export interface ReportPeriod extends Day {
  readonly previous: Milliseconds
}

/**
 * The period that a word names, or that starts at `since`, or ends at `until`; without all of them, the last
 * complete one. A week begins on Monday (ISO 8601).
 *
 * @param now the time that `today` is of
 */
export function reportPeriod(
  kind: PeriodKind,
  { since, until }: Period,
  timeZone: string,
  now: Milliseconds = epochSeconds(systemClock) * MS_PER_SECOND
): ReportPeriod {
  const shift = (at: Milliseconds, count: number): Milliseconds =>
    shiftPeriods(kind, at, count, timeZone)
  const start =
    since ?? (until === undefined ? shift(startOf(kind, now, timeZone), -1) : shift(until, -1))
  const end = shift(start, 1)
  // A local day may be an hour shorter or longer, when clocks change.
  if (since !== undefined && until !== undefined && Math.abs(until - end) > HOUR) {
    const one = { daily: 'day', weekly: 'week', monthly: 'month' }[kind]
    usageError(
      `report ${kind}: give one ${one}, by --since or --until; for others use report --by day`
    )
  }
  return { since: start, until: until ?? end, previous: shift(start, -1) }
}

/** The period that a word such as `today` names. */
export function namedPeriod(kind: PeriodKind, word: string, timeZone: string): Day {
  const [current, last] = WORDS[kind]
  if (word !== current && word !== last) {
    usageError(
      `report ${kind}: ${word} is not ${current} or ${last}; for others use --since or --until`
    )
  }
  const now = epochSeconds(systemClock) * MS_PER_SECOND
  const since = startOf(kind, now, timeZone)
  const until = shiftPeriods(kind, since, 1, timeZone)
  return word === current
    ? { since, until }
    : { since: shiftPeriods(kind, since, -1, timeZone), until: since }
}

/** The start of the day, week or month that contains an instant. */
function startOf(kind: PeriodKind, at: Milliseconds, timeZone: string): Milliseconds {
  const day = startOfDay(at, timeZone)
  const date = showTime(day, timeZone).slice(0, 10)
  if (kind === 'daily') return day
  if (kind === 'monthly') return readInstant(`${date.slice(0, 8)}01`, timeZone)! * MS_PER_SECOND
  const weekday = (new Date(date).getUTCDay() + 6) % 7
  return shiftDays(day, -weekday, timeZone)
}

/** The same local time so many days, weeks or months later; of a shorter month, its last day. */
function shiftPeriods(
  kind: PeriodKind,
  at: Milliseconds,
  count: number,
  timeZone: string
): Milliseconds {
  if (kind !== 'monthly') return shiftDays(at, kind === 'daily' ? count : 7 * count, timeZone)
  const local = new Date(`${showTime(at, timeZone).slice(0, 23)}Z`)
  const [year, month] = [local.getUTCFullYear(), local.getUTCMonth() + count]
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const target = Date.UTC(year, month, Math.min(local.getUTCDate(), lastDay))
  const days = Math.round((target - Date.parse(local.toISOString().slice(0, 10))) / (24 * HOUR))
  return shiftDays(at, days, timeZone)
}
