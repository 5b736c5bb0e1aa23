import { epochSeconds, systemClock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { dateHint } from '../../base/time/date-hint.js'
import { readInstant } from '../../base/time/instant.js'
import { usageError } from '../exit.js'

const UNITS: Readonly<Record<string, Milliseconds>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}
const EXPECTED = 'a span such as 7d (m, h, d, w), a date such as 2026-11-05, or a time (RFC 3339)'

export interface PeriodOptions {
  readonly since?: string | undefined
  readonly until?: string | undefined
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
