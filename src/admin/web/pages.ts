import { spanTimes } from './explore-query.js'
import { readSpan } from './span.js'

/** The pages of the dashboard, in the order of the menu. */
export const PAGES = [
  { id: 'now', path: '/' },
  { id: 'why', path: '/why' },
  { id: 'log', path: '/log' },
  { id: 'explore', path: '/explore' },
  { id: 'threats', path: '/threats' },
  { id: 'bans', path: '/bans' },
  { id: 'bypass', path: '/bypass' },
  { id: 'change', path: '/change' },
  { id: 'reports', path: '/reports' },
  { id: 'gateways', path: '/gateways' },
  { id: 'system', path: '/system' }
] as const

export type PageId = (typeof PAGES)[number]['id']

/** The page at a path; undefined: there is none. */
export function pageAt(path: string): PageId | undefined {
  return PAGES.find(page => page.path === path)?.id
}

type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Path and query of a page. Parameters that are empty or undefined are left out. A span of lookups, such as `since=1h`,
 * becomes times, so that the link shows the same later.
 *
 * @param now milliseconds of Unix time
 */
export function urlOf(page: PageId, parameters: Parameters = {}, now = Date.now()): string {
  const { path } = PAGES.find(({ id }) => id === page)!
  const { since } = parameters
  const isMoving = typeof since === 'string' && readSpan(since) !== undefined
  const times =
    isMoving && /^(log|explore)$/.test(page) && !parameters.until ? spanTimes(since, now) : {}
  const all: Parameters = { ...parameters, ...times }
  const pairs = Object.entries(all).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : (value ?? []))
      .filter(one => one !== '')
      .map((one): [string, string] => [name, one])
  )
  const query = new URLSearchParams(pairs).toString()
  return query === '' ? path : `${path}?${query}`
}
