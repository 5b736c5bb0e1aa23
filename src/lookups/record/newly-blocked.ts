import type { Milliseconds } from '../../base/units.js'
import { showName } from '../../wire/dns/name/name.js'
import { registrableDomain } from '../../policy/rules/apps/public-suffix.js'
import { MATCH, type QueryEvent } from '../event/query-event.js'
import type { PrivacyMode } from '../privacy/privacy-mode.js'

/** Clients counted for each domain: more are not told apart. */
const MAX_CLIENTS = 64
/** A name that only one client asked for stays here. */
const MIN_CLIENTS = 2
/** Domains counted under the rules in force, and remembered from earlier ones. */
const MAX_DOMAINS = 2000
const MAX_EARLIER = 10_000
/** Names told apart in each domain. */
const MAX_NAMES = 50
const MAX_REPORTED = 20
const MAX_NAME_TEXT = 253
/** Names whose domain is known. */
const MAX_CACHED = 4096
/** For so long the rules before must have been watched: what they blocked would look new. */
const MIN_WATCHED: Milliseconds = 30_000
/** Names made from addresses, of clients too. */
const REVERSE = /\.(in-addr|ip6)\.arpa$/

const MATCHES = Object.keys(MATCH) as (keyof typeof MATCH)[]

/** A name that was not blocked under the bundle before, and is now. */
export interface NewlyBlocked {
  /** The one asked for most often in its registrable domain. */
  readonly name: string
  readonly network: string
  /** Id of the rule. */
  readonly rule: string
  readonly match: keyof typeof MATCH
  /** Of the domain. */
  readonly clients: number
  readonly lookups: number
  readonly mustResolve: boolean
}

export interface NewlyBlockedReport {
  /** Of the bundle. */
  readonly serial: number
  readonly blocked: readonly NewlyBlocked[]
}

/** What the log knows about a blocked lookup. */
export interface BlockedContext {
  readonly mode: PrivacyMode
  readonly network: string
  readonly rule: string
  readonly serial: number
  readonly mustResolve: readonly string[]
}

interface NameCount {
  readonly rule: string
  readonly match: keyof typeof MATCH
  lookups: number
}

interface Domain {
  readonly network: string
  readonly mustResolve: boolean
  readonly names: Map<string, NameCount>
  /** Hashes. */
  readonly clients: Set<number>
  lookups: number
}

/**
 * Counts names that are blocked and were not under the bundle before, for the hub of a fleet. In memory only, and of
 * networks whose privacy mode is `none`, nothing. Counts of clients leave the gateway, and no client does.
 */
export class NewlyBlockedNames {
  private serial = 0
  /** When counting under the bundle began. */
  private since: Milliseconds = 0
  /** True if the bundle before was watched for long enough. */
  private isKnown = false
  private domains = new Map<string, Domain>()
  /** Names blocked under earlier bundles, by domain; undefined: too many, so all of it. */
  private readonly earlier = new Map<string, Set<string> | undefined>()
  private readonly cached = new Map<string, string>()

  /** Rules become active. @param serial of their bundle; undefined: they are from a folder */
  adopt(serial: number | undefined, now: Milliseconds): void {
    if (serial === this.serial) return
    // A gateway of a fleet has a bundle.
    if (serial === undefined) return
    this.isKnown = this.serial !== 0 && now - this.since >= MIN_WATCHED
    for (const [key, { names }] of this.domains) this.remember(key, names)
    this.domains = new Map()
    Object.assign(this, { serial, since: now })
  }

  add(event: QueryEvent, context: BlockedContext): void {
    const { serial, mode, network, rule, mustResolve } = context
    // A worker may still answer by the rules before.
    if (serial !== this.serial || mode === 'none') return
    const name = showName(event.qname)
    if (name.length > MAX_NAME_TEXT || REVERSE.test(name)) return
    const isDemanded = mustResolve.includes(name)
    const key = `${network}\n${isDemanded ? `=${name}` : this.domainOf(name)}`
    if (this.earlier.has(key) && this.earlier.get(key)?.has(name) !== false) return
    const domain = this.domainAt(key, network, isDemanded)
    domain.lookups++
    if (domain.clients.size < MAX_CLIENTS) domain.clients.add(hashOf(event))
    const known = domain.names.get(name)
    if (known !== undefined) known.lookups++
    else if (domain.names.size < MAX_NAMES)
      domain.names.set(name, { rule, match: MATCHES[event.match]!, lookups: 1 })
  }

  /** Undefined: not known, since the bundle before was not watched. */
  get report(): NewlyBlockedReport | undefined {
    if (!this.isKnown) return undefined
    const blocked = [...this.domains.values()]
      .filter(({ clients, mustResolve }) => mustResolve || clients.size >= MIN_CLIENTS)
      .sort((a, b) => rank(b) - rank(a) || b.lookups - a.lookups)
      .slice(0, MAX_REPORTED)
      .map(({ names, network, clients, lookups, mustResolve }): NewlyBlocked => {
        const [first] = [...names].sort((a, b) => b[1].lookups - a[1].lookups)
        const [name, { rule, match }] = first!
        return { name, network, rule, match, clients: clients.size, lookups, mustResolve }
      })
    return { serial: this.serial, blocked }
  }

  private remember(key: string, names: ReadonlyMap<string, NameCount>): void {
    const known = this.earlier.get(key)
    const isWhole = this.earlier.has(key) && known === undefined
    const all = new Set([...(known ?? []), ...names.keys()])
    this.earlier.delete(key)
    this.earlier.set(key, isWhole || all.size >= MAX_NAMES ? undefined : all)
    if (this.earlier.size > MAX_EARLIER) this.earlier.delete(this.earlier.keys().next().value!)
  }

  private domainAt(key: string, network: string, mustResolve: boolean): Domain {
    const known = this.domains.get(key)
    if (known !== undefined) return known
    if (this.domains.size >= MAX_DOMAINS) this.prune()
    const domain = {
      network,
      mustResolve,
      names: new Map(),
      clients: new Set<number>(),
      lookups: 0
    }
    this.domains.set(key, domain)
    return domain
  }

  /** Drops the half with the fewest lookups. */
  private prune(): void {
    const kept = [...this.domains]
      .sort(([, a], [, b]) => rank(b) - rank(a) || b.lookups - a.lookups)
      .slice(0, MAX_DOMAINS / 2)
    this.domains = new Map(kept)
  }

  private domainOf(name: string): string {
    const known = this.cached.get(name)
    if (known !== undefined) return known
    if (this.cached.size >= MAX_CACHED) this.cached.clear()
    const domain = registrableDomain(name) ?? name
    this.cached.set(name, domain)
    return domain
  }
}

/** Names that must resolve first, then the domains of most clients. */
const rank = ({ mustResolve, clients }: Domain): number =>
  mustResolve ? MAX_CLIENTS + 1 : clients.size

/** FNV-1a. */
function hashOf({ client, device }: QueryEvent): number {
  let hash = 0x811c9dc5
  for (const word of client) hash = Math.imul(hash ^ word, 0x01000193)
  for (const octet of device) hash = Math.imul(hash ^ octet, 0x01000193)
  return hash
}
