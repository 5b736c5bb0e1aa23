import type { FilterName, Filters } from './log-filter.js'
import { searchQuery } from './log-filter.js'
import { wholeSecond } from './locale-format.js'

/** What groups of lookups can be shown by, in the order of the page. */
export const GROUPS = ['app', 'list', 'ban', 'network', 'client', 'name', 'verdict'] as const
export type Group = (typeof GROUPS)[number]

export const isGroup = (text: string): text is Group => GROUPS.some(one => one === text)

/** In absolute times. */
export interface Period {
  readonly since: string
  readonly until: string
}

/** The filters with absolute times, so that a link shows the same later. @param now milliseconds of Unix time */
export function absolute(
  filters: Filters,
  now: number
): Filters & { since: string; until: string } {
  const until = filters.until ?? wholeSecond(new Date(now).toISOString())
  const { since } = searchQuery({ since: filters.since ?? '24h' }, Date.parse(until))
  return { ...filters, since: since!, until }
}

/** The times of a span that ends now, as a link has them. @param span '': no times */
export function spanTimes(span: string, now: number): Partial<Period> {
  if (span === '') return {}
  const { since, until } = absolute({ since: span }, now)
  return { since, until }
}

/** The filters for one group: a name alone, without those below it. */
export function withGroup(filters: Filters, by: FilterName, key: string): Filters {
  return { ...filters, [by]: by === 'name' ? `=${key}` : key }
}

/** Half the period, twice it, or the one before or after it. */
export function moved(
  { since, until }: { readonly since: string; readonly until: string },
  how: 'earlier' | 'later' | 'closer' | 'wider'
): { readonly since: string; readonly until: string } {
  const [from, to] = [Date.parse(since), Date.parse(until)]
  const length = to - from
  const [start, end] = {
    earlier: [from - length, from],
    later: [to, to + length],
    closer: [from + length / 4, to - length / 4],
    wider: [from - length / 2, to + length / 2]
  }[how] as [number, number]
  return periodOf(start, Math.max(end, start + 1_000))
}

/** Whole seconds of at least one. */
export function periodOf(
  from: number,
  to: number
): { readonly since: string; readonly until: string } {
  const since = Math.floor(from / 1_000) * 1_000
  const until = Math.max(Math.ceil(to / 1_000) * 1_000, since + 1_000)
  return {
    since: wholeSecond(new Date(since).toISOString()),
    until: wholeSecond(new Date(until).toISOString())
  }
}
