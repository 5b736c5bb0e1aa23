import { systemClock, TickClock } from '../../base/clock.js'
import { Shelf } from '../../cache/shelf.js'
import { ServerCookies } from '../../dns/edns/server-cookie.js'
import { LoopProbes } from '../../dns/message/loop-probe.js'
import { Policy } from '../../policy/evaluate/policy.js'
import { RingWriter } from '../../querylog/record/ring.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { CacheFlusher } from '../../resolver/cache-flusher.js'
import { ClientResponseTimer } from '../../resolver/client-response-timer.js'
import { Fallback } from '../../resolver/fallback.js'
import { LookupCounters } from '../../resolver/lookup-counters.js'
import { ServerIdentity } from '../../resolver/server-identity.js'
import { NotifyHandler, type NotifyRules } from '../../resolver/notify-handler.js'
import { Prefetcher } from '../../resolver/prefetcher.js'
import { QueryLogger } from '../../resolver/query-logger.js'
import { Resolver } from '../../resolver/resolve.js'
import { SharedQueries } from '../../resolver/shared-queries.js'
import { UpstreamResponseHandler } from '../../resolver/upstream-response-handler.js'
import { serveTcp, type TcpService } from '../../server/tcp.js'
import { serveUdp, type UdpService } from '../../server/udp.js'
import { DescriptorTable } from '../../udp/batch/descriptor-table.js'
import type { Endpoint } from '../../udp/datagram.js'
import { ListeningSockets, type ListeningSocket } from '../../udp/listening-sockets.js'
import { chooseTransport } from '../../udp/transport.js'
import type { MeasuredForwarder } from '../../upstream/create-forwarder.js'
import type { Forwarder } from '../../upstream/forwarder.js'
import { systemTimers } from '../../upstream/timers.js'
import { collectCounters, type WorkerStatus } from '../admin/worker-status.js'
import { ReplacedSnapshots, COLLECT_DELAY } from '../reload/replaced-snapshots.js'
import type {
  CountedSnapshot,
  WorkerRequest,
  WorkerReply,
  WorkerInit
} from '../threads/messages.js'
import type { CookieSecrets } from './cookie-secrets.js'
import { createLimits, type Limits } from './limits.js'
import { openForwarder } from './open-forwarder.js'
import { createRebindingGuard } from './rebinding-guard.js'
import { runInSlices } from './run-in-slices.js'
import { openCaches } from './shared-cache.js'

/** The share of `give-up` for which a query waits for another worker that has forwarded the same. */
const PATIENCE_SHARE = 1 / 2

/** The data plane of one worker: resolver, shelf, upstream sockets and listeners. */
export class DataPlane {
  private readonly clock = new TickClock(systemClock)
  private resolver: Resolver | undefined
  private shelf: Shelf | undefined
  private cacheFlusher: CacheFlusher | undefined
  private rules: CountedSnapshot | undefined
  private readonly replaced = new ReplacedSnapshots(COLLECT_DELAY.worker)
  private forwarder: MeasuredForwarder | undefined
  private limits: Limits | undefined
  private disabledRoutes: ReadonlySet<number>
  private readonly ring: RingWriter
  private readonly counters: LookupCounters
  private readonly cookies: ServerCookies | undefined
  private readonly udp: UdpService[] = []
  private readonly tcp: TcpService[] = []
  private sockets: ListeningSockets | undefined
  private readonly notify: NotifyHandler

  /**
   * @param onProbe called with the token of each loop detection probe that arrives as a query
   * @param onNotify called with the zone and the primary of each NOTIFY
   */
  constructor(
    private readonly init: WorkerInit,
    private readonly log: ServiceLog,
    private readonly onProbe: (token: string) => void,
    onNotify: (zone: string, primary: string) => void
  ) {
    this.notify = new NotifyHandler(this.clock, onNotify)
    this.notify.setRules(init.notify)
    this.disabledRoutes = init.disabledRoutes
    this.ring = new RingWriter(init.ring)
    this.counters = new LookupCounters(systemClock, init.counters, init.number)
    this.cookies = init.cookieSecrets && new ServerCookies(this.clock, init.cookieSecrets)
  }

  /**
   * @param inherited sockets of these endpoints that another process has opened
   * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
   */
  async listen(
    endpoints: readonly Endpoint[],
    rules: CountedSnapshot,
    inherited: readonly ListeningSocket[]
  ): Promise<void> {
    const { config, upstreams, upstreamSockets, descriptors } = this.init
    const { transport } = chooseTransport(config.transport, new DescriptorTable(descriptors))
    const { clock, log } = this
    const onUp = (): void => {
      void this.flushFailures()
    }
    const forwarder = await openForwarder(
      config,
      upstreams,
      transport,
      clock,
      log,
      upstreamSockets,
      onUp
    )
    forwarder.excludeRoutes(this.disabledRoutes)
    this.forwarder = forwarder
    // A newer snapshot may have arrived while the upstream sockets were opened.
    this.rules ??= rules
    this.replaced.setCurrent(this.rules.snapshot)
    const resolver = this.buildResolver(forwarder, this.rules)
    this.resolver = resolver
    const { idle, maxConnections, maxInFlight } = config.tcp
    const limits = { idle, connections: maxConnections, queriesInFlight: maxInFlight }
    this.limits = createLimits(config, this.cookies)
    const options = { limits, clock: this.clock, ...this.limits }
    const sockets = (this.sockets = new ListeningSockets(transport, inherited))
    for (const endpoint of endpoints) {
      do {
        this.udp.push(await serveUdp(sockets, endpoint, resolver, options))
        this.tcp.push(await serveTcp(sockets, endpoint, resolver, options))
        // The process before had more workers.
      } while (sockets.hasMore(endpoint))
    }
  }

  adopt(rules: CountedSnapshot): void {
    const { snapshot, counters } = rules
    this.rules = rules
    this.replaced.setCurrent(snapshot)
    this.resolver?.adopt(new Policy(snapshot), counters)
  }

  setCookieSecrets(secrets: CookieSecrets): void {
    this.cookies?.setSecrets(secrets)
  }

  setNotifySources(rules: NotifyRules): void {
    this.notify.setRules(rules)
  }

  /** Handles a request of the control thread. */
  handle(request: WorkerRequest): WorkerReply {
    switch (request.kind) {
      case 'clear-shelf':
        this.shelf?.clear()
        return { cleared: true }
      case 'status':
        return this.status()
      case 'sockets':
        return { sockets: this.sockets?.opened ?? [] }
    }
  }

  disableRoutes(routes: ReadonlySet<number>): void {
    this.disabledRoutes = routes
    this.forwarder?.excludeRoutes(routes)
  }

  /**
   * Stops accepting queries; resolves when pending ones are answered or the grace period is over.
   *
   * @param leaves another process has the sockets, too: see `UdpService.drain`
   */
  async drain(leaves: boolean): Promise<void> {
    const { grace } = this.init.config.shutdown
    await Promise.all([
      ...this.udp.map(service => service.drain(grace, leaves)),
      ...this.tcp.map(service => service.drain(grace, leaves))
    ])
    this.ring.commit()
    this.forwarder?.close()
  }

  /** Closes every socket at once; queries in flight are dropped. */
  close(): void {
    for (const service of [...this.udp, ...this.tcp]) service.close()
    this.forwarder?.close()
    this.ring.commit()
  }

  private async flushFailures(): Promise<void> {
    if (this.cacheFlusher === undefined) return
    await runInSlices(this.cacheFlusher.flushFailures())
    this.shelf?.clear()
  }

  private status(): WorkerStatus {
    const { udp, tcp, limits, resolver, forwarder } = this
    const waiting = forwarder?.inFlight ?? 0
    const counters = collectCounters({
      udp,
      tcp,
      limits,
      pendingQueries: resolver?.counts,
      waiting
    })
    return { counters, upstreams: forwarder?.states ?? [] }
  }

  private buildResolver(forwarder: Forwarder, { snapshot, counters }: CountedSnapshot): Resolver {
    const { config, number, cache: memory } = this.init
    const { cache: limits, identity: settings, log } = config
    const { cache, failures, inFlight } = openCaches(memory, this.clock, limits.staleMax, number)
    const fallback = new Fallback(cache, failures, limits)
    const responseTimer = new ClientResponseTimer(
      fallback,
      limits.staleAfter,
      this.clock,
      systemTimers
    )
    const { which } = log.queries
    // The shelf answers without writing a log record, so it is off when every lookup is logged.
    const shelf = which === 'all' ? undefined : new Shelf(memory.shelfSize, this.clock.now())
    const responses = new UpstreamResponseHandler(cache, fallback, limits, inFlight)
    const prefetcher = limits.prefetch
      ? new Prefetcher(cache, responses, forwarder, this.clock, inFlight)
      : undefined
    const patience = config.upstreams.giveUp * PATIENCE_SHARE
    const sharedQueries =
      inFlight && new SharedQueries(inFlight, cache, patience, this.clock, systemTimers)
    this.shelf = shelf
    this.cacheFlusher = new CacheFlusher(cache, failures)
    const logger = new QueryLogger(which, this.ring, this.counters)
    const identity = new ServerIdentity(settings)
    const rebindingGuard = createRebindingGuard(this.init.config)
    const probes = new LoopProbes(this.init.probeKey)
    const parts = {
      cache,
      shelf,
      forwarder,
      responses,
      fallback,
      responseTimer,
      prefetcher,
      sharedQueries,
      logger,
      counters: this.counters,
      identity,
      cookies: this.cookies,
      rebindingGuard,
      loopDetection: { probes, onProbe: this.onProbe },
      notify: this.notify,
      clock: this.clock
    }
    return new Resolver(parts, new Policy(snapshot), counters)
  }
}
