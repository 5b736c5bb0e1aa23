import { failure } from '../../base/errors/error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { EgressTarget } from '../../policy/egress/connection-judge.js'
import { DeniedTableWriter } from '../../policy/egress/denied-table.js'
import {
  EgressAddresses,
  type EgressAddress,
  type EgressPorts
} from '../../policy/egress/egress-addresses.js'
import { LocalDestinations } from '../../policy/egress/local-destinations.js'
import { registrableDomain } from '../../policy/rules/apps/public-suffix.js'
import type { RuleSet } from '../../policy/rules/model/types.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { HeldReply, SeenAddress } from '../../resolver/stages/reply-gate.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { AddressFile } from './address-file.js'
import type { FoundAddresses, LookupCounts } from './address-lookups.js'
import {
  ExportSerial,
  Fetches,
  setsFor,
  type DeniedExport,
  type DeniedSet,
  type FetchRequest
} from './denied-export.js'
import {
  DenyPlan,
  nameOf,
  prefixesOfRange,
  type EgressGroup,
  type PlannedName
} from './deny-plan.js'
import { DenySync } from './deny-sync.js'
import type { Helper, HelperListener } from './helper-client.js'

/** Denied and shared addresses; the JSON form is public. */
export interface DenyState {
  /** Networks with `egress: deny`, and how many addresses are denied to each. */
  readonly networks: Readonly<Record<string, number>>
  /** Whether the helper has the addresses of now; null: there is none here, and firewalls elsewhere fetch them. */
  readonly inForce: boolean | null
  /** Why it has not; null: it has. */
  readonly error: string | null
  /** Addresses of banned names that others share, and which are not denied. */
  readonly shared: number
  /** Banned names whose addresses belong to a domain that is not banned as a whole, as of a content delivery network. */
  readonly aliased: number
  /** Addresses that a name without a ban has, but which stay denied: anyone can point a name at an address. */
  readonly kept: number
  readonly lookups: LookupCounts
  /** Names that are not looked up, since there are too many. */
  readonly omitted: number
  /** How many replies were sent before the helper had freed an address. */
  readonly overdue: number
  /** How many times another program has changed the table, and when for the last time. */
  readonly restored: { readonly count: number; readonly last: string | null }
  /** When firewalls elsewhere last fetched the addresses: of the network that was fetched longest ago. Null: one was not, since the start. */
  readonly fetched: string | null
}

export interface KeeperOptions {
  readonly clock: Clock
  readonly log: ServiceLog
  /** Connects to the helper; undefined: the settings have none. */
  readonly openHelper: ((listener: HelperListener) => Helper) | undefined
  /** Shared with the workers. */
  readonly memory: SharedArrayBuffer
  /** How long an address is known before it is denied. */
  readonly learnFor: Milliseconds
  /** Where the addresses are kept over a restart; undefined: nowhere. */
  readonly file: string | undefined
  /** Where the serial of the export is kept; undefined: nothing is exported. */
  readonly serialFile: string | undefined
  /** Lets a worker send held replies. */
  readonly release: (worker: number, ids: readonly number[]) => void
  /** A ban has begun or ended by itself: what is known of its names counts otherwise now. */
  readonly onEpoch: () => void
}

/** How long an address counts after its TTL: clients keep it longer, and the lookup after it may fail. */
const GRACE: Seconds = 3600
/** How often addresses are forgotten that no ban has any longer. */
const RETAIN_INTERVAL: Milliseconds = 5_000
/** Addresses that were kept, of which each is logged once. */
const MAX_KEPT = 1_000

/**
 * Keeps the addresses that only banned names have: from lookups of its own, without those that answers for other names show to be
 * shared. It gives them to the helper, and frees one before an answer with it leaves.
 */
export class AddressKeeper {
  private readonly addresses = new EgressAddresses()
  private readonly kept = new Map<string, string>()
  private readonly aliased = new Map<string, string>()
  private readonly sync: DenySync
  private plan: DenyPlan | undefined
  private local: LocalDestinations | undefined
  private byKey: ReadonlyMap<string, EgressGroup> = new Map()
  /** Ids of all networks. */
  private networks: ReadonlySet<string> = new Set()
  private readonly file: AddressFile
  private retainedAt: Milliseconds = -Infinity
  private epoch = -1
  private own: readonly string[] = []
  private readonly serial: ExportSerial | undefined
  private readonly startedAt: Milliseconds
  private hasLoaded = false
  private readonly fetches: Fetches

  constructor(private readonly options: KeeperOptions) {
    const { clock, log, openHelper, memory, release } = options
    this.sync = new DenySync({
      table: new DeniedTableWriter(memory),
      desired: group => this.desired(group),
      ...{ clock, log, openHelper, release }
    })
    this.startedAt = clock.now()
    this.fetches = new Fetches(clock)
    const { serialFile } = options
    this.serial = serialFile === undefined ? undefined : new ExportSerial(serialFile, clock)
    this.file = new AddressFile(options)
    this.load()
  }

  get names(): readonly PlannedName[] {
    return this.plan?.names ?? []
  }

  /** Clients with `egress`. */
  get groups(): readonly EgressGroup[] {
    return this.plan?.groups ?? []
  }

  /** Banned names whose addresses belong to a domain that is not banned as a whole. */
  get aliasedNames(): readonly string[] {
    return [...this.aliased.keys()].sort()
  }

  /** `ForwarderSet.id` of the networks with `egress`. */
  get sets(): readonly number[] {
    return [...new Set(this.plan?.groups.map(({ forwarders }) => forwarders))]
  }

  /**
   * Those of the names that are worth a lookup: below apps and names of the rules. Names below domains of lists, as of malware, would
   * carry data of clients to whoever has the domain.
   */
  worthLookup(names: readonly string[]): PlannedName[] {
    const { plan } = this
    if (plan === undefined) return []
    const now = this.now()
    return names.flatMap(text => {
      const name = nameOf(text)
      const kinds = plan.groups.map(group => plan.judge(group, name, now)?.kind)
      const isWorth = kinds.some(kind => kind === 'app' || kind === 'inline')
      return isWorth ? [{ text, name, app: undefined }] : []
    })
  }

  state(lookups: LookupCounts): DenyState {
    const networks = this.deniedNetworks
    const fetched = this.fetches.oldest(networks)
    const shared = new Set(this.list().flatMap(one => (one.shared ? [one.address] : [])))
    return {
      networks: Object.fromEntries(networks.map(network => [network, this.count(network)])),
      ...this.sync.state,
      ...(this.isElsewhere && { inForce: null }),
      error: this.error(networks),
      shared: shared.size,
      aliased: this.aliased.size,
      kept: this.kept.size,
      lookups,
      omitted: this.plan?.omitted ?? 0,
      fetched: fetched === undefined ? null : new Date(fetched).toISOString()
    }
  }

  /** Addresses that are denied to clients of a network, each once. */
  private count(network: string): number {
    const groups = this.denying.filter(group => group.network === network)
    const all = groups.flatMap(group =>
      this.isElsewhere
        ? this.desired(group).map(({ address }) => address)
        : this.sync.addresses(group.key)
    )
    return new Set(all).size
  }

  private error(networks: readonly string[]): string | null {
    const unfetched = this.serial === undefined ? null : this.fetches.problem(networks)
    return (this.isElsewhere ? null : this.sync.state.error) ?? unfetched ?? this.limitReached
  }

  /** Only firewalls elsewhere deny the addresses. */
  private get isElsewhere(): boolean {
    return this.options.openHelper === undefined && this.serial !== undefined
  }

  /** Networks with `egress: deny`. */
  private get deniedNetworks(): string[] {
    return [...new Set(this.denying.map(({ network }) => network))]
  }

  /**
   * What firewalls elsewhere are to deny; empty if it is nothing, so that they no longer deny what was denied before.
   *
   * @returns undefined: the rules have no such network
   * @throws Error if the serial cannot be stored
   */
  fetch(request: FetchRequest): DeniedExport | undefined {
    const { network } = request
    if (network !== undefined && !this.networks.has(network)) return undefined
    const all = this.denying.map((group): DeniedSet => {
      const own = [
        ...this.plan!.prefixes(group, this.now()),
        ...this.desired(group).map(({ address, ports }) => ({ prefix: address, ports }))
      ]
      const of = (wanted: EgressPorts) =>
        own.flatMap(({ prefix, ports }) => (ports === wanted ? [prefix] : [])).sort()
      const clients = group.ranges.flatMap(prefixesOfRange)
      return { network: group.network, clients, all: of('all'), dns: of('dns') }
    })
    const serial = this.serial!.of(all)
    const sets = setsFor(all, request)
    this.fetches.add(sets.map(set => set.network))
    return { serial, sets }
  }

  /** Whether new addresses have been known for `learnFor`, or an earlier process has saved what it knew, or nothing is to be denied. */
  get hasLearned(): boolean {
    const { clock, learnFor } = this.options
    return this.hasLoaded || this.denying.length === 0 || clock.now() - this.startedAt >= learnFor
  }

  /** Why not everything is denied that is to be; null: it is. */
  private get limitReached(): string | null {
    const { sync, plan } = this
    if (sync.excess > 0) return `${sync.excess} addresses are too many, and not denied`
    const groups = plan?.omittedGroups ?? 0
    return groups === 0
      ? null
      : `${groups} groups of clients are too many, and nothing is denied to them`
  }

  /** Every address that is known, denied or shared. */
  list(): EgressAddress[] {
    const now = this.now()
    return [...this.byKey.values()].flatMap(({ key, network }) =>
      this.addresses.of(key, now).map(one => ({ ...one, network }))
    )
  }

  /** Prefixes that bans in force list for these clients. */
  prefixes(group: EgressGroup): readonly string[] {
    return this.plan?.prefixes(group, this.now()).map(({ prefix }) => prefix) ?? []
  }

  /** The rules in force. @param rules with names of their sources */
  setRules(rules: RuleSet, snapshot: Snapshot): void {
    const plan = new DenyPlan(rules, snapshot)
    this.addresses.copy(this.sourcesOf(plan.groups), this.now())
    this.plan = plan
    this.local = new LocalDestinations(snapshot.clients)
    this.local.setOwn(this.own)
    this.byKey = new Map(plan.groups.map(group => [group.key, group]))
    this.networks = new Set(rules.networks.map(({ id }) => id))
    this.epoch = plan.epochAt(this.now())
    this.retain()
    this.sendGroups()
  }

  /** For groups that are new, the one that their clients were in before. */
  private sourcesOf(groups: readonly EgressGroup[]): Map<string, string> {
    const added = groups.filter(({ key }) => !this.byKey.has(key))
    return new Map(
      added.flatMap(({ key, ranges }) => {
        const before = this.plan?.groupOf(ranges[0]![0])
        return before === undefined ? [] : [[key, before.key] as const]
      })
    )
  }

  private sendGroups(): void {
    this.sync.setGroups(this.denying, group => this.plan!.prefixes(group, this.now()))
  }

  /** @param addresses of the gateway itself, in canonical text */
  setOwn(addresses: readonly string[]): void {
    this.own = addresses
    this.local?.setOwn(addresses)
  }

  /** A lookup of a name has found addresses. */
  add({ planned, forwarders, owner, addresses, ttl }: FoundAddresses): void {
    const { plan, local } = this
    if (plan === undefined) return
    const now = this.now()
    const until = now + ttl + GRACE
    if (until <= now) return
    const { text, name } = planned
    // Also one that is banned elsewhere: here, it is used.
    const otherApp = planned.app ?? plan.appOf(text)
    const domain = registrableDomain(showCanonical(showName(owner)))
    for (const group of plan.groups) {
      if (group.forwarders !== forwarders) continue
      const { key: network } = group
      const banned = plan.judge(group, name, now)
      // A name in a domain that is not banned as a whole, as of a content delivery network, shares its addresses with others.
      const isOwn = domain !== undefined && plan.judge(group, nameOf(domain), now) !== undefined
      if (banned !== undefined && !isOwn) this.note(this.aliased, text, network)
      for (const address of addresses) {
        if (local?.isLocal(address) === true) continue
        if (banned === undefined)
          this.addresses.sight(
            { network, address, name: text, client: undefined, app: otherApp },
            now
          )
        else if (isOwn) {
          const { app, ports } = banned
          this.addresses.add(
            { network, address, app, name: text, source: 'lookup', ports, until },
            now
          )
        }
      }
    }
    this.file.hasChanged = true
  }

  /** Clients of networks with `egress: deny` have looked up names that have these addresses. */
  sighted(seen: readonly SeenAddress[]): void {
    for (const one of seen) this.sight(one)
  }

  /** A reply waits until its addresses are free. */
  held(worker: number, { id, seen }: HeldReply): void {
    const released = seen.flatMap(one => {
      const key = this.sight(one)
      return key === undefined ? [] : [{ key, address: one.address }]
    })
    this.sync.free(worker, id, released)
  }

  /** Replies were sent before it was known that their addresses are free. */
  onOverdue(count: number): void {
    this.sync.overdue += count
  }

  /** What is known of a destination; for connections that are observed. */
  targetOf(client: string, destination: string): EgressTarget | undefined {
    const group = this.plan?.groupOf(client)
    if (group === undefined) return undefined
    const known = this.addresses.find(group.key, destination, this.now())
    if (known === undefined || known.shared !== undefined) return undefined
    const { apps, names, ports } = known
    return { apps, names, ports }
  }

  /** Call it several times a second. */
  tick(): void {
    const now = this.options.clock.now()
    if (now - this.retainedAt >= RETAIN_INTERVAL) this.retain()
    this.sync.tick()
    if (this.file.isDue) this.file.save(this.addresses.save())
  }

  close(): void {
    this.sync.close()
    if (this.file.hasChanged) this.file.save(this.addresses.save())
  }

  private get denying(): EgressGroup[] {
    return this.plan?.groups.filter(({ denies }) => denies) ?? []
  }

  private desired({ key }: EgressGroup): EgressAddress[] {
    const now = this.now()
    const oldest = now - this.options.learnFor / MS_PER_SECOND
    return this.addresses.denied(key, now).filter(({ since }) => since <= oldest)
  }

  /** @returns the group, if the address was denied to it, and is not to be any longer */
  private sight({ network, address, name, client }: SeenAddress): string | undefined {
    const { plan } = this
    const group = client === undefined ? undefined : plan?.groupOf(client)
    if (plan === undefined || group === undefined) return undefined
    const now = this.now()
    // An answer under earlier rules.
    if (plan.judge(group, nameOf(name), now) !== undefined) return undefined
    const { key } = group
    const app = plan.appOf(name)
    const outcome = this.addresses.sight({ network: key, address, name, client, app }, now)
    this.file.hasChanged = true
    if (outcome === 'released') {
      this.kept.delete(address)
      return key
    }
    if (outcome === 'kept' && this.sync.has(key, address) && this.note(this.kept, address, name)) {
      const { code, message } = failure('EGRESS_KEPT', network, address, name)
      this.options.log.warn({ code, network, address, name }, message)
    }
    // It may have been released before, and still be on its way out.
    return this.sync.has(key, address) && !this.addresses.isDenied(key, address, now)
      ? key
      : undefined
  }

  /** Returns false if it was there. */
  private note(map: Map<string, string>, key: string, value: string): boolean {
    if (map.has(key) || map.size >= MAX_KEPT) return false
    map.set(key, value)
    return true
  }

  /** Forgets addresses of bans that have ended, are paused or excepted. */
  private retain(): void {
    this.retainedAt = this.options.clock.now()
    const { plan, byKey } = this
    if (plan === undefined) return
    const now = this.now()
    const epoch = plan.epochAt(now)
    if (epoch !== this.epoch) {
      // A ban begins or ends by itself, and with it what it lists as prefixes.
      this.epoch = epoch
      this.sendGroups()
      this.options.onEpoch()
    }
    const verdicts = new Map<string, boolean>()
    const isBanned = (network: string, name: string): boolean => {
      const group = byKey.get(network)
      if (group === undefined) return false
      const key = `${network} ${name}`
      const known = verdicts.get(key) ?? plan.judge(group, nameOf(name), now) !== undefined
      verdicts.set(key, known)
      return known
    }
    this.addresses.retain(({ network, name }) => name !== undefined && isBanned(network, name))
    this.addresses.retainSightings(isBanned)
    this.addresses.expire(now)
    for (const [name, network] of this.aliased)
      if (!isBanned(network, name)) this.aliased.delete(name)
    for (const address of this.kept.keys())
      if (!this.denying.some(({ key }) => this.addresses.isDenied(key, address, now)))
        this.kept.delete(address)
  }

  private now(): Seconds {
    return this.options.clock.wall() / MS_PER_SECOND
  }

  private load(): void {
    const saved = this.file.load()
    if (saved === undefined) return
    try {
      this.addresses.load(saved, this.now())
      this.hasLoaded = true
    } catch {
      // It is broken: the addresses are found again.
    }
  }
}
