import { offsetAt, shiftDays, startOfDay } from '../../base/time/instant.js'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import { filterConditions } from '../../lookups/sql/filter-condition.js'
import { quoted } from '../../lookups/sql/lookups-sql.js'
import { timeConditions } from '../../lookups/sql/time-range.js'
import { readPattern } from '../../policy/rules/model/pattern.js'

/** Names that are compared: those that the ban has matched most often. */
export const MAX_ENTRIES = 100
const DAYS_PER_WEEK = 7

/** Whole local days around the start of a ban. */
export interface EffectDays {
  /** When each day begins, and when the last one ends. */
  readonly before: readonly Milliseconds[]
  readonly after: readonly Milliseconds[]
}

/** The weeks before a start and after it; of those after it, whole days that have passed. */
export function effectDays(
  start: Milliseconds,
  weeks: number,
  now: Milliseconds,
  timeZone: string
): EffectDays {
  const day = startOfDay(start, timeZone)
  const first = day === start ? day : shiftDays(day, 1, timeZone)
  const days = weeks * DAYS_PER_WEEK
  const before = Array.from({ length: days + 1 }, (_, i) => shiftDays(day, i - days, timeZone))
  const after = Array.from({ length: days + 1 }, (_, i) => shiftDays(first, i, timeZone))
  return { before, after: after.filter(at => at <= now) }
}

/** Entries that a ban matched, the most frequent first. */
export function entriesSql(ban: string, since: Milliseconds, until: Milliseconds): string {
  const where = [
    ...timeConditions({ since, until }),
    `ban = ${quoted(ban)}`,
    `"match" = 'qname'`,
    '"pattern" IS NOT NULL'
  ]
  return `SELECT "pattern" AS entry, count(*) AS lookups FROM lookups WHERE ${where.join(' AND ')}
    GROUP BY entry ORDER BY lookups DESC, entry LIMIT ${MAX_ENTRIES + 1}`
}

const isPattern = (entry: string): boolean => {
  try {
    return readPattern(entry) !== undefined
  } catch {
    return false
  }
}

/** Lookups of names that the entries cover, by day. */
export function effectSql(entries: readonly string[], { before, after }: EffectDays): string {
  const names = entries.filter(isPattern)
  const matches = names.length === 0 ? 'false' : filterConditions({ name: names }).join()
  const bounds = [...before, ...after]
  const cases = bounds.slice(1).map((end, i) => {
    return `WHEN epoch_ms(time) < ${end} THEN ${i}`
  })
  const range = timeConditions({ since: bounds[0], until: bounds.at(-1) })
  return `SELECT CASE ${cases.join(' ')} END AS day,
    count(*) FILTER ((${matches}) AND verdict <> 'blocked') AS answered,
    count(*) FILTER ((${matches}) AND verdict = 'blocked') AS blocked,
    count(DISTINCT coalesce(device, client)) FILTER (${matches}) AS clients,
    count(*) FILTER (verdict NOT IN ('blocked', 'monitored', 'allowed')) AS others,
    count(*) AS lookups
    FROM lookups WHERE ${range.join(' AND ')} GROUP BY 1`
}

export interface EffectDay {
  /** When it began: RFC 3339. */
  readonly at: string
  /** 1 is Monday. */
  readonly weekday: number
  /** Null: not known. */
  readonly answered: number | null
  readonly blocked: number | null
  readonly clients: number | null
}

/** Means of the days that are known, by weekday; null: none is. */
export interface EffectWeekday {
  readonly weekday: number
  readonly before: number | null
  readonly answered: number | null
  readonly blocked: number | null
}

export interface Effect {
  readonly before: readonly EffectDay[]
  readonly after: readonly EffectDay[]
  readonly weekdays: readonly EffectWeekday[]
}

interface Row {
  readonly day: number
  readonly answered: number
  readonly blocked: number
  readonly clients: number
  readonly others: number
  readonly lookups: number
}

/**
 * A day before the ban is known only if the log has lookups of that day that no rule matched: with
 * `log.queries.which: bans` it had none of these names. A day after it is known if the log has any lookup.
 */
export function readEffect(
  rows: readonly Readonly<Record<string, unknown>>[],
  { before, after }: EffectDays,
  timeZone: string
): Effect {
  const byDay = new Map((rows as unknown as readonly Row[]).map(row => [row.day, row]))
  const read = (
    days: readonly Milliseconds[],
    offset: number,
    isKnown: (row: Row) => boolean
  ): EffectDay[] =>
    days.slice(0, -1).map((at, i) => {
      const row = byDay.get(offset + i)
      const known = row !== undefined && isKnown(row) ? row : undefined
      const { answered = null, blocked = null, clients = null } = known ?? {}
      const weekday = weekdayOf(at, timeZone)
      return { at: new Date(at).toISOString(), weekday, answered, blocked, clients }
    })
  const earlier = read(before, 0, ({ others }) => others > 0)
  // Between both is the day of the start, if it is not a whole one.
  const later = read(after, before.length, ({ lookups }) => lookups > 0)
  const weekdays = Array.from({ length: DAYS_PER_WEEK }, (_, i) => {
    const own = (days: readonly EffectDay[]) => days.filter(({ weekday }) => weekday === i + 1)
    return {
      weekday: i + 1,
      before: meanOf(own(earlier).map(({ answered }) => answered)),
      answered: meanOf(own(later).map(({ answered }) => answered)),
      blocked: meanOf(own(later).map(({ blocked }) => blocked))
    }
  })
  return { before: earlier, after: later, weekdays }
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter(value => value !== null)
  return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length
}

/** 1 January 1970 was a Thursday. */
function weekdayOf(at: Milliseconds, timeZone: string): number {
  const day = Math.floor((at + offsetAt(at, timeZone)) / MS_PER_DAY)
  return ((day + 3) % DAYS_PER_WEEK) + 1
}
