import { MS_PER_DAY, MS_PER_SECOND, type Seconds } from '../../base/units.js'
import { registrableDomain } from '../rules/apps/public-suffix.js'

/** An answer for a name that is not banned in a network has an address. */
export interface Sighting {
  readonly network: string
  /** Canonical text. */
  readonly address: string
  /** Canonical text. */
  readonly name: string
  /** Anything that is the same for the same client; undefined: no client asked. */
  readonly client: string | undefined
  /** The app of the catalogue that has the name; undefined: none. */
  readonly app: string | undefined
}

/** Why an address counts as shared. */
export interface SharedReason {
  /** `catalogue` an app of the catalogue has it; `use` several clients use it by names of several domains */
  readonly why: 'catalogue' | 'use'
  /** The names that show it, at most a few. */
  readonly names: readonly string[]
  readonly since: Seconds
  /** When it no longer counts, unless the address is seen again. */
  readonly until: Seconds
}

interface Seen {
  catalogue: { names: Set<string>; since: Seconds; last: Seconds } | undefined
  readonly clients: Map<string, Seconds>
  readonly domains: Map<string, { readonly name: string; readonly at: Seconds }>
  shared: { since: Seconds; last: Seconds } | undefined
}

/** A shared address as JSON. */
export interface SavedSighting {
  readonly key: string
  readonly catalogue?: { names: string[]; since: Seconds; last: Seconds } | undefined
  readonly domains: [string, { readonly name: string; readonly at: Seconds }][]
  readonly shared?: { since: Seconds; last: Seconds } | undefined
}

/** So many clients, and so many registrable domains, make an address a shared one. */
const LEAST_CLIENTS = 3
const LEAST_DOMAINS = 2
/** How long a sighting counts. */
export const SIGHTING_LIFE: Seconds = (7 * MS_PER_DAY) / MS_PER_SECOND
/** Sightings of addresses that are kept; the oldest make room. */
const MAX_SIGHTED = 131_072
const MAX_NAMES = 4

/**
 * Addresses that names which are not banned have. Anyone can point a domain at the address of a banned app, so it takes more than
 * one such name: a name of the catalogue, or three clients and two registrable domains.
 */
export class SightedAddresses {
  private readonly seen = new Map<string, Seen>()

  /** Returns whether the address is shared now. */
  add({ network, address, name, client, app }: Sighting, now: Seconds): boolean {
    const key = `${network} ${address}`
    const seen: Seen = this.seen.get(key) ?? emptySeen()
    // To the end, so that the first is the one that was not seen for longest.
    this.seen.delete(key)
    this.seen.set(key, seen)
    if (this.seen.size > MAX_SIGHTED) this.seen.delete(this.seen.keys().next().value!)
    if (app !== undefined) addCatalogueName(seen, name, now)
    if (client !== undefined) addUse(seen, name, client, now)
    return reasonOf(seen, now) !== undefined
  }

  /** Undefined: it is not shared. */
  reason(network: string, address: string, now: Seconds): SharedReason | undefined {
    const seen = this.seen.get(`${network} ${address}`)
    return seen && reasonOf(seen, now)
  }

  /** The addresses that are shared, to be kept over a restart: no clients. */
  save(): SavedSighting[] {
    const all = [...this.seen].filter(([, seen]) => seen.catalogue ?? seen.shared)
    return all.map(([key, { catalogue, domains, shared }]) => ({
      key,
      catalogue: catalogue && { ...catalogue, names: [...catalogue.names] },
      domains: [...domains],
      shared
    }))
  }

  /** Adds what was saved. */
  load(saved: readonly SavedSighting[]): void {
    for (const { key, catalogue, domains, shared } of saved)
      this.seen.set(key, {
        catalogue: catalogue && { ...catalogue, names: new Set(catalogue.names) },
        clients: new Map(),
        domains: new Map(domains),
        shared
      })
  }

  /** Drops what names show that are banned by now. */
  retain(network: string, address: string, isBanned: (name: string) => boolean): void {
    const seen = this.seen.get(`${network} ${address}`)
    if (seen === undefined) return
    const { catalogue, domains } = seen
    for (const name of catalogue?.names ?? []) if (isBanned(name)) catalogue!.names.delete(name)
    if (catalogue?.names.size === 0) seen.catalogue = undefined
    for (const [domain, { name }] of domains) if (isBanned(name)) domains.delete(domain)
    if (domains.size < LEAST_DOMAINS) seen.shared = undefined
  }

  /** Each of these networks begins with what another one has seen. @param sources by network */
  copy(sources: ReadonlyMap<string, string>): void {
    if (sources.size === 0) return
    const wanted = new Map<string, string[]>()
    for (const [to, from] of sources) wanted.set(from, [...(wanted.get(from) ?? []), to])
    for (const [key, { catalogue, clients, domains, shared }] of [...this.seen]) {
      const space = key.lastIndexOf(' ')
      for (const to of wanted.get(key.slice(0, space)) ?? [])
        this.seen.set(to + key.slice(space), {
          catalogue: catalogue && { ...catalogue, names: new Set(catalogue.names) },
          clients: new Map(clients),
          domains: new Map(domains),
          shared: shared && { ...shared }
        })
    }
  }

  expire(now: Seconds): void {
    for (const [key, seen] of this.seen) {
      dropOld(seen, now)
      const isEmpty = seen.clients.size === 0 && seen.domains.size === 0
      if (isEmpty && reasonOf(seen, now) === undefined) this.seen.delete(key)
    }
  }
}

const emptySeen = (): Seen => ({
  catalogue: undefined,
  clients: new Map(),
  domains: new Map(),
  shared: undefined
})

function addCatalogueName(seen: Seen, name: string, now: Seconds): void {
  seen.catalogue ??= { names: new Set(), since: now, last: now }
  seen.catalogue.last = now
  if (seen.catalogue.names.size < MAX_NAMES) seen.catalogue.names.add(name)
}

/** Counts only until the address is shared: from then on each use keeps it so. */
function addUse(seen: Seen, name: string, client: string, now: Seconds): void {
  dropOld(seen, now)
  if (seen.clients.has(client) || seen.clients.size < LEAST_CLIENTS) seen.clients.set(client, now)
  const domain = registrableDomain(name) ?? name
  if (seen.domains.has(domain) || seen.domains.size < MAX_NAMES)
    seen.domains.set(domain, { name, at: now })
  const isUsed = seen.clients.size >= LEAST_CLIENTS && seen.domains.size >= LEAST_DOMAINS
  if (seen.shared !== undefined) seen.shared.last = now
  else if (isUsed) seen.shared = { since: now, last: now }
}

function dropOld(seen: Seen, now: Seconds): void {
  const oldest = now - SIGHTING_LIFE
  for (const [client, at] of seen.clients) if (at <= oldest) seen.clients.delete(client)
  for (const [domain, { at }] of seen.domains) if (at <= oldest) seen.domains.delete(domain)
  if (seen.shared !== undefined && seen.shared.last <= oldest) seen.shared = undefined
  if (seen.catalogue !== undefined && seen.catalogue.last <= oldest) seen.catalogue = undefined
}

function reasonOf({ catalogue, shared, domains }: Seen, now: Seconds): SharedReason | undefined {
  const oldest = now - SIGHTING_LIFE
  if (catalogue !== undefined && catalogue.last > oldest) {
    const { names, since, last } = catalogue
    return { why: 'catalogue', names: [...names], since, until: last + SIGHTING_LIFE }
  }
  if (shared === undefined || shared.last <= oldest) return undefined
  const names = [...domains.values()].map(({ name }) => name)
  return { why: 'use', names, since: shared.since, until: shared.last + SIGHTING_LIFE }
}
