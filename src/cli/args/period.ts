import { epochSeconds, systemClock } from '../../base/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { readInstant } from '../../rules/time/instant.js'
import { usage } from '../exit.js'

const MS: Readonly<Record<string, Milliseconds>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}
const DAY = MS.d!
const WANTED = 'a span such as 7d (m, h, d, w), a date such as 2026-11-05, or a time (RFC 3339)'

export interface PeriodOptions {
  readonly since?: string
  readonly until?: string
}

export interface Period {
  readonly since?: Milliseconds | undefined
  readonly until?: Milliseconds | undefined
}

/** Dates and times without an offset are UTC, as in the log; a span is so long ago. */
export function readPeriod({ since, until }: PeriodOptions): Period {
  const now = epochSeconds(systemClock) * MS_PER_SECOND
  const period = {
    ...(since === undefined ? {} : { since: read('--since', since, now) }),
    ...(until === undefined ? {} : { until: read('--until', until, now) })
  }
  if (period.since !== undefined && period.until !== undefined && period.since >= period.until) {
    usage('--until: wanted a time after --since')
  }
  return period
}

/** The day that begins with `since` or ends with `until`; without both, the last whole day, in UTC. */
export function dayOf({ since, until }: Period): { since: Milliseconds; until: Milliseconds } {
  const now = epochSeconds(systemClock) * MS_PER_SECOND
  if (since === undefined) {
    const end = until ?? Math.floor(now / DAY) * DAY
    return { since: end - DAY, until: end }
  }
  const end = until ?? since + DAY
  // A day on which clocks are changed.
  if (Math.abs(end - since - DAY) > MS.h!) {
    usage('report daily: wanted one day, by --since or --until alone; more: report --by day')
  }
  return { since, until: end }
}

function read(option: string, text: string, now: Milliseconds): Milliseconds {
  const span = /^(\d{1,6})([mhdw])$/.exec(text)
  if (span !== null) return now - Number(span[1]) * MS[span[2]!]!
  const instant = readInstant(text, 'UTC')
  return instant === undefined
    ? usage(`${option}: ${text} is not ${WANTED}`)
    : instant * MS_PER_SECOND
}
