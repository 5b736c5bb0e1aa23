import type { Ban, Exception } from './api/types/rule-responses.js'

/** A date of a ban or exception. */
export interface CalendarEvent {
  /** RFC 3339. */
  readonly at: string
  readonly id: string
  readonly kind: 'ban' | 'exception'
  readonly what: 'starts' | 'ends' | 'review'
}

/** All dates of bans and exceptions, by time. */
export function eventsOf(bans: readonly Ban[], exceptions: readonly Exception[]): CalendarEvent[] {
  const event = (
    at: string | null,
    id: string,
    kind: CalendarEvent['kind'],
    what: CalendarEvent['what']
  ): CalendarEvent[] => (at === null ? [] : [{ at, id, kind, what }])
  return [
    ...bans.flatMap(({ id, from, until, review }) => [
      ...event(from, id, 'ban', 'starts'),
      ...event(until, id, 'ban', 'ends'),
      ...event(review, id, 'ban', 'review')
    ]),
    ...exceptions.flatMap(({ id, from, until }) => [
      ...event(from, id, 'exception', 'starts'),
      ...event(until, id, 'exception', 'ends')
    ])
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
}

export interface Month {
  readonly year: number
  /** 0: January. */
  readonly month: number
}

export interface Day {
  readonly day: number
  /** Whether it belongs to the month, not to the one before or after. */
  readonly isInside: boolean
  readonly isToday: boolean
  readonly events: readonly CalendarEvent[]
}

/**
 * The weeks of a month, each from Monday. ISO 8601
 *
 * @param dayOf the day of a time, as `2026-11-27`, in the time zone of the rules
 */
export function weeksOf(
  { year, month }: Month,
  events: readonly CalendarEvent[],
  today: string,
  dayOf: (at: string) => string
): Day[][] {
  const byDay = new Map<string, CalendarEvent[]>()
  for (const event of events) {
    const key = dayOf(event.at)
    byDay.set(key, [...(byDay.get(key) ?? []), event])
  }
  const before = (new Date(Date.UTC(year, month, 1)).getUTCDay() + 6) % 7
  const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const weeks = Math.ceil((before + days) / 7)
  return Array.from({ length: weeks }, (_, week) =>
    Array.from({ length: 7 }, (__, weekday) => {
      const date = new Date(Date.UTC(year, month, 7 * week + weekday - before + 1))
      const key = date.toISOString().slice(0, 10)
      return {
        day: date.getUTCDate(),
        isInside: date.getUTCMonth() === month,
        isToday: key === today,
        events: byDay.get(key) ?? []
      }
    })
  )
}

export function monthAfter({ year, month }: Month, by: number): Month {
  const date = new Date(Date.UTC(year, month + by, 1))
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() }
}
