import { epochSeconds, systemClock } from '../../base/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { dateHint } from '../../rules/time/date-hint.js'
import { readInstant } from '../../rules/time/instant.js'
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

/** Dates and times without an offset are UTC, as in the log; a span counts back from now. */
export function parsePeriod({ since, until }: PeriodOptions): Period {
  const now = epochSeconds(systemClock) * MS_PER_SECOND
  const period = {
    ...(since === undefined ? {} : { since: parseTime('--since', since, now) }),
    ...(until === undefined ? {} : { until: parseTime('--until', until, now) })
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

/** The day that starts at `since` or ends at `until`; without both, the last complete UTC day. */
export function singleDay({ since, until }: Period): Day {
  if (since === undefined) {
    return until === undefined ? namedDay('yesterday') : { since: until - DAY, until }
  }
  const end = until ?? since + DAY
  // A local day may be an hour shorter or longer, when clocks change.
  if (Math.abs(end - since - DAY) > UNITS.h!) {
    usageError('report daily: give one day, by --since or --until; for more use report --by day')
  }
  return { since, until: end }
}

/** The UTC day so far, or the last complete one. */
export function namedDay(word: 'today' | 'yesterday'): Day {
  const today = Math.floor((epochSeconds(systemClock) * MS_PER_SECOND) / DAY) * DAY
  const since = word === 'today' ? today : today - DAY
  return { since, until: since + DAY }
}

function parseTime(option: string, text: string, now: Milliseconds): Milliseconds {
  const span = /^(\d{1,6})([mhdw])$/.exec(text)
  if (span !== null) return now - Number(span[1]) * UNITS[span[2]!]!
  const instant = readInstant(text, 'UTC')
  return instant === undefined
    ? usageError(`${option}: ${text} is not ${EXPECTED}${dateHint(text)}`)
    : instant * MS_PER_SECOND
}
