import { epochSeconds, systemClock } from '../../base/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { dateHint } from '../../rules/time/date-hint.js'
import { readInstant, shiftDays, startOfDay } from '../../rules/time/instant.js'
import { usageError } from '../exit.js'

const UNITS: Readonly<Record<string, Milliseconds>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}
const DAY = UNITS.d!
const EXPECTED = 'a span such as 7d (m, h, d, w), a date such as 2026-11-05, or a time (RFC 3339)'

export interface PeriodOptions {
  readonly since?: string
  readonly until?: string
}

export interface Period {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** Dates and times without an offset are in the time zone; a span counts back from now. */
export function parsePeriod({ since, until }: PeriodOptions, timeZone: string): Period {
  const now = epochSeconds(systemClock) * MS_PER_SECOND
  const period = {
    ...(since === undefined ? {} : { since: parseTime('--since', since, now, timeZone) }),
    ...(until === undefined ? {} : { until: parseTime('--until', until, now, timeZone) })
  }
  if (period.since !== undefined && period.until !== undefined && period.since >= period.until)
    usageError('--until must be later than --since')
  return period
}

/** A period with both ends. */
export interface Day {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

/** The day that starts at `since` or ends at `until`; without both, the last complete day. */
export function singleDay({ since, until }: Period, timeZone: string): Day {
  if (since === undefined) {
    if (until === undefined) return namedDay('yesterday', timeZone)
    return { since: shiftDays(until, -1, timeZone), until }
  }
  const end = until ?? shiftDays(since, 1, timeZone)
  // A local day may be an hour shorter or longer, when clocks change.
  if (Math.abs(end - since - DAY) > UNITS.h!) {
    usageError('report daily: give one day, by --since or --until; for more use report --by day')
  }
  return { since, until: end }
}

/** The day so far, or the last complete one. */
export function namedDay(word: 'today' | 'yesterday', timeZone: string): Day {
  const today = startOfDay(epochSeconds(systemClock) * MS_PER_SECOND, timeZone)
  const since = word === 'today' ? today : shiftDays(today, -1, timeZone)
  return { since, until: shiftDays(since, 1, timeZone) }
}

function parseTime(
  option: string,
  text: string,
  now: Milliseconds,
  timeZone: string
): Milliseconds {
  const span = /^(\d{1,6})([mhdw])$/.exec(text)
  if (span !== null) return now - Number(span[1]) * UNITS[span[2]!]!
  const instant = readInstant(text, timeZone)
  return instant === undefined
    ? usageError(`${option}: ${text} is not ${EXPECTED}${dateHint(text)}`)
    : instant * MS_PER_SECOND
}
