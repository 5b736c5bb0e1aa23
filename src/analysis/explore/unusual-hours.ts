import { offsetAt } from '../../base/time/instant.js'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import { timeConditions } from '../../lookups/sql/time-range.js'

const HOUR: Milliseconds = 3_600_000
const HOURS_PER_WEEK = 168
/** Fewer earlier weeks say nothing about what is usual. */
export const MIN_WEEKS = 3
/** An hour is unusual so many standard deviations from the mean. */
const DEVIATIONS = 3
/** Smaller differences are nobody's concern. */
const MIN_DIFFERENCE = 10

export interface HoursQuery {
  /** Up to the last whole hour before it. */
  readonly until: Milliseconds
  readonly hours: number
  /** Earlier weeks to compare with. */
  readonly weeks: number
  /** SQL conditions of the filters. */
  readonly conditions: readonly string[]
  readonly timeZone: string
}

/** An hour, compared with the same weekday and hour of earlier weeks, in local time. */
export interface ComparedHour {
  /** When it began: RFC 3339. */
  readonly at: string
  readonly lookups: number
  /** Earlier weeks that the log knows of. */
  readonly weeks: number
  /** Of these; null: not known, since there are fewer than `needed`. */
  readonly mean: number | null
  /** Standard deviation. */
  readonly spread: number | null
  readonly unusual: 'more' | 'fewer' | null
}

interface Hours {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

/** The hours that are read: those of earlier weeks first. */
export function hoursRead({ until, hours, weeks, timeZone }: HoursQuery): Hours {
  const part = offsetAt(until, timeZone) % HOUR
  const end = Math.floor((until + part) / HOUR) * HOUR - part
  // An hour more on both sides of a week in which the offset changes.
  return { since: end - (hours + 1) * HOUR - weeks * 7 * MS_PER_DAY, until: end }
}

export function hoursSql(query: HoursQuery, { since, until }: Hours): string {
  const matches = query.conditions.length === 0 ? 'true' : query.conditions.join(' AND ')
  return `SELECT ((epoch_ms(time) - (${since})) // ${HOUR})::INTEGER AS hour,
    count(*) FILTER (${matches}) AS lookups
    FROM lookups WHERE ${timeConditions({ since, until }).join(' AND ')} GROUP BY 1`
}

/**
 * Compares the last hours. An earlier hour without any lookup in the whole log is left out, since the log cannot tell
 * silence from a gateway that was off; so is a local hour that a change of the offset repeats or skips.
 */
export function compareHours(
  rows: readonly Readonly<Record<string, unknown>>[],
  { hours, weeks, timeZone }: HoursQuery,
  { since, until }: Hours
): readonly ComparedHour[] {
  const counts = new Map(
    (rows as unknown as readonly { hour: number; lookups: number }[]).map(({ hour, lookups }) => [
      hour,
      lookups
    ])
  )
  const local = (at: Milliseconds): number => Math.floor((at + offsetAt(at, timeZone)) / HOUR)
  const starts = Array.from({ length: (until - since) / HOUR }, (_, i) => since + i * HOUR)
  const byLocal = new Map<number, Milliseconds[]>()
  for (const at of starts) byLocal.set(local(at), [...(byLocal.get(local(at)) ?? []), at])
  const countAt = (localHour: number): number | undefined => {
    const [at, ...more] = byLocal.get(localHour) ?? []
    return at === undefined || more.length > 0 ? undefined : counts.get((at - since) / HOUR)
  }
  return starts.slice(-hours).map(at => {
    const lookups = counts.get((at - since) / HOUR) ?? 0
    const earlier = Array.from({ length: weeks }, (_, i) =>
      countAt(local(at) - (i + 1) * HOURS_PER_WEEK)
    ).filter(one => one !== undefined)
    return { at: new Date(at).toISOString(), lookups, ...compared(lookups, earlier) }
  })
}

function compared(
  lookups: number,
  earlier: readonly number[]
): Pick<ComparedHour, 'weeks' | 'mean' | 'spread' | 'unusual'> {
  const weeks = earlier.length
  if (weeks < MIN_WEEKS) return { weeks, mean: null, spread: null, unusual: null }
  const mean = earlier.reduce((sum, one) => sum + one, 0) / weeks
  const spread = Math.sqrt(earlier.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (weeks - 1))
  // Few weeks may agree by chance: counts of independent events spread at least as the root of their mean.
  const usual = Math.max(MIN_DIFFERENCE, DEVIATIONS * Math.max(spread, Math.sqrt(mean)))
  const difference = lookups - mean
  const unusual = Math.abs(difference) <= usual ? null : difference > 0 ? 'more' : 'fewer'
  return { weeks, mean, spread, unusual }
}
