import { isDeepStrictEqual } from 'node:util'
import type { MessagePort } from 'node:worker_threads'
import { systemClock, TickClock } from '../../base/time/clock.js'
import type { ListenConfig } from '../config/config.js'
import { Shelf } from '../../resolver/cache/shelf.js'
import { ServerCookies } from '../../wire/dns/edns/server-cookie.js'
import { AnswerNotes, type AnswerBatch } from '../../resolver/stages/answer-notes.js'
import { ReplyGate, type GateLink } from '../../resolver/stages/reply-gate.js'
import { LoopProbes } from '../../wire/dns/message/loop-probe.js'
import { DeviceTableReader } from '../../policy/bindings/device-table.js'
import { DeniedTableReader } from '../../policy/egress/denied-table.js'
import { Policy } from '../../policy/evaluate/policy.js'
import { RingWriter } from '../../lookups/event/ring.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { CacheFlusher } from '../../resolver/cache/cache-flusher.js'
import { ClientResponseTimer } from '../../resolver/stages/client-response-timer.js'
import { Fallback } from '../../resolver/answers/fallback.js'
import { LookupCounters } from '../../resolver/context/lookup-counters.js'
import { ServerIdentity } from '../../resolver/context/server-identity.js'
import { NotifyHandler, type NotifyRules } from '../../resolver/stages/notify-handler.js'
import { ProbeRecognizer } from '../../resolver/context/probe-recognizer.js'
import { Prefetcher } from '../../resolver/answers/prefetcher.js'
import { QueryLogger } from '../../resolver/stages/query-logger.js'
import { Resolver, type ResolverSettings } from '../../resolver/stages/resolve.js'
import { SharedQueries } from '../../resolver/stages/shared-queries.js'
import {
  ValidationSampler,
  type ValidationSample
} from '../../resolver/stages/validation-sampler.js'
import { UpstreamResponseHandler } from '../../resolver/answers/upstream-response-handler.js'
import { ClientRecognizer } from '../../resolver/server/client-recognizer.js'
import { DescriptorTable } from '../../base/system/descriptor-table.js'
import { ListeningSockets, type ListeningSocket } from '../../wire/sockets/listening-sockets.js'
import type { Endpoint, Transport } from '../../wire/sockets/datagram.js'
import { chooseTransport } from '../../wire/sockets/transport.js'
import type {
  ForwarderSettings,
  MeasuredForwarder,
  RouteId
} from '../../resolver/upstream/create-forwarder.js'
import { systemTimers } from '../../base/time/timers.js'
import { ValidatingForwarder } from '../../resolver/validation/validating-forwarder.js'
import { ValidationLink } from './validation-link.js'
import { collectCounters, type WorkerStatus } from './worker-status.js'
import { probeSources } from '../probe/own-listeners.js'
import { ReplacedSnapshots, COLLECT_DELAY } from '../../policy/tables/replaced-snapshots.js'
import type {
  CountedSnapshot,
  WorkerRequest,
  WorkerReply,
  WorkerInit,
  WorkerSettings
} from './worker-messages.js'
import type { CookieSecrets } from './cookie-secrets.js'
import { WorkerListeners } from './worker-listeners.js'
import { forwarderSettings, openForwarder } from '../upstreams/open-forwarder.js'
import { excessReporter } from './excess-reporter.js'
import { identityReporter, recognitionRules } from './recognition.js'
import { createRebindingGuard } from './create-rebinding-guard.js'
import { runInSlices } from './run-in-slices.js'
import { openCaches } from './shared-cache.js'

/** The share of `give-up` for which a query waits for another worker that has forwarded the same. */
const PATIENCE_SHARE = 1 / 2

const NO_GATE: GateLink = {
  sighted: () => undefined,
  held: () => undefined,
  overdue: () => undefined
}

/** The parts of a data plane that settings change, from `listen` on. */
interface Parts {
  readonly forwarder: MeasuredForwarder
  /** What the resolver forwards through. */
  readonly validating: ValidatingForwarder
  readonly resolver: Resolver
  readonly caches: ReturnType<typeof openCaches>
  readonly fallback: Fallback
  readonly responses: UpstreamResponseHandler
  readonly responseTimer: ClientResponseTimer
  readonly sharedQueries: SharedQueries | undefined
  readonly logger: QueryLogger
}

/** The transport of one thread. @throws InterdictError SOCKET_NO_BATCH */
export function transportOf({ settings, descriptors }: WorkerInit): Transport {
  return chooseTransport(settings.config.transport, new DescriptorTable(descriptors)).transport
}

/** The data plane of one worker: resolver, shelf, upstream sockets and listeners. */
export class DataPlane {
  private readonly clock = new TickClock(systemClock)
  private parts: Parts | undefined
  private shelf: Shelf | undefined
  private cacheFlusher: CacheFlusher | undefined
  private rules: CountedSnapshot | undefined
  private readonly replaced = new ReplacedSnapshots(COLLECT_DELAY.worker)
  private settings: WorkerSettings
  private readonly ring: RingWriter
  private readonly counters: LookupCounters
  private cookies: ServerCookies | undefined
  private readonly recognizer: ClientRecognizer
  private readonly listeners: WorkerListeners
  private readonly notify: NotifyHandler
  private readonly ownProbes: ProbeRecognizer
  private readonly sampler: ValidationSampler
  private readonly answerNotes: AnswerNotes
  private readonly replyGate: ReplyGate | undefined
  private readonly validation: ValidationLink

  /**
   * @param onProbe called with the token of each loop detection probe that arrives as a query
   * @param onNotify called with the zone and the primary of each NOTIFY
   * @param onAnswers called with addresses that answers led clients to, of networks with `egress`
   * @param gate called with replies that wait, and with what shows which addresses are shared
   * @param onSample called with some of the questions that were answered, to validate the answers
   */
  constructor(
    private readonly init: WorkerInit,
    private readonly log: ServiceLog,
    private readonly onProbe: (token: string) => void,
    onNotify: (zone: string, primary: string) => void,
    onSample: (sample: ValidationSample) => void = () => undefined,
    onAnswers: (batch: AnswerBatch) => void = () => undefined,
    gate: GateLink = NO_GATE
  ) {
    this.replyGate =
      init.denied &&
      new ReplyGate(new DeniedTableReader(init.denied), gate, this.clock, systemTimers)
    this.answerNotes = new AnswerNotes(onAnswers, setTimeout)
    this.sampler = new ValidationSampler(onSample)
    this.settings = init.settings
    const { giveUp } = init.settings.config.upstreams
    this.validation = new ValidationLink(giveUp, this.clock, systemTimers)
    this.notify = new NotifyHandler(this.clock, onNotify)
    this.notify.setRules(init.notify)
    this.ring = new RingWriter(init.ring)
    this.counters = new LookupCounters(systemClock, init.counters, init.number)
    this.setCookieSecrets(init.settings.cookieSecrets)
    const sources = probeSources(init.settings.config.listen)
    const recognition = { key: init.ownKey, sources, worker: init.number }
    this.ownProbes = new ProbeRecognizer(recognition, this.clock)
    const reporter = identityReporter(log, init.settings)
    this.recognizer = new ClientRecognizer(this.clock, reporter, (servername, address) =>
      this.ownProbes.isConnection(servername, address)
    )
    this.listeners = new WorkerListeners(
      this.clock,
      this.recognizer,
      init.certificates,
      excessReporter(log, () => this.settings.config)
    )
  }

  /**
   * @param inherited sockets of these endpoints that another process has opened
   * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
   */
  async listen(
    endpoints: readonly ListenConfig[],
    rules: CountedSnapshot,
    inherited: readonly ListeningSocket[],
    transport = transportOf(this.init)
  ): Promise<void> {
    const { upstreamSockets } = this.init
    const { clock, log } = this
    const onUp = (): void => {
      void this.flushFailures()
    }
    // A newer snapshot may have arrived before, and newer settings.
    this.rules ??= rules
    const settings = this.forwarding(this.rules)
    const forwarder = openForwarder(settings, transport, clock, log, upstreamSockets, onUp)
    this.replaced.setCurrent(this.rules.snapshot)
    const parts = this.buildParts(forwarder, this.rules)
    this.parts = parts
    this.configure(this.settings)
    const sockets = new ListeningSockets(transport, inherited)
    await this.listeners.open(sockets, endpoints, parts.resolver)
  }

  /** On which it listens, with the ports that the system chose. */
  get endpoints(): readonly Endpoint[] {
    return this.listeners.endpoints
  }

  adopt(rules: CountedSnapshot): void {
    const { snapshot, counters } = rules
    const before = this.rules
    this.rules = rules
    this.replaced.setCurrent(snapshot)
    if (this.parts === undefined) return
    const policy = new Policy(snapshot)
    if (!isDeepStrictEqual(before?.snapshot.forwarders ?? [], snapshot.forwarders))
      this.parts.forwarder.configure(this.forwarding(rules), this.settings.disabledRoutes)
    this.parts.resolver.adopt(policy, counters)
    this.recognizer.adopt(recognitionRules(policy))
    this.listeners.checkIdentities()
  }

  /** Takes a port to the validation thread. */
  connectValidation(port: MessagePort): void {
    this.validation.connect(port)
  }

  /** Sends replies that were held. */
  release(ids: readonly number[]): void {
    this.replyGate?.release(ids)
  }

  /** Takes other certificates and ticket keys for connections to come. */
  setCertificates(certificates: WorkerInit['certificates']): void {
    this.listeners.setCertificates(certificates)
  }

  /**
   * Replaces the settings, between two batches of queries. What has not changed keeps its state: health
   * of upstreams, rate limits, the shelf.
   */
  configure(settings: WorkerSettings): void {
    this.settings = settings
    this.setCookieSecrets(settings.cookieSecrets)
    const { parts } = this
    this.validation.patience = settings.config.upstreams.giveUp
    if (parts === undefined) return
    const { config, disabledRoutes } = settings
    const { cache: limits, log } = config
    this.ownProbes.isEnabled = config.probe.enabled
    parts.forwarder.configure(this.forwarding(this.rules), disabledRoutes)
    parts.caches.cache.setStaleMax(limits.staleMax)
    parts.fallback.limits = limits
    parts.responses.limits = limits
    parts.responseTimer.delay = limits.staleAfter
    if (parts.sharedQueries !== undefined)
      parts.sharedQueries.patience = config.upstreams.giveUp * PATIENCE_SHARE
    parts.logger.configure(log.queries.which)
    // Its answers were judged by the previous settings.
    this.shelf?.clear()
    parts.resolver.configure(this.resolverSettings(parts))
    this.listeners.configure(config, this.cookies)
  }

  /** @param secrets undefined: server cookies are off */
  setCookieSecrets(secrets: CookieSecrets | undefined): void {
    if (secrets === undefined) this.cookies = undefined
    else if (this.cookies === undefined) this.cookies = new ServerCookies(this.clock, secrets)
    else this.cookies.setSecrets(secrets)
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
        return { sockets: this.listeners.sockets }
    }
  }

  disableRoutes(routes: ReadonlySet<RouteId>): void {
    this.settings = { ...this.settings, disabledRoutes: routes }
    this.parts?.forwarder.excludeRoutes(routes)
  }

  /**
   * Stops accepting queries; resolves when pending ones are answered or the grace period is over.
   *
   * @param leaves another process has the sockets, too: see `UdpService.drain`
   */
  async drain(leaves: boolean): Promise<void> {
    await this.listeners.drain(this.settings.config.shutdown.grace, leaves)
    this.ring.commit()
    this.parts?.forwarder.close()
  }

  /** Closes every socket at once; queries in flight are dropped. */
  close(): void {
    this.listeners.close()
    this.validation.close()
    this.parts?.forwarder.close()
    this.ring.commit()
  }

  /** The upstreams of the settings, and those of networks. */
  private forwarding(rules: CountedSnapshot | undefined): ForwarderSettings {
    const { config, upstreams, labels } = this.settings
    const sets = rules?.snapshot.forwarders ?? []
    return forwarderSettings(config, upstreams, labels, this.probesIdle, sets)
  }

  /** One worker is enough: the status has the states of all. */
  private get probesIdle(): boolean {
    return this.init.number === 0
  }

  private async flushFailures(): Promise<void> {
    if (this.cacheFlusher === undefined) return
    await runInSlices(this.cacheFlusher.flushFailures())
    this.shelf?.clear()
  }

  private status(): WorkerStatus {
    const { parts } = this
    const waiting = parts?.forwarder.inFlight ?? 0
    const counters = collectCounters({
      ...this.listeners.counted,
      pendingQueries: parts?.resolver.counts,
      probed: parts?.resolver.probed,
      identities: this.recognizer.counts,
      waiting
    })
    const clients = Object.fromEntries(this.recognizer.seen)
    return { counters, upstreams: parts?.forwarder.states ?? [], clients }
  }

  private buildParts(forwarder: MeasuredForwarder, { snapshot, counters }: CountedSnapshot): Parts {
    const { number, cache: memory } = this.init
    const { config } = this.settings
    const { cache: limits, log } = config
    const caches = openCaches(memory, this.clock, limits.staleMax, number)
    const { cache, failures, inFlight } = caches
    const fallback = new Fallback(cache, failures, limits)
    const responseTimer = new ClientResponseTimer(
      fallback,
      limits.staleAfter,
      this.clock,
      systemTimers
    )
    const responses = new UpstreamResponseHandler(cache, fallback, limits, inFlight)
    const patience = config.upstreams.giveUp * PATIENCE_SHARE
    const sharedQueries =
      inFlight && new SharedQueries(inFlight, cache, patience, this.clock, systemTimers)
    this.cacheFlusher = new CacheFlusher(cache, failures)
    const logger = new QueryLogger(log.queries.which, this.ring, this.counters)
    const probes = new LoopProbes(this.init.probeKey)
    const validating = new ValidatingForwarder(forwarder, this.validation)
    const settings = this.resolverSettings({ validating, caches, responses })
    const dependencies = {
      ...settings,
      cache,
      forwarder: validating,
      responses,
      fallback,
      responseTimer,
      sharedQueries,
      logger,
      counters: this.counters,
      loopDetection: { probes, onProbe: this.onProbe },
      notify: this.notify,
      probes: this.ownProbes,
      sampler: this.sampler,
      answerNotes: this.answerNotes,
      replyGate: this.replyGate,
      deviceTable: this.init.devices && new DeviceTableReader(this.init.devices),
      clock: this.clock
    }
    const policy = new Policy(snapshot)
    this.recognizer.adopt(recognitionRules(policy))
    const resolver = new Resolver(dependencies, policy, counters)
    const tools = { caches, fallback, responses, responseTimer, sharedQueries, logger }
    return { forwarder, validating, resolver, ...tools }
  }

  private resolverSettings({
    validating,
    caches: { cache, inFlight },
    responses
  }: Pick<Parts, 'validating' | 'caches' | 'responses'>): ResolverSettings {
    const { config } = this.settings
    // The shelf answers without writing a log record, so it is off when every lookup is logged.
    if (config.log.queries.which === 'all') this.shelf = undefined
    else this.shelf ??= new Shelf(this.init.cache.shelfSize, this.clock.now())
    return {
      shelf: this.shelf,
      prefetcher: config.cache.prefetch
        ? new Prefetcher(cache, responses, validating, this.clock, inFlight)
        : undefined,
      identity: new ServerIdentity(config.identity),
      cookies: this.cookies,
      structuredErrors: config.structuredErrors,
      rebindingGuard: createRebindingGuard(config)
    }
  }
}
