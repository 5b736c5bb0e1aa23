import type { Seconds } from '../../base/units.js'
import {
  SightedAddresses,
  type SavedSighting,
  type Sighting,
  type SharedReason
} from './sighted-addresses.js'

/**
 * Where the gateway knows an address of a banned name from.
 *
 * `lookup`   its own lookup of the name
 * `capture`  the catalogue or a list
 */
export type EgressSource = 'lookup' | 'capture'

/** Which connections to an address are denied: `dns` only those to ports on which resolvers answer. */
export type EgressPorts = 'all' | 'dns'

/** One banned name or app that has an address, in one network. */
export interface EgressFact {
  readonly network: string
  /** Canonical text, as `showAddress` returns it. */
  readonly address: string
  /** Of the ban; undefined: of a name in the rules, or of a list. */
  readonly app: string | undefined
  /** Undefined: the address itself is banned. */
  readonly name: string | undefined
  readonly source: EgressSource
  readonly ports: EgressPorts
  /** When it expires, unless it is renewed. */
  readonly until: Seconds
}

/** An address that a network may not reach, or that it may because others share it. */
export interface EgressAddress {
  readonly network: string
  readonly address: string
  readonly apps: readonly string[]
  readonly names: readonly string[]
  readonly sources: readonly EgressSource[]
  readonly ports: EgressPorts
  readonly since: Seconds
  readonly until: Seconds
  /** Why it is not denied; undefined: it is. */
  readonly shared: SharedReason | undefined
}

/** What follows from a sighting. `kept`: the address stays denied, and a finding says so. */
export type SightingOutcome = 'not-denied' | 'released' | 'kept'

/** What is found and what is shared, as JSON. */
export interface SavedAddresses {
  readonly facts: readonly (EgressFact & { readonly since: Seconds })[]
  readonly sighted: readonly SavedSighting[]
}

interface Entry {
  readonly facts: Map<string, EgressFact>
  since: Seconds
}

/** Addresses of one name in one network: more are ignored, oldest first. */
export const MAX_ADDRESSES_OF_NAME = 64
/** Addresses of one network. */
export const MAX_ADDRESSES = 65_536

/**
 * The addresses that only banned names have, by network, and those that others share. Pure logic: whoever has it adds what
 * is found, and reads what is denied.
 */
export class EgressAddresses {
  private readonly networks = new Map<string, Map<string, Entry>>()
  /** Addresses by network and name, in the order in which they were found. */
  private readonly byName = new Map<string, Set<string>>()
  private readonly sighted = new SightedAddresses()

  /** Adds or renews a fact. Returns false if the network has too many addresses. */
  add(fact: EgressFact, now: Seconds): boolean {
    const entries = this.entriesOf(fact.network)
    const known = entries.get(fact.address)
    if (known === undefined && entries.size >= MAX_ADDRESSES) return false
    const entry = known ?? { facts: new Map<string, EgressFact>(), since: now }
    entries.set(fact.address, entry)
    const key = keyOf(fact)
    const until = Math.max(fact.until, entry.facts.get(key)?.until ?? 0)
    entry.facts.set(key, { ...fact, until })
    if (fact.name !== undefined) this.limit(fact.network, fact.name, fact.address)
    return true
  }

  /** Takes note that an answer for a name that is not banned has the address. */
  sight(sighting: Sighting, now: Seconds): SightingOutcome {
    const wasDenied = this.isDenied(sighting.network, sighting.address, now)
    const isShared = this.sighted.add(sighting, now)
    if (!wasDenied) return 'not-denied'
    return isShared ? 'released' : 'kept'
  }

  /** Whether clients of the network may not reach the address. */
  isDenied(network: string, address: string, now: Seconds): boolean {
    const entry = this.networks.get(network)?.get(address)
    if (entry === undefined || lastUntil(entry) <= now) return false
    return this.sighted.reason(network, address, now) === undefined
  }

  /** All addresses of a network that have not expired, those that are shared with the reason. */
  of(network: string, now: Seconds): EgressAddress[] {
    const entries = [...(this.networks.get(network) ?? [])]
    return entries.flatMap(([address, entry]) => this.show(network, address, entry, now) ?? [])
  }

  /** What is known of an address that has not expired. */
  find(network: string, address: string, now: Seconds): EgressAddress | undefined {
    const entry = this.networks.get(network)?.get(address)
    return entry && this.show(network, address, entry, now)
  }

  /** Addresses that clients of the network may not reach. */
  denied(network: string, now: Seconds): EgressAddress[] {
    return this.of(network, now).filter(({ shared }) => shared === undefined)
  }

  /** Removes facts that no ban supports any longer: it has ended, is paused or is excepted. */
  retain(isBanned: (fact: EgressFact) => boolean): void {
    this.removeFacts(fact => !isBanned(fact))
  }

  /**
   * Removes sightings by names that are banned by now: the ban was paused, or its time had not come. What the banned app itself
   * has is not shared.
   */
  retainSightings(isBanned: (network: string, name: string) => boolean): void {
    for (const [network, entries] of this.networks)
      for (const address of entries.keys())
        this.sighted.retain(network, address, name => isBanned(network, name))
  }

  /** Each of these networks begins with what is known in another one. @param sources by network */
  copy(sources: ReadonlyMap<string, string>, now: Seconds): void {
    for (const [network, from] of sources)
      for (const { facts, since } of [...(this.networks.get(from)?.values() ?? [])])
        for (const fact of facts.values()) this.addSince({ ...fact, network }, since, now)
    this.sighted.copy(sources)
  }

  /** What is found and what is shared, to be kept over a restart. */
  save(): SavedAddresses {
    const entries = [...this.networks.values()].flatMap(entries => [...entries.values()])
    const facts = entries.flatMap(({ facts, since }) =>
      [...facts.values()].map(fact => ({ ...fact, since }))
    )
    return { facts, sighted: this.sighted.save() }
  }

  /** Adds what was saved and has not expired. */
  load({ facts, sighted }: SavedAddresses, now: Seconds): void {
    for (const { since, ...fact } of facts) this.addSince(fact, since, now)
    this.sighted.load(sighted)
  }

  /** Forgets what has expired, and sightings that are too old to count. */
  expire(now: Seconds): void {
    this.removeFacts(({ until }) => until <= now)
    this.sighted.expire(now)
  }

  private addSince(fact: EgressFact, since: Seconds, now: Seconds): void {
    if (fact.until <= now || !this.add(fact, now)) return
    const entry = this.entriesOf(fact.network).get(fact.address)!
    entry.since = Math.min(entry.since, since)
  }

  private show(
    network: string,
    address: string,
    entry: Entry,
    now: Seconds
  ): EgressAddress | undefined {
    const until = lastUntil(entry)
    if (until <= now) return undefined
    const shared = this.sighted.reason(network, address, now)
    return { network, address, ...summary(entry), since: entry.since, until, shared }
  }

  private removeFacts(isOver: (fact: EgressFact) => boolean): void {
    for (const [network, entries] of this.networks) {
      for (const [address, { facts }] of entries) {
        for (const [key, fact] of facts) if (isOver(fact)) this.removeFact(facts, key, fact)
        if (facts.size === 0) entries.delete(address)
      }
      if (entries.size === 0) this.networks.delete(network)
    }
  }

  private removeFact(facts: Map<string, EgressFact>, key: string, fact: EgressFact): void {
    facts.delete(key)
    if (fact.name === undefined) return
    const nameKey = `${fact.network} ${fact.name}`
    const addresses = this.byName.get(nameKey)
    const isLeft = [...facts.values()].some(({ name }) => name === fact.name)
    if (!isLeft) addresses?.delete(fact.address)
    if (addresses?.size === 0) this.byName.delete(nameKey)
  }

  /** Keeps the newest addresses of a name: one with a thousand must not fill the set. */
  private limit(network: string, name: string, address: string): void {
    const key = `${network} ${name}`
    const addresses = this.byName.get(key) ?? new Set<string>()
    this.byName.set(key, addresses)
    // To the end: it is the newest.
    addresses.delete(address)
    addresses.add(address)
    if (addresses.size <= MAX_ADDRESSES_OF_NAME) return
    const [oldest] = addresses
    const entries = this.entriesOf(network)
    const { facts } = entries.get(oldest!)!
    for (const [factKey, fact] of facts)
      if (fact.name === name) this.removeFact(facts, factKey, fact)
    if (facts.size === 0) entries.delete(oldest!)
  }

  private entriesOf(network: string): Map<string, Entry> {
    const known = this.networks.get(network)
    if (known !== undefined) return known
    const entries = new Map<string, Entry>()
    this.networks.set(network, entries)
    return entries
  }
}

const keyOf = ({ app, name, source, ports }: EgressFact): string =>
  [app, name, source, ports].join(' ')

function lastUntil({ facts }: Entry): Seconds {
  let last = 0
  for (const { until } of facts.values()) last = Math.max(last, until)
  return last
}

function summary({ facts }: Entry): Pick<EgressAddress, 'apps' | 'names' | 'sources' | 'ports'> {
  const all = [...facts.values()]
  return {
    apps: distinct(all.map(({ app }) => app)),
    names: distinct(all.map(({ name }) => name)),
    sources: distinct(all.map(({ source }) => source)),
    ports: all.some(({ ports }) => ports === 'all') ? 'all' : 'dns'
  }
}

const distinct = <T extends string>(values: readonly (T | undefined)[]): T[] =>
  [...new Set(values)].filter(value => value !== undefined).toSorted()
