import { showName } from '../../src/wire/dns/name/name.js'
import type { CatalogueApp } from '../../src/policy/rules/apps/catalogue.js'
import { isPublicSuffix, registrableDomain } from '../../src/policy/rules/apps/public-suffix.js'
import { sharedZoneContaining } from '../../src/policy/rules/apps/shared-zones.js'
import { covers, type Pattern } from '../../src/policy/rules/model/pattern.js'
import type { NameSource } from '../../src/policy/rules/model/types.js'

/** Maximum registered domains and names stored per list, to bound memory; further ones are only counted. */
const MAX_STORED = 20_000

/** How much of one list the catalogue covers. Each name of the list counts once. */
export interface Comparison {
  /** The app of the list; undefined if no app claims any of its names. */
  readonly app: string | undefined
  readonly names: number
  /** Names that the app claims. */
  readonly own: number
  /** Other names that the apps claim that it `pairs-with`: a ban of the app should include them. */
  readonly paired: number
  /** Names that only further apps claim. */
  readonly others: number
  /**
   * Names that no app claims and that are not the app's own: in a shared zone, a public suffix, or
   * at or below one of the app's `shared-names`.
   */
  readonly shared: number
  /** Names that no app claims and that may be the app's own. */
  readonly missing: number
  /** The missing names, in the order of the list, up to a maximum. */
  readonly missingNames: readonly string[]
  /** Unclaimed names, missing or shared, below each registered domain, most first. */
  readonly domains: readonly (readonly [domain: string, names: number])[]
  /** Unclaimed names whose domains exceed the maximum. */
  readonly uncounted: number
}

/** Part of the names of a list that a ban of the app and of its pairs blocks, 0 to 1. */
export function coverage({ names, own, paired }: Comparison): number {
  return names === 0 ? 0 : (own + paired) / names
}

/** As `coverage`, without the names that are not the app's own. */
export function ownCoverage({ names, own, paired, shared }: Comparison): number {
  return names === shared ? 0 : (own + paired) / (names - shared)
}

/** As `ownCoverage`, without the names that only other apps claim, such as those of sister products. */
export function soleCoverage({ names, own, paired, shared, others }: Comparison): number {
  const sole = names - shared - others
  return sole === 0 ? 0 : (own + paired) / sole
}

/** Compares lists with the names of a catalogue. */
export class ListComparison {
  /** Patterns by name in wire form, as latin1. */
  private readonly patterns = new Map<string, { readonly app: string; readonly it: Pattern }[]>()
  private readonly apps: ReadonlyMap<string, CatalogueApp['entry']>

  constructor(apps: readonly CatalogueApp[]) {
    this.apps = new Map(apps.map(({ entry }) => [entry.app, entry]))
    for (const { entry } of apps) {
      for (const { name } of entry.names) {
        const key = keyOf(name.name)
        const others = this.patterns.get(key) ?? []
        this.patterns.set(key, [...others, { app: entry.app, it: name }])
      }
    }
  }

  /**
   * Compares a list.
   *
   * @param app the app of the list; default: the app that claims most of it
   */
  compare(sources: readonly NameSource[], app = this.mainOwner(sources)): Comparison {
    const entry = app === undefined ? undefined : this.apps.get(app)
    const counts = new NameCounts(entry)
    eachName(sources, name => counts.count(name, this.ownersOf(name)))
    return { app, ...counts.result() }
  }

  /** The names of a list that each app claims. */
  claims(sources: readonly NameSource[]) {
    const byApp = new Map<string, string[]>()
    let names = 0
    eachName(sources, name => {
      names++
      for (const owner of this.ownersOf(name))
        byApp.set(owner, [...(byApp.get(owner) ?? []), showName(name)])
    })
    return { names, byApp: byApp as ReadonlyMap<string, readonly string[]> }
  }

  /** Whether the catalogue has an app. */
  has(app: string): boolean {
    return this.apps.has(app)
  }

  /** The app that claims most names. */
  private mainOwner(sources: readonly NameSource[]): string | undefined {
    const claims = new Map<string, number>()
    eachName(sources, name => {
      for (const owner of this.ownersOf(name)) claims.set(owner, (claims.get(owner) ?? 0) + 1)
    })
    return [...claims].sort((a, b) => b[1] - a[1])[0]?.[0]
  }

  /** The apps that claim a name, in wire form. */
  private ownersOf(name: Uint8Array): ReadonlySet<string> {
    const owners = new Set<string>()
    for (let at = 0; name[at] !== 0; at += name[at]! + 1) {
      for (const { app, it } of this.patterns.get(keyOf(name.subarray(at))) ?? []) {
        if (covers(it.cover, it.name, name)) owners.add(app)
      }
    }
    return owners
  }
}

/** Names of a list in wire form, except those that the list itself passes. They may be reused. */
function eachName(sources: readonly NameSource[], use: (name: Uint8Array) => void): void {
  for (const source of sources.filter(({ part }) => part?.effect !== 'pass')) {
    source.writeTo({
      name: (octets, at, length) => use(octets.subarray(at, at + length)),
      prefix: () => undefined
    })
  }
}

/** Counts the names of one list. */
class NameCounts {
  private readonly domains = new Map<string, number>()
  private readonly missingNames: string[] = []
  private readonly pairs: ReadonlySet<string>
  private readonly sums = {
    ...{ names: 0, own: 0, paired: 0, others: 0, shared: 0, missing: 0, uncounted: 0 }
  }

  /** @param app the app of the list */
  constructor(private readonly app: CatalogueApp['entry'] | undefined) {
    this.pairs = new Set(app?.['pairs-with'])
  }

  count(name: Uint8Array, owners: ReadonlySet<string>): void {
    const { app, pairs, sums } = this
    sums.names++
    if (app !== undefined && owners.has(app.app)) sums.own++
    else if ([...owners].some(owner => pairs.has(owner))) sums.paired++
    else if (owners.size > 0) sums.others++
    else this.countUnclaimed(name)
  }

  private countUnclaimed(name: Uint8Array): void {
    const { domains, missingNames, sums } = this
    const text = showName(name)
    if (this.isShared(name, text)) sums.shared++
    else {
      sums.missing++
      if (missingNames.length < MAX_STORED) missingNames.push(text)
    }
    const domain = sharedZoneContaining(text)?.zone ?? registrableDomain(text) ?? text
    const known = domains.get(domain)
    if (known === undefined && domains.size >= MAX_STORED) sums.uncounted++
    else domains.set(domain, (known ?? 0) + 1)
  }

  private isShared(name: Uint8Array, text: string): boolean {
    if (isPublicSuffix(text) || sharedZoneContaining(text) !== undefined) return true
    const names = this.app?.['shared-names'] ?? []
    return names.some(({ name: it }) => covers(it.cover, it.name, name))
  }

  result() {
    const domains = [...this.domains].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    return { ...this.sums, missingNames: this.missingNames, domains }
  }
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1')
}
