import { showName } from '../../src/dns/name/name.js'
import type { CatalogueApp } from '../../src/rules/apps/catalogue.js'
import { isPublicSuffix, registrableDomain } from '../../src/rules/apps/public-suffix.js'
import { sharedZoneContaining } from '../../src/rules/apps/shared-zones.js'
import { covers, type Pattern } from '../../src/rules/model/pattern.js'
import type { NameSource } from '../../src/rules/model/types.js'

/** Registered names that are kept of each app: more are counted only, so that memory has an end. */
const MOST = 20_000

/** What one list has that the catalogue lacks. */
export interface Missing {
  /** The app that the list is of; undefined where no app claims anything in it. */
  readonly app: string | undefined
  readonly names: number
  /** Names that this app claims, that others do, and that are in what many share. */
  readonly claimed: number
  readonly claimedByOthers: number
  readonly shared: number
  readonly missing: number
  /** Of what is missing, how many names stand below each registered name, most first. */
  readonly domains: readonly (readonly [domain: string, names: number])[]
  /** Missing names whose registered names are too many to keep. */
  readonly uncounted: number
}

/** Holds lists against the names of a catalogue. */
export class Comparison {
  /** Names by their wire form, as latin1. */
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
   * What is missing of a list.
   *
   * @param app whose list it is; not given: the app that claims most of it
   */
  of(sources: readonly NameSource[], app?: string): Missing {
    const tally = new Tally()
    const prefix = (): void => undefined
    for (const source of sources.filter(({ part }) => part?.effect !== 'pass')) {
      source.writeTo({
        name: (octets, at, length) => {
          const name = octets.subarray(at, at + length)
          tally.count(name, this.ownersOf(name))
        },
        prefix
      })
    }
    return tally.missing(app)
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
class Tally {
  private readonly claims = new Map<string, number>()
  private readonly domains = new Map<string, number>()
  private readonly sums = { names: 0, claimed: 0, shared: 0, missing: 0, uncounted: 0 }

  /** @param name is not kept */
  count(name: Uint8Array, owners: ReadonlySet<string>): void {
    const { claims, sums } = this
    sums.names++
    for (const owner of owners) claims.set(owner, (claims.get(owner) ?? 0) + 1)
    if (owners.size > 0) sums.claimed++
    else if (isShared(name)) sums.shared++
    else this.miss(domainOf(name))
  }

  private miss(domain: string): void {
    const { domains, sums } = this
    const known = domains.get(domain)
    sums.missing++
    if (known === undefined && domains.size >= MOST) sums.uncounted++
    else domains.set(domain, (known ?? 0) + 1)
  }

  missing(app = this.likeliest()): Missing {
    const { names, claimed: all, shared, missing, uncounted } = this.sums
    const claimed = app === undefined ? 0 : (this.claims.get(app) ?? 0)
    const domains = [...this.domains].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    const claimedByOthers = all - claimed
    return { app, names, claimed, claimedByOthers, shared, missing, domains, uncounted }
  }

  /** The app that claims most. */
  private likeliest(): string | undefined {
    return [...this.claims].sort((a, b) => b[1] - a[1])[0]?.[0]
  }
}

function isShared(name: Uint8Array): boolean {
  const text = showName(name)
  return isPublicSuffix(text) || sharedZoneContaining(text)?.zone === text
}

/** What somebody has registered of a name; of names in a shared zone, that zone. */
function domainOf(name: Uint8Array): string {
  const text = showName(name)
  return sharedZoneContaining(text)?.zone ?? registrableDomain(text) ?? text
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1')
}
