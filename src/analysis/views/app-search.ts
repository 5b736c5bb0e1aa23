import { showName } from '../../wire/dns/name/name.js'
import type { CatalogueApp } from '../../policy/rules/apps/catalogue.js'
import { isPublicSuffix } from '../../policy/rules/apps/public-suffix.js'
import { sharedZoneContaining, type SharedZone } from '../../policy/rules/apps/shared-zones.js'
import { covers, readPattern } from '../../policy/rules/model/pattern.js'

/** Which apps to find. */
export interface AppQuery {
  /** Words, an id, or a domain name; empty: all. */
  readonly search: string
  readonly vendor?: string
  readonly country?: string
  readonly role?: string
  readonly kind?: string
}

/** A domain name that was searched for. */
export interface NameMatch {
  readonly name: string
  /** Apps that claim it, each with the index of the name that covers it. */
  readonly claims: readonly { readonly app: CatalogueApp; readonly index: number }[]
  /** The shared infrastructure around it, which must never be banned as a whole. */
  readonly shared: SharedZone | undefined
  readonly isPublicSuffix: boolean
}

export interface AppSearchResult {
  readonly apps: readonly CatalogueApp[]
  /** If the search was for a domain name. */
  readonly name?: NameMatch
}

/** Finds apps; the best matches come first. */
export function searchApps(all: readonly CatalogueApp[], query: AppQuery): AppSearchResult {
  const apps = all.filter(app => matchesFilters(app, query))
  const { search } = query
  if (search === '') return { apps }
  const exact = apps.find(({ entry }) => entry.app === search.toLowerCase())
  if (exact !== undefined) return { apps: [exact] }
  const name = /[^.\s]\.[^.\s]/.test(search) ? matchName(apps, search) : undefined
  if (name !== undefined && name.claims.length > 0) {
    return { apps: [...new Set(name.claims.map(({ app }) => app))], name }
  }
  const ranked = apps.map(app => ({ app, rank: rankOf(app, search.toLowerCase()) }))
  const found = ranked.filter(({ rank }) => rank > 0).sort((a, b) => b.rank - a.rank)
  return { apps: found.map(({ app }) => app), ...(name && { name }) }
}

function matchesFilters(
  { entry }: CatalogueApp,
  { vendor, country, role, kind }: AppQuery
): boolean {
  return (
    isSame(entry.vendor, vendor) &&
    isSame(entry.country, country) &&
    isSame(entry.kind, kind) &&
    (role === undefined || entry.names.some(it => 'role' in it && it.role === role))
  )
}

function isSame(value: string | undefined, wanted: string | undefined): boolean {
  return wanted === undefined || value?.toLowerCase() === wanted.toLowerCase()
}

/** How well an app matches lower-case words: by title, vendor, country or domain name; 0: not at all. */
function rankOf({ entry }: CatalogueApp, query: string): number {
  const { app, title, vendor = '', country = '' } = entry
  if ([app, title].some(text => text.toLowerCase().includes(query))) return 4
  if (vendor.toLowerCase().includes(query)) return 3
  if (country.toLowerCase() === query) return 2
  return entry.names.some(({ name }) => showName(name.name).includes(query)) ? 1 : 0
}

function matchName(apps: readonly CatalogueApp[], search: string): NameMatch | undefined {
  const octets = parseName(search)
  if (octets === undefined) return undefined
  const claims = apps.flatMap(app =>
    app.entry.names.flatMap(({ name }, index) =>
      covers(name.cover, name.name, octets) ? [{ app, index }] : []
    )
  )
  const name = showName(octets)
  const shared = sharedZoneContaining(name)
  return { name, claims, shared, isPublicSuffix: isPublicSuffix(name) }
}

function parseName(search: string): Uint8Array | undefined {
  try {
    return readPattern(search)?.name
  } catch {
    return undefined
  }
}
