import type { Clock } from '../base/clock.js'
import type { Milliseconds } from '../base/units.js'
import type { Transport } from '../udp/datagram.js'
import type { Forwarder, ForwardedQuestion, OutcomeHandler } from './forwarder.js'
import { DEFAULT_LIMITS, type UpstreamLimits } from './limits.js'
import type { Send } from './query/dependencies.js'
import { UpstreamQueries } from './query/upstream-queries.js'
import type { UpstreamGroup, AttemptHandler } from './query/upstream-query.js'
import { BlockRandom, type Random } from './random.js'
import {
  addCounts,
  newForwarderCounts,
  newUpstreamCounts,
  type Counts,
  type UpstreamCounts
} from './selection/counts.js'
import { DomainTable } from './selection/domain-table.js'
import { UpstreamCookies } from './selection/upstream-cookies.js'
import { UpstreamProber } from './selection/upstream-prober.js'
import { UpstreamSelector, ALL_LOOPING } from './selection/upstream-selector.js'
import { Upstream, type HealthChange, type HealthListener } from './selection/upstream.js'
import { connectTcp, TcpConnections, type Connect } from './tcp/tcp-connections.js'
import { systemTimers, type Timers } from './timers.js'
import { UdpSocketPool } from './udp/socket-pool.js'
import { showServer, type UpstreamServer } from './upstream-server.js'

export interface ForwarderOptions {
  readonly transport: Transport
  readonly clock: Clock
  /** For names in none of the domains. If there are none, such queries fail. */
  readonly upstreams: readonly UpstreamServer[]
  /** Domains with upstreams of their own; the longest match wins. */
  readonly domains?: readonly ForwardedDomain[]
  readonly limits?: Partial<UpstreamLimits>
  /** Whether QNAME is sent in random letter case, which responses have to repeat; default true. */
  readonly caseRandomization?: boolean
  /** Whether queries carry DNS cookies, which responses have to repeat; default true. */
  readonly cookies?: boolean
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

/** A forwarder with counters and health, for status and metrics. */
export interface MeasuredForwarder extends Forwarder {
  /** As of now. */
  readonly counts: Readonly<Counts>
  /** In the order of `upstreams`. */
  readonly states: readonly UpstreamState[]
  /**
   * Stops using these routes, and uses all others. A route is one upstream for one domain; routes are
   * numbered from 0, `upstreams` first, then each domain, in their order.
   */
  excludeRoutes(routes: ReadonlySet<number>): void
}

export interface UpstreamState {
  readonly address: string
  /** Queries to it are encrypted: `strict`, its certificate is checked; `opportunistic`, it is not. */
  readonly encryption: 'none' | 'strict' | 'opportunistic'
  /** Why the last connection to it failed, over TLS. */
  readonly error: string | undefined
  /** Smoothed; 0: not measured yet. */
  readonly responseTime: Milliseconds
  /**
   * `up`             selected by response time
   * `outOfRotation`  it failed a moment ago, and others are preferred
   * `down`           it has failed three or more times in a row, and has not answered since
   */
  readonly health: 'up' | 'outOfRotation' | 'down'
  /** Time since its last response; undefined: none yet. */
  readonly answeredAgo: Milliseconds | undefined
  /** See `Upstream.unavailableFor`. */
  readonly unavailableFor: Milliseconds | undefined
  /** It supports cookies: responses without the right one are discarded. */
  readonly cookies: boolean
  /** False: it has rejected EDNS, and is queried without for a while. */
  readonly edns: boolean
  readonly counts: Readonly<UpstreamCounts>
}

/**
 * Creates a forwarder and opens its first sockets. If the system lacks an address family, upstreams
 * of that family are unreachable.
 *
 * @throws InterdictError ADDRESS_INVALID
 */
export async function createForwarder(options: ForwarderOptions): Promise<MeasuredForwarder> {
  const forwarder = new UpstreamForwarder(options)
  await forwarder.open()
  return forwarder
}

const ROOT = Uint8Array.of(0)

class UpstreamForwarder implements MeasuredForwarder {
  private readonly ownCounts = newForwarderCounts()
  private readonly allUpstreams: Upstream[] = []
  /** Upstreams of each domain, `undefined` for all other names, in the order of the options. */
  private readonly groups: {
    readonly name: Uint8Array | undefined
    readonly all: UpstreamGroup
  }[] = []
  private readonly seed: number
  private readonly clock: Clock
  private domains: DomainTable
  private readonly queries: UpstreamQueries
  private readonly prober: UpstreamProber
  private readonly pools: { readonly 4: UdpSocketPool; readonly 6: UdpSocketPool }
  private readonly tcpConnections: TcpConnections

  constructor(options: ForwarderOptions) {
    const { transport, clock, upstreams, domains = [], onHealth, connect = connectTcp } = options
    const { random = new BlockRandom(), timers = systemTimers } = options
    const { caseRandomization = true, cookies = true } = options
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const choice = new UpstreamSelector()
    const seed = (this.seed = random.word() | 0)
    this.clock = clock

    this.queries = new UpstreamQueries({
      clock,
      timers,
      limits,
      selector: choice,
      counts: this.ownCounts,
      send: this.send,
      caseRandom: caseRandomization ? random : undefined,
      seed
    })
    this.prober = new UpstreamProber(clock, timers, (question, upstream, now) => {
      this.queries.probe(question, upstream, now)
    })
    const handler: AttemptHandler = this.queries
    const shared = { transport, random, timers, now: () => clock.now(), limits, handler }
    this.pools = { 4: new UdpSocketPool(4, shared), 6: new UdpSocketPool(6, shared) }
    this.tcpConnections = new TcpConnections(connect, shared)

    const listener: HealthListener = {
      onOutOfRotation: (upstream, now) => {
        this.prober.startProbing(upstream, now)
      },
      onHealthChange: change => onHealth?.(change)
    }
    const create = (endpoint: UpstreamServer): Upstream => {
      // Encrypted responses cannot be forged.
      const hasCookies = cookies && endpoint.tls === undefined
      const upstreamCookies = new UpstreamCookies(hasCookies ? random : undefined)
      return new Upstream(
        this.allUpstreams.length,
        endpoint,
        transport.peer(endpoint),
        upstreamCookies,
        listener
      )
    }
    for (const { name, servers } of [{ name: undefined, servers: upstreams }, ...domains]) {
      this.groups.push({ name, all: servers.map(endpoint => this.upstreamAt(endpoint, create)) })
    }
    this.domains = this.buildDomainTable(new Set())
  }

  /** Opens the first sockets of the address families in use, and connections. */
  async open(): Promise<void> {
    for (const upstream of this.allUpstreams) this.tcpConnections.warm(upstream)
    const overUdp = this.allUpstreams.filter(({ isEncrypted }) => !isEncrypted)
    const families = new Set(overUdp.map(({ family }) => family))
    await Promise.all([...families].map(family => this.pools[family].open()))
  }

  get upstreams(): readonly string[] {
    return this.allUpstreams.map(({ text }) => text)
  }

  get counts(): Readonly<Counts> {
    const sum = newUpstreamCounts()
    for (const { counts } of this.allUpstreams) addCounts(sum, counts)
    return { ...sum, ...this.ownCounts }
  }

  get states(): readonly UpstreamState[] {
    const now = this.clock.now()
    return this.allUpstreams.map(upstream => ({
      address: upstream.text,
      encryption: encryptionOf(upstream.endpoint),
      error: upstream.connectionError,
      responseTime: upstream.responseTime,
      health: upstream.isDown ? 'down' : upstream.isOutOfRotation(now) ? 'outOfRotation' : 'up',
      answeredAgo: upstream.answeredAgo(now),
      unavailableFor: upstream.unavailableFor(now),
      cookies: upstream.cookies.isSupported,
      edns: upstream.usesEdns(now),
      counts: upstream.counts
    }))
  }

  get inFlight(): number {
    return this.queries.size
  }

  forward(question: ForwardedQuestion, waiter: OutcomeHandler): void {
    this.queries.start(question, this.domains.find(question.question), waiter)
  }

  excludeRoutes(routes: ReadonlySet<number>): void {
    this.domains = this.buildDomainTable(routes)
  }

  close(): void {
    this.queries.close()
    this.prober.close()
    this.pools[4].close()
    this.pools[6].close()
    this.tcpConnections.close()
  }

  private buildDomainTable(routes: ReadonlySet<number>): DomainTable {
    const table = new DomainTable([], this.seed)
    let route = 0
    for (const { name, all } of this.groups) {
      const remaining = all.filter(() => !routes.has(route++))
      table.add(name ?? ROOT, remaining.length === 0 && all.length > 0 ? ALL_LOOPING : remaining)
    }
    return table
  }

  private readonly send: Send = (attempt, now) => {
    if (attempt.overTcp) return this.tcpConnections.send(attempt)
    return this.pools[attempt.upstream.family].send(attempt, now)
  }

  /** One object per address and port, however often it is configured, so that health is shared. */
  private upstreamAt(
    endpoint: UpstreamServer,
    create: (endpoint: UpstreamServer) => Upstream
  ): Upstream {
    const text = showServer(endpoint)
    const existing = this.allUpstreams.find(upstream => upstream.text === text)
    if (existing !== undefined) return existing
    const created = create(endpoint)
    this.allUpstreams.push(created)
    return created
  }
}

function encryptionOf({ tls }: UpstreamServer): UpstreamState['encryption'] {
  if (tls === undefined) return 'none'
  return tls.opportunistic ? 'opportunistic' : 'strict'
}
