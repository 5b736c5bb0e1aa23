import { readSpan } from './span.js'

/** What lookups can be chosen by; each at most once in a search. */
export const FILTERS = [
  'name',
  'client',
  'device',
  'network',
  'app',
  'list',
  'ban',
  'type',
  'verdict',
  'dnssec',
  'transport',
  'since',
  'until'
] as const
export type FilterName = (typeof FILTERS)[number]
export type Filters = Readonly<Partial<Record<FilterName, string>>>

/** The filters in the address of the page. */
export function filtersIn(parameters: URLSearchParams): Filters {
  return Object.fromEntries(
    FILTERS.flatMap(name => {
      const value = parameters.get(name)
      return value === null || value === '' ? [] : [[name, value]]
    })
  )
}

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)(?:\/\d{1,3})?$/i

/**
 * What a person has typed: `app:tiktok` names the filter, an address or prefix is a client, anything else a name.
 * Undefined: nothing.
 */
export function parseFilter(text: string): readonly [FilterName, string] | undefined {
  const trimmed = text.trim()
  const [, name = '', value = ''] = /^([a-z]+):\s*(\S.*)$/i.exec(trimmed) ?? []
  const known = FILTERS.find(one => one === name.toLowerCase())
  if (known !== undefined) return [known, value.trim()]
  if (trimmed === '') return undefined
  return [ADDRESS.test(trimmed) ? 'client' : 'name', trimmed.replace(/\.$/, '')]
}

/**
 * The parameters of a search. Times may be spans before now, such as `24h`, which the API does not take.
 *
 * @param now milliseconds of Unix time
 */
export function searchQuery(filters: Filters, now: number): Record<string, string | undefined> {
  const time = (text: string | undefined): string | undefined => {
    if (text === undefined) return undefined
    const span = readSpan(text)
    return span === undefined ? text : `${new Date(now - span).toISOString().slice(0, 19)}Z`
  }
  return { ...filters, since: time(filters.since), until: time(filters.until) }
}

/** The parameters of the stream, which has lookups of now only, and by default just those that a rule matched. */
export function streamQuery(filters: Filters): Filters {
  const own = Object.entries(filters).filter(([name]) => !/^(since|until)$/.test(name))
  return { verdict: 'all', ...Object.fromEntries(own) }
}
