import { showName } from '../../src/dns/name/name.js'
import type { CatalogueApp } from '../../src/rules/apps/catalogue.js'
import { isPublicSuffix, registrableDomain } from '../../src/rules/apps/public-suffix.js'
import { sharedZoneContaining } from '../../src/rules/apps/shared-zones.js'
import { covers, type Pattern } from '../../src/rules/model/pattern.js'
import type { NameSource } from '../../src/rules/model/types.js'

/** Maximum registered domains stored per list, to bound memory; further ones are only counted. */
const MAX_DOMAINS = 20_000

/** Names of one list that the catalogue lacks. */
export interface Missing {
  /** The app of the list; undefined if no app claims any of its names. */
  readonly app: string | undefined
  readonly names: number
  /** Names claimed by this app, claimed by other apps only, and shared by many. */
  readonly claimed: number
  readonly claimedByOthers: number
  readonly shared: number
  readonly missing: number
  /** Missing names below each registered domain, most first. */
  readonly domains: readonly (readonly [domain: string, names: number])[]
  /** Missing names whose domains exceed the maximum. */
  readonly uncounted: number
}

/** Compares lists with the names of a catalogue. */
export class ListComparison {
  /** Patterns by name in wire form, as latin1. */
  private readonly patterns = new Map<string, { readonly app: string; readonly it: Pattern }[]>()

  constructor(apps: readonly CatalogueApp[]) {
    for (const { entry } of apps) {
      for (const { name } of entry.names) {
        const key = keyOf(name.name)
        const others = this.patterns.get(key) ?? []
        this.patterns.set(key, [...others, { app: entry.app, it: name }])
      }
    }
  }

  /**
   * Finds the names of a list that the catalogue lacks.
   *
   * @param app the app of the list; default: the app that claims most of it
   */
  compare(sources: readonly NameSource[], app?: string): Missing {
    const counts = new NameCounts()
    const prefix = (): void => undefined
    for (const source of sources.filter(({ part }) => part?.effect !== 'pass')) {
      source.writeTo({
        name: (octets, at, length) => {
          const name = octets.subarray(at, at + length)
          counts.count(name, this.ownersOf(name))
        },
        prefix
      })
    }
    return counts.result(app)
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

/** Counts the names of one list. */
class NameCounts {
  private readonly claims = new Map<string, number>()
  private readonly domains = new Map<string, number>()
  private readonly sums = { names: 0, claimed: 0, shared: 0, missing: 0, uncounted: 0 }

  /** @param name may be reused by the caller */
  count(name: Uint8Array, owners: ReadonlySet<string>): void {
    const { claims, sums } = this
    sums.names++
    for (const owner of owners) claims.set(owner, (claims.get(owner) ?? 0) + 1)
    if (owners.size > 0) sums.claimed++
    else if (isShared(name)) sums.shared++
    else this.countMissing(domainOf(name))
  }

  private countMissing(domain: string): void {
    const { domains, sums } = this
    const known = domains.get(domain)
    sums.missing++
    if (known === undefined && domains.size >= MAX_DOMAINS) sums.uncounted++
    else domains.set(domain, (known ?? 0) + 1)
  }

  result(app = this.mainOwner()): Missing {
    const { names, claimed: all, shared, missing, uncounted } = this.sums
    const claimed = app === undefined ? 0 : (this.claims.get(app) ?? 0)
    const domains = [...this.domains].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    const claimedByOthers = all - claimed
    return { app, names, claimed, claimedByOthers, shared, missing, domains, uncounted }
  }

  /** The app that claims most names. */
  private mainOwner(): string | undefined {
    return [...this.claims].sort((a, b) => b[1] - a[1])[0]?.[0]
  }
}

function isShared(name: Uint8Array): boolean {
  const text = showName(name)
  return isPublicSuffix(text) || sharedZoneContaining(text)?.zone === text
}

/** The registered domain of a name; for names in a shared zone, that zone. */
function domainOf(name: Uint8Array): string {
  const text = showName(name)
  return sharedZoneContaining(text)?.zone ?? registrableDomain(text) ?? text
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1')
}
