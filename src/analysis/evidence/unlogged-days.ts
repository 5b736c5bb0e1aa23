import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import type { Day } from '../../lookups/files/log-layout.js'
import type { Segment } from './rule-segments.js'

interface Period {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

/**
 * Days (UTC) in the period of which the centre has no lookups of a gateway.
 *
 * @param chained what its unaltered chain covers, from the day of its first line to the newest day of lookups: other days
 *   in between had none, and are left out. Undefined: there is no such chain
 */
export function unloggedDays(
  { since, until }: Period,
  logged: ReadonlySet<Day>,
  chained: { readonly from: Day; readonly to: Day } | undefined
): Day[] {
  const days: Day[] = []
  for (let at = since - (since % MS_PER_DAY); at < until; at += MS_PER_DAY) {
    const day = new Date(at).toISOString().slice(0, 10)
    const wasQuiet = chained !== undefined && chained.from <= day && day < chained.to
    if (!logged.has(day) && !wasQuiet) days.push(day)
  }
  return days
}

/**
 * Makes of these days what is known without lookups: nothing, even where the history of rules says what was in force. What
 * lookups of other days show stays.
 */
export function withoutLog(
  segments: readonly Segment[],
  days: readonly Day[],
  why: string
): Segment[] {
  const unlogged = new Set(days.map(day => Date.parse(day)))
  return segments.flatMap((segment): Segment[] => {
    const isLogged = segment.kind === 'rules' && segment.isRecorded !== true
    if (isLogged || segment.kind === 'restart' || segment.kind === 'change') return [segment]
    const { gateway, from, until } = segment
    const parts: Segment[] = []
    for (let at = from; at < until;) {
      const day = at - (at % MS_PER_DAY)
      const end = Math.min(until, day + MS_PER_DAY)
      const part = { gateway, from: at, until: end }
      const content = unlogged.has(day) ? ({ kind: 'unknown', why } as const) : segment
      const last = parts.at(-1)
      if (last !== undefined && isSame(last, content))
        parts[parts.length - 1] = { ...last, until: end }
      else parts.push({ ...content, ...part })
      at = end
    }
    return parts
  })
}

/** Both are parts of the same segment, so their kinds and reasons tell them apart. */
const isSame = (one: Segment, other: { readonly kind: string; readonly why?: string }): boolean =>
  one.kind === other.kind && (one.kind !== 'unknown' || one.why === other.why)

/** `2026-11-10 to 2026-11-12, 2026-11-14`. @param most ranges that are named */
export function dayRanges(days: readonly Day[], most: number): string {
  const ranges: { first: Day; last: Day; days: number }[] = []
  for (const day of days) {
    const range = ranges.at(-1)
    if (range !== undefined && Date.parse(day) - Date.parse(range.last) === MS_PER_DAY) {
      range.last = day
      range.days++
    } else ranges.push({ first: day, last: day, days: 1 })
  }
  const texts = ranges.slice(0, most).map(({ first, last }) => {
    return first === last ? first : `${first} to ${last}`
  })
  const more = ranges.slice(most).reduce((sum, one) => sum + one.days, 0)
  return `${texts.join(', ')}${more === 0 ? '' : ` and ${more} more days`}`
}
