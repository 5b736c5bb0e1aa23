import { showName } from '../../dns/name/name.js'
import type { CatalogueApp } from '../../rules/apps/catalogue.js'
import { isPublicSuffix } from '../../rules/apps/public-suffix.js'
import { sharedZoneContaining, type SharedZone } from '../../rules/apps/shared-zones.js'
import { covers, readPattern } from '../../rules/model/pattern.js'

/** What apps are looked for. */
export interface Wanted {
  /** Words, an id, or a domain name; empty: all. */
  readonly search: string
  readonly vendor?: string
  readonly country?: string
  readonly role?: string
  readonly kind?: string
}

/** What is known of a domain name. */
export interface NameFound {
  readonly name: string
  /** The apps that claim it, each with the index of the name that does. */
  readonly claims: readonly { readonly app: CatalogueApp; readonly index: number }[]
  /** Whether it is shared: never banned whole. */
  readonly shared: SharedZone | undefined
  readonly isPublicSuffix: boolean
}

export interface Found {
  readonly apps: readonly CatalogueApp[]
  /** Where a domain name was looked for. */
  readonly name?: NameFound
}

/** Looks for apps; the ones that fit best come first. */
export function searchApps(all: readonly CatalogueApp[], wanted: Wanted): Found {
  const apps = all.filter(app => fits(app, wanted))
  const { search } = wanted
  if (search === '') return { apps }
  const exact = apps.find(({ entry }) => entry.app === search.toLowerCase())
  if (exact !== undefined) return { apps: [exact] }
  const name = /[^.\s]\.[^.\s]/.test(search) ? nameFound(apps, search) : undefined
  if (name !== undefined && name.claims.length > 0) {
    return { apps: [...new Set(name.claims.map(({ app }) => app))], name }
  }
  const ranked = apps.map(app => ({ app, rank: rankOf(app, search.toLowerCase()) }))
  const found = ranked.filter(({ rank }) => rank > 0).sort((a, b) => b.rank - a.rank)
  return { apps: found.map(({ app }) => app), ...(name && { name }) }
}

function fits({ entry }: CatalogueApp, { vendor, country, role, kind }: Wanted): boolean {
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

/** How well an app fits words, in lower case: by what it is called, whose it is, or a name of it. */
function rankOf({ entry }: CatalogueApp, words: string): number {
  const { app, title, vendor = '', country = '' } = entry
  if ([app, title].some(text => text.toLowerCase().includes(words))) return 4
  if (vendor.toLowerCase().includes(words)) return 3
  if (country.toLowerCase() === words) return 2
  return entry.names.some(({ name }) => showName(name.name).includes(words)) ? 1 : 0
}

function nameFound(apps: readonly CatalogueApp[], search: string): NameFound | undefined {
  const octets = readQuietly(search)
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

function readQuietly(search: string): Uint8Array | undefined {
  try {
    return readPattern(search)?.name
  } catch {
    return undefined
  }
}
