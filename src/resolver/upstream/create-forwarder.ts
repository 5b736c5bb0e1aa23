import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Transport } from '../../wire/sockets/datagram.js'
import type { Forwarder, ForwardedQuestion, OutcomeHandler } from './forwarder.js'
import { DEFAULT_LIMITS, type UpstreamLimits } from './upstream-limits.js'
import type { Send, UpstreamQueryDependencies } from './query/dependencies.js'
import { UpstreamQueries } from './query/upstream-queries.js'
import type { UpstreamGroup, AttemptHandler } from './query/upstream-query.js'
import { BlockRandom, type Random } from '../../base/bytes/random.js'
import {
  addCounts,
  newForwarderCounts,
  newUpstreamCounts,
  type Counts
} from './selection/counts.js'
import { DomainTable } from './query/domain-table.js'
import { UpstreamCookies } from './selection/upstream-cookies.js'
import { UpstreamProber } from './selection/upstream-prober.js'
import { UpstreamSelector, ALL_LOOPING, UNKNOWN_SET } from './query/upstream-selector.js'
import { stateOf, type UpstreamState } from './selection/upstream-state.js'
import { Upstream, type HealthChange, type HealthListener } from './selection/upstream.js'
import { connectTcp, TcpConnections, type Connect } from './connections/tcp-connections.js'
import { systemTimers, type Timers } from '../../base/time/timers.js'
import { UdpSocketPool } from './udp/socket-pool.js'
import type { SpecialUseName } from '../../policy/tables/special-use-names.js'
import { SourcePorts, type PortRange } from '../../wire/sockets/source-ports.js'
import { showServer, type UpstreamServer } from '../../wire/sockets/upstream-server.js'

/** What may change while it forwards: see `MeasuredForwarder.configure`. */
export interface ForwarderSettings {
  /** For names in none of the domains. If there are none, such queries fail. */
  readonly upstreams: readonly UpstreamServer[]
  /** Domains with upstreams of their own; the longest match wins. */
  readonly domains?: readonly ForwardedDomain[]
  /** Upstreams of some networks, by the number in `ForwardedQuestion.forwarders`; none by default. */
  readonly sets?: readonly UpstreamSet[]
  /**
   * Names that are answered locally: a target of an upstream's alias there is not queried upstream. RFC 7686 §2 and others.
   * By default there are none.
   */
  readonly localNames?: readonly Pick<SpecialUseName, 'name' | 'kind'>[]
  readonly limits?: Partial<UpstreamLimits>
  /** Whether QNAME is sent in random letter case, which responses have to repeat; default true. */
  readonly caseRandomization?: boolean
  /** Upstreams without a response for so long are probed; by default, and with 0, none is. */
  readonly idleProbe?: Milliseconds
  /** Whether queries carry DNS cookies, which responses have to repeat; default true. */
  readonly cookies?: boolean
  /** Local ports of queries over UDP, without those of other services; by default all unprivileged ones. */
  readonly sourcePorts?: readonly PortRange[]
  /**
   * Labels of upstreams, `showEndpoint` of each: `Outcome.upstream` is an index here. It only grows, so
   * that an index never changes its meaning; by default in the order of first mention.
   */
  readonly labels?: readonly string[]
}

export interface ForwarderOptions extends ForwarderSettings {
  readonly transport: Transport
  readonly clock: Clock
  /** Called when an upstream goes down or comes up. */
  readonly onHealth?: (change: HealthChange) => void
  /** For tests. */
  readonly random?: Random
  readonly timers?: Timers
  readonly connect?: Connect
}

export interface ForwardedDomain {
  /** Wire form, any case, root label included. */
  readonly name: Uint8Array
  readonly servers: readonly UpstreamServer[]
}

/** Upstreams that some networks use instead of those of the settings. */
export interface UpstreamSet {
  /** Not 0. */
  readonly id: number
  /** For all other names `domains` of the settings and `upstreams` are used, unless one of these is the root. */
  readonly domains: readonly ForwardedDomain[]
}

/** One upstream for one domain: its number among `upstreams` and `domains`, or for those of a set `setRoute`. */
export type RouteId = number | string

/** The route of an upstream for one domain of a set. @param name of the domain, in wire form */
export function setRoute(set: number, name: Uint8Array, server: UpstreamServer): RouteId {
  return `${set} ${Buffer.from(name).toString('hex')} ${showServer(server)}`
}

/** A forwarder with counters and health, for status and metrics. */
export interface MeasuredForwarder extends Forwarder {
  /** As of now. */
  readonly counts: Readonly<Counts>
  /** Of those in use. */
  readonly states: readonly UpstreamState[]
  /**
   * Stops using these routes, and uses all others. A route is one upstream for one domain; routes are
   * numbered from 0, `upstreams` first, then each domain, in their order; those of sets have names.
   */
  excludeRoutes(routes: ReadonlySet<RouteId>): void
  /**
   * Replaces the settings. Upstreams that stay keep their health, response time and cookies; queries in
   * flight end as they began, also with upstreams that are removed.
   *
   * @param routes to exclude, by their new numbers
   */
  configure(settings: ForwarderSettings, routes: ReadonlySet<RouteId>): void
}

/**
 * Creates a forwarder. If the system lacks an address family, upstreams of that family are unreachable.
 *
 * @throws InterdictError ADDRESS_INVALID
 */
export function createForwarder(options: ForwarderOptions): MeasuredForwarder {
  const forwarder = new UpstreamForwarder(options)
  forwarder.watchIdle()
  return forwarder
}

const ROOT = Uint8Array.of(0)
/** Groups in the table of local names. */
const LOCAL: UpstreamGroup = []
const FORWARDED: UpstreamGroup = []
/** The group of names for which a set has no upstreams. */
const NOT_IN_SET: UpstreamGroup = []

interface DomainGroup extends ForwardedDomain {
  readonly all: UpstreamGroup
}

class UpstreamForwarder implements MeasuredForwarder {
  private readonly ownCounts = newForwarderCounts()
  private allUpstreams: Upstream[] = []
  private labels: string[] = []
  private idleProbe: Milliseconds = 0
  /** Upstreams of each set, by domain. */
  private sets: { readonly id: number; readonly domains: readonly DomainGroup[] }[] = []
  private setTables: ReadonlyMap<number, DomainTable> = new Map()
  /** Upstreams of each domain, `undefined` for all other names, in the order of the options. */
  private groups: {
    readonly name: Uint8Array | undefined
    readonly all: UpstreamGroup
  }[] = []
  private readonly seed: number
  private readonly random: Random
  private readonly clock: Clock
  private domains: DomainTable
  private localNames: DomainTable
  private readonly dependencies: UpstreamQueryDependencies
  private readonly listener: HealthListener
  private readonly queries: UpstreamQueries
  private readonly prober: UpstreamProber
  private readonly pools: { readonly 4: UdpSocketPool; readonly 6: UdpSocketPool }
  private readonly tcpConnections: TcpConnections

  constructor(private readonly options: ForwarderOptions) {
    const { transport, clock, onHealth, connect = connectTcp } = options
    const { timers = systemTimers } = options
    const random = (this.random = options.random ?? new BlockRandom())
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const choice = new UpstreamSelector()
    const seed = (this.seed = random.word() | 0)
    this.clock = clock

    this.dependencies = {
      clock,
      timers,
      limits,
      selector: choice,
      counts: this.ownCounts,
      send: this.send,
      groupForTarget: question => this.groupForTarget(question),
      caseRandom: undefined,
      seed
    }
    this.queries = new UpstreamQueries(this.dependencies)
    this.prober = new UpstreamProber(clock, timers, (question, upstream, now) => {
      this.queries.probe(question, upstream, now)
    })
    const handler: AttemptHandler = this.queries
    const shared = { transport, random, timers, now: () => clock.now(), limits, handler }
    this.pools = { 4: new UdpSocketPool(4, shared), 6: new UdpSocketPool(6, shared) }
    this.tcpConnections = new TcpConnections(connect, {
      ...shared,
      isDirect: transport.kind === 'batch'
    })

    // Queries in flight to a removed upstream may still fail.
    this.listener = {
      onOutOfRotation: (upstream, now) => {
        if (!upstream.isRemoved) this.prober.startProbing(upstream, now)
      },
      onHealthChange: change => {
        if (this.allUpstreams.some(({ index }) => index === change.upstream)) onHealth?.(change)
      }
    }
    this.domains = this.apply(options, new Set())
    this.localNames = this.buildLocalTable(options)
  }

  configure(settings: ForwarderSettings, routes: ReadonlySet<RouteId>): void {
    this.domains = this.apply(settings, routes)
    this.localNames = this.buildLocalTable(settings)
    this.watchIdle()
  }

  watchIdle(): void {
    this.prober.watchIdle(this.allUpstreams, this.idleProbe)
  }

  get upstreams(): readonly string[] {
    return this.labels
  }

  get counts(): Readonly<Counts> {
    const sum = newUpstreamCounts()
    for (const { counts } of this.allUpstreams) addCounts(sum, counts)
    return { ...sum, ...this.ownCounts }
  }

  get states(): readonly UpstreamState[] {
    const now = this.clock.now()
    return this.allUpstreams.map(upstream => stateOf(upstream, now))
  }

  get inFlight(): number {
    return this.queries.size
  }

  forward(question: ForwardedQuestion, waiter: OutcomeHandler): void {
    this.queries.start(question, this.groupFor(question), waiter)
  }

  excludeRoutes(routes: ReadonlySet<RouteId>): void {
    this.setTables = this.buildSetTables(routes)
    this.domains = this.buildDomainTable(routes)
  }

  close(): void {
    this.queries.close()
    this.prober.close()
    this.pools[4].close()
    this.pools[6].close()
    this.tcpConnections.close()
  }

  private apply(settings: ForwarderSettings, routes: ReadonlySet<RouteId>): DomainTable {
    const { upstreams, domains = [], caseRandomization = true, cookies = true } = settings
    const { dependencies, random, pools } = this
    pools[4].ports = pools[6].ports = new SourcePorts(settings.sourcePorts)
    dependencies.limits = { ...dependencies.limits, ...settings.limits }
    this.idleProbe = settings.idleProbe ?? 0
    dependencies.caseRandom = caseRandomization ? random : undefined
    this.labels = [...(settings.labels ?? this.labels)]
    const before = this.allUpstreams
    this.allUpstreams = []
    const groupOf = (servers: readonly UpstreamServer[]): UpstreamGroup =>
      servers.map(endpoint => this.upstreamAt(endpoint, before))
    this.groups = [{ name: undefined, servers: upstreams }, ...domains].map(({ name, servers }) => {
      return { name, all: groupOf(servers) }
    })
    this.sets = (settings.sets ?? []).map(set => ({
      id: set.id,
      domains: set.domains.map(({ name, servers }) => {
        return { name, servers, all: groupOf(servers) }
      })
    }))
    this.setTables = this.buildSetTables(routes)
    for (const upstream of this.allUpstreams) {
      // Encrypted responses cannot be forged.
      const hasCookies = cookies && !upstream.isEncrypted
      upstream.cookies.configure(hasCookies ? random : undefined)
    }
    for (const upstream of before) {
      if (this.allUpstreams.includes(upstream)) continue
      upstream.isRemoved = true
      this.prober.stopProbing(upstream)
      this.tcpConnections.retire(upstream)
    }
    return this.buildDomainTable(routes)
  }

  private buildLocalTable({ localNames = [] }: ForwarderSettings): DomainTable {
    const table = new DomainTable(FORWARDED, this.seed)
    for (const { name, kind } of localNames)
      table.add(name, kind === 'forwarded' ? FORWARDED : LOCAL)
    return table
  }

  private buildDomainTable(routes: ReadonlySet<RouteId>): DomainTable {
    const table = new DomainTable([], this.seed)
    let route = 0
    for (const { name, all } of this.groups) {
      const remaining = all.filter(() => !routes.has(route++))
      table.add(name ?? ROOT, remaining.length === 0 && all.length > 0 ? ALL_LOOPING : remaining)
    }
    return table
  }

  private buildSetTables(routes: ReadonlySet<RouteId>): ReadonlyMap<number, DomainTable> {
    return new Map(
      this.sets.map(({ id, domains }) => {
        const table = new DomainTable(NOT_IN_SET, this.seed)
        for (const { name, servers, all } of domains) {
          const used = all.filter((_, i) => !routes.has(setRoute(id, name, servers[i]!)))
          table.add(name, used.length === 0 ? ALL_LOOPING : used)
        }
        return [id, table]
      })
    )
  }

  /** Only names outside the domains of its set go to the upstreams of the settings, whatever those of the set do. */
  private groupFor({ question, forwarders }: ForwardedQuestion): UpstreamGroup {
    if (forwarders === 0) return this.domains.find(question)
    const group = this.setTables.get(forwarders)?.find(question) ?? UNKNOWN_SET
    return group === NOT_IN_SET ? this.domains.find(question) : group
  }

  private groupForTarget(asked: ForwardedQuestion): UpstreamGroup | undefined {
    const { question, forwarders } = asked
    const own = this.setTables.get(forwarders)?.findDomain(question)
    if (own !== undefined) return own
    return this.localNames.find(question) === LOCAL ? undefined : this.groupFor(asked)
  }

  private readonly send: Send = (attempt, now) => {
    if (attempt.overTcp) return this.tcpConnections.send(attempt)
    return this.pools[attempt.upstream.family].send(attempt, now)
  }

  /** One object per address and port, however often it is configured, so that health is shared. */
  private upstreamAt(server: UpstreamServer, before: readonly Upstream[]): Upstream {
    const text = showServer(server)
    const known = this.allUpstreams.find(upstream => upstream.text === text)
    if (known !== undefined) return known
    const same = before.find(({ endpoint }) => isDeepStrictEqual(endpoint, server))
    const upstream = same ?? this.create(server, text)
    this.allUpstreams.push(upstream)
    return upstream
  }

  private create(server: UpstreamServer, text: string): Upstream {
    const { labels, listener, random, options } = this
    if (!labels.includes(text)) labels.push(text)
    const peer = options.transport.peer(server)
    const cookies = new UpstreamCookies(random)
    const upstream = new Upstream(labels.indexOf(text), server, peer, cookies, listener)
    this.tcpConnections.warm(upstream)
    return upstream
  }
}
