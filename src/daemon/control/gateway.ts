import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { failure } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Config, ListenConfig } from '../../config/config.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { createRing } from '../../querylog/record/ring.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { allocateCounters, COUNTERS } from '../../resolver/lookup-counters.js'
import type { Endpoint, Transport } from '../../udp/datagram.js'
import { acquireStartLock } from '../../udp/start-lock.js'
import { systemTimers } from '../../upstream/timers.js'
import { hookFileErrors } from '../../alerts/hook-files.js'
import { smtpFileErrors } from '../../config/smtp-files.js'
import { oidcFileErrors } from '../admin/http/login/provider-files.js'
import { AdminInterface } from '../admin/admin-interface.js'
import type {
  ControlRequest,
  RulesReply,
  RulesRequest,
  UpgradeResult
} from '../admin/admin-protocol.js'
import { certificateFiles, CertificateReader, servedCertificates } from '../admin/certificates.js'
import { withHealth } from '../admin/health.js'
import { HttpHandle } from '../admin/http/http-handle.js'
import { gatherStatus, type Status } from '../admin/status.js'
import { Alerts } from '../alerts/alerts.js'
import { ReportScheduler } from '../reports/report-scheduler.js'
import { FleetHandle } from '../fleet/fleet-handle.js'
import { Archiver } from '../querylog/archiver.js'
import { checkChainKey } from '../querylog/chain-key.js'
import { RecorderHandle } from '../querylog/recorder-handle.js'
import { CertificateReloader } from '../reload/certificate-reloader.js'
import type { CompilerHandle, SettingsSource } from '../reload/compiler-handle.js'
import type { ReloadReason, ReloadStatus } from '../reload/reload-reporter.js'
import { RulesReloader } from '../reload/rules-reloader.js'
import { prepareSettings, type SettingsParts } from '../settings/prepare-settings.js'
import { SettingsReloader } from '../settings/settings-reloader.js'
import { serializeError, type SerializedError } from '../threads/serialized-error.js'
import type { StartThread } from '../threads/thread.js'
import { EventLoopLag } from '../threads/event-loop-lag.js'
import { loadCookieSecrets, type CookieSecrets } from '../workers/cookie-secrets.js'
import { RuleCounters } from '../workers/rule-counters.js'
import { SharedCache } from '../workers/shared-cache.js'
import { descriptorLimit, upstreamSocketLimit } from '../workers/upstream-ports.js'
import { WorkerPool } from '../workers/worker-pool.js'
import { bootstrapServers, routesOf, configuredUpstreams } from './configured-upstreams.js'
import { findFreeEndpoint } from './free-endpoint.js'
import { LoopDetector, newProbeKey, type LoopCheckPlan } from './loop-detector.js'
import type { Predecessor } from './predecessor.js'
import type { Inheritance } from './successor.js'
import { uncoveredNames } from './uncovered-names.js'

/** The recorder writes what is pending first; one that takes longer waits for a disk. */
const ROTATE_TIMEOUT: Milliseconds = 2_000

export interface GatewayOptions {
  readonly config: Config
  /** Where the settings come from; undefined: they are not reloaded. */
  readonly source?: SettingsSource | undefined
  /** Opens the service log of other settings. */
  readonly prepareLog?: SettingsParts['prepareLog']
  readonly transport: Transport
  readonly log: ServiceLog
  readonly startThread: StartThread
  /** May already be running, to read the settings. Closed by the gateway. */
  readonly compiler: CompilerHandle
  /** The gateway that this one replaces; undefined: none. */
  readonly predecessor?:
    Pick<Predecessor, 'cookieSecrets' | 'ticketKey' | 'find' | 'take' | 'replace'> | undefined
  /** Starts a process that replaces this gateway. */
  readonly upgrade?: (() => Promise<UpgradeResult>) | undefined
}

/**
 * The control thread: starts the workers and the recorder, reloads the rules, restarts threads that die.
 * It handles no queries itself.
 */
export class Gateway {
  /** The endpoints it listens on, with the port chosen for port 0. */
  endpoints: readonly ListenConfig[] = []
  /** The settings in force. */
  config: Config
  /** Labels of all upstreams. */
  upstreams: readonly string[]
  private defaultUpstreams: readonly string[]
  /** Labels of all upstreams since the start, whose places never change. */
  private labels: readonly string[]

  private readonly cache: SharedCache
  private readonly workerPool: WorkerPool
  private readonly loopDetector: LoopDetector
  private readonly recorder: RecorderHandle
  private readonly archiver: Archiver
  private readonly admin: AdminInterface
  private readonly reloader: RulesReloader
  private readonly warnings: readonly SerializedError[]
  private readonly http: HttpHandle
  private readonly ruleCounters: RuleCounters
  private readonly lag: EventLoopLag
  private certificates: CertificateReader
  private readonly alerts: Alerts
  private readonly reports: ReportScheduler
  private readonly fleet: FleetHandle
  /** Undefined: no listener has TLS. */
  private readonly tls: CertificateReloader | undefined
  /** Memory for what is counted by the active rules. */
  private counters: SharedArrayBuffer | undefined
  private cookieSecrets: CookieSecrets | undefined
  private readonly settings: SettingsReloader | undefined
  private isStopping = false
  private readonly created = { wall: Date.now(), monotonic: performance.now() }

  constructor(private readonly options: GatewayOptions) {
    const { config, log, startThread, transport, compiler, source } = options
    this.config = config
    const { upstreams, labels, defaults, warnings } = configuredUpstreams(config)
    const count = workerCount(config, transport)
    const rings = Array.from({ length: count }, () => createRing())
    const { queries: settings, outputs } = config.log
    compiler.log = log
    this.upstreams = this.labels = labels
    this.defaultUpstreams = defaults
    this.warnings = warnings
    const recording = { settings, outputs, rings, upstreams: labels }
    this.recorder = new RecorderHandle(startThread, recording, log)
    const { path, archive: parquet, chain, retention: keep } = settings
    this.archiver = new Archiver({ path, parquet, chain, keep, log })
    const probeKey = newProbeKey()
    this.cache = new SharedCache(config.cache.size, count, log)
    const counters = allocateCounters((count + 1) * COUNTERS)
    this.lag = new EventLoopLag(counters, count)
    this.ruleCounters = new RuleCounters(count, rules => {
      this.http.setRules(rules)
      this.fleet.setRules(rules)
    })
    const upstreamSockets = upstreamSocketLimit(count, descriptorLimit())
    const memory = { cache: this.cache.memory, counters }
    const disabledRoutes: ReadonlySet<number> = new Set()
    const forWorkers = { config, upstreams, labels, disabledRoutes, cookieSecrets: undefined }
    const init = { settings: forWorkers, upstreamSockets, probeKey, ...memory }
    const onProbe = (token: string): void => this.loopDetector.onProbeReturned(token)
    const onNotify = (zone: string, primary: string): void => this.reloader.onNotify(zone, primary)
    const onDeath = (worker: number): void => this.cache.onDeath(worker)
    const onAdopted = (generation: number): void => this.ruleCounters.settle(generation)
    const events = { onDeath, onAdopted, onProbe, onNotify }
    this.workerPool = new WorkerPool({ startThread, init, rings, log, ...events })
    this.loopDetector = new LoopDetector({
      key: probeKey,
      plan: loopCheckPlan(config, upstreams),
      transport,
      timers: systemTimers,
      log,
      disableRoutes: routes => this.workerPool.disableRoutes(routes)
    })
    const status = (): Promise<Status> => this.status()
    this.admin = new AdminInterface({
      socket: config.admin.socket,
      workerPool: this.workerPool,
      cache: this.cache,
      status,
      upgrade: options.upgrade,
      operations: {
        reload: () => this.reloadOnRequest(),
        rotate: () => this.rotateLog(),
        pause: (rule, duration) => this.reloader.pause(rule, duration)
      },
      log
    })
    const handle = async (request: ControlRequest): Promise<unknown> =>
      request.do === 'rules' ? this.activeRules(request) : this.admin.handle(request)
    this.http = new HttpHandle({ startThread, config, counters, handle, log })
    this.certificates = new CertificateReader(certificateFiles(config))
    this.alerts = new Alerts({
      startThread,
      log,
      status: () => this.status().then(withHealth),
      rulesEndingWithin: time => this.reloader.reporter.rulesEndingWithin(time)
    })
    const files = config.listen.flatMap(({ certificates }) => certificates ?? [])
    const { ticketSecret } = config.tls
    const onChange = (): void => this.setCertificates()
    const inheritedKey = options.predecessor?.ticketKey
    const keys = { ticketSecret, inheritedKey }
    if (files.length > 0) this.tls = new CertificateReloader({ files, ...keys, log, onChange })
    const bootstrap = bootstrapServers(config, upstreams)
    this.alerts.update(config, bootstrap)
    this.reports = new ReportScheduler({ log, program: process.argv[1] ?? '' })
    this.reports.update(config)
    this.fleet = new FleetHandle({
      startThread,
      log,
      counters,
      status: () => this.status().then(withHealth),
      paused: () => this.reloader.pauses.current.map(({ rule }) => rule)
    })
    this.fleet.configure(config, bootstrap)
    this.reloader = new RulesReloader({
      config,
      compiler,
      log,
      startThread,
      bootstrap,
      adopt: (snapshot, isFirst) => this.adopt(snapshot, isFirst),
      reloadSettings: async reason => this.settings?.reload(reason),
      reloadSecrets: () => this.reloadCookieSecrets(),
      setNotifySources: rules => this.workerPool.setNotifySources(rules)
    })
    this.settings =
      source &&
      new SettingsReloader({
        ...{ compiler, log, config, source },
        apply: next => this.applySettings(next),
        onChange: () => void this.reload('settings changed')
      })
  }

  /** The active rules. */
  get rules(): Snapshot {
    return this.reloader.rules
  }

  get workers(): number {
    return this.workerPool.size
  }

  /** Where health and metrics are served; undefined: nowhere. */
  get httpEndpoint(): Endpoint | undefined {
    return this.http.endpoint
  }

  /** Its sockets for clients, and what else a process that replaces it needs. */
  async inheritance(): Promise<Inheritance> {
    const sockets = await this.workerPool.sockets()
    return { sockets, cookieSecrets: this.cookieSecrets, ticketKey: this.tls?.ticketKey }
  }

  /**
   * Starts to serve. Opens no socket before the rules are valid and the endpoints free.
   *
   * @returns the errors that prevent it; empty: it serves
   */
  async start(): Promise<readonly SerializedError[]> {
    const { config } = this.options
    const keyErrors = [
      ...(await this.reloadCookieSecrets()),
      ...((await this.tls?.reload(false)) ?? []),
      ...checkChainKey(config),
      ...hookFileErrors(config.alerts).map(serializeError),
      ...smtpFileErrors(config.smtp).map(serializeError),
      ...oidcFileErrors(config.admin.oidc).map(serializeError)
    ]
    if (keyErrors.length > 0) return keyErrors
    // The threads load their code while the rules are read, which is most of the start-up time.
    this.workerPool.start()
    await this.fleet.fetchFirst()
    const ruleErrors = await this.reloader.load()
    if (ruleErrors.length > 0) return ruleErrors
    const listenErrors = await this.listen()
    if (listenErrors.length > 0) return listenErrors
    // After the listeners, so that clients are served first: log records wait in the rings meanwhile.
    this.recorder.start()
    this.reloader.startWatching(this.warnings)
    this.settings?.startWatching()
    this.loopDetector.start()
    if (config.log.queries.which !== 'none') this.archiver.start()
    this.alerts.start()
    this.reports.start()
    this.fleet.start()
    return []
  }

  /**
   * Changes the settings of everything that runs, or nothing if there is an error. What needs a restart is
   * as before: see `withoutRestart`.
   *
   * @returns the errors that prevent it
   */
  async applySettings(config: Config): Promise<readonly SerializedError[]> {
    const { admin, recorder, options } = this
    const { prepareLog = () => NOTHING_PREPARED } = options
    const parts = { admin, recorder, prepareLog }
    const prepared = await prepareSettings(this.config, config, this.endpoints, parts)
    if (!prepared.ok) return prepared.errors
    if (this.isStopping) {
      prepared.discard()
      return []
    }
    prepared.commit()
    const { upstreams, labels, defaults, warnings } = configuredUpstreams(config)
    const isRandom = config.cookies.secretFile === undefined
    const wasRandom = this.config.cookies.secretFile === undefined
    // A random secret is kept as long as the process runs.
    const keeps = config.cookies.server && isRandom && wasRandom && this.cookieSecrets !== undefined
    if (!keeps) this.cookieSecrets = prepared.cookieSecrets
    this.config = config
    this.upstreams = labels
    this.defaultUpstreams = defaults
    this.labels = [...new Set([...this.labels, ...labels])]
    const { queries, outputs } = config.log
    recorder.configure({ settings: queries, outputs, upstreams: this.labels })
    const disabledRoutes = this.loopDetector.configure(loopCheckPlan(config, upstreams))
    const { cookieSecrets } = this
    const forWorkers = { config, upstreams, labels: this.labels, disabledRoutes, cookieSecrets }
    this.workerPool.configure(forWorkers)
    const { path, archive: parquet, chain, retention: keep } = queries
    this.archiver.configure({ path, parquet, chain, keep })
    if (queries.which === 'none') this.archiver.stop()
    else this.archiver.start()
    for (const { code, message } of warnings) options.log.warn({ code }, message)
    const bootstrap = bootstrapServers(config, upstreams)
    this.certificates = new CertificateReader(certificateFiles(config))
    this.alerts.update(config, bootstrap)
    this.reports.update(config)
    this.fleet.configure(config, bootstrap)
    this.http.configure(config)
    this.reloader.configure(config, bootstrap, prepared.primaries)
    return []
  }

  /**
   * Reloads the rules; on SIGHUP the certificates and the settings first. Errors are logged, and the previous
   * ones remain active.
   */
  async reload(reason: ReloadReason): Promise<void> {
    if (reason === 'SIGHUP') await this.tls?.reload(true)
    await this.reloader.reload(reason)
  }

  private async reloadOnRequest(): Promise<ReloadStatus> {
    await this.reload('request')
    return this.reloader.reporter.last!
  }

  private async rotateLog(): Promise<{ readonly rotated: boolean }> {
    const rotated = await this.recorder.rotate(ROTATE_TIMEOUT)
    if (rotated === undefined) throw failure('RECORDER_SILENT')
    return { rotated }
  }

  /** Reopens the query log, for external log rotation. */
  reopenLog(): void {
    this.recorder.reopen()
  }

  /**
   * Stops accepting queries, after `shutdown.lame-duck`, answers pending ones, and writes pending log
   * records.
   *
   * @param leaves another process answers already, from the same sockets
   * @returns whether all threads have ended
   */
  async stop(leaves = false): Promise<boolean> {
    const { lameDuck, grace } = this.config.shutdown
    this.isStopping = true
    if (!leaves) await sleep(lameDuck)
    this.close()
    const alertsEnded = this.alerts.close()
    await this.reports.close()
    await this.archiver.close()
    await this.workerPool.drain(grace, leaves)
    const recorderEnded = await this.recorder.drain()
    const compilerEnded = await this.options.compiler.close()
    await alertsEnded
    return (await this.reloader.hasStopped()) && recorderEnded && compilerEnded
  }

  /** Ends all threads at once; pending queries are dropped. @returns whether all threads have ended */
  async abort(): Promise<boolean> {
    this.close()
    const { recorder, workerPool, archiver } = this
    const { compiler } = this.options
    const ends = [recorder.end(), compiler.close(), workerPool.end(), archiver.close()] as const
    const [recorderEnded, compilerEnded] = await Promise.all(ends)
    await this.alerts.end()
    await this.reports.close()
    return (await this.reloader.hasStopped()) && recorderEnded && compilerEnded
  }

  private close(): void {
    this.reloader.close()
    this.settings?.close()
    this.tls?.close()
    this.admin.close()
    this.fleet.close()
    void this.http.close()
    this.loopDetector.close()
    this.lag.close()
  }

  /** Opens the sockets, unless another process has the ports or is about to open them. */
  private async listen(): Promise<readonly SerializedError[]> {
    const { predecessor } = this.options
    if (predecessor !== undefined) return this.takeOver(predecessor)
    const startLock = await acquireStartLock(this.options.config.listen.map(({ port }) => port))
    try {
      const reserveErrors = await this.reserve()
      if (reserveErrors.length > 0) return reserveErrors
      const adminErrors = await this.admin.open()
      if (adminErrors.length > 0) return adminErrors
      const httpErrors = await this.http.open()
      if (httpErrors.length > 0) return httpErrors
      const error = await this.workerPool.listen(this.endpoints, {
        snapshot: this.rules,
        counters: this.counters!
      })
      return error === undefined ? [] : [error]
    } finally {
      startLock.release()
    }
  }

  /**
   * Listens on the sockets of a gateway that is replaced, before it ends. What only one of them can have is
   * opened after that: an error then does not stop it, since nothing else would answer.
   */
  private async takeOver(
    predecessor: NonNullable<GatewayOptions['predecessor']>
  ): Promise<readonly SerializedError[]> {
    const reserveErrors = await this.reserve()
    if (reserveErrors.length > 0) return reserveErrors
    const rules = { snapshot: this.rules, counters: this.counters! }
    const sockets = predecessor.take(this.endpoints)
    const error = await this.workerPool.listen(this.endpoints, rules, sockets)
    if (error !== undefined) return [error]
    await predecessor.replace()
    for (const open of [this.recorder.lock(), this.admin.open(), this.http.open()]) {
      for (const { code, message } of await open) this.options.log.error({ code }, message)
    }
    return []
  }

  /** Checks that all endpoints are free, choosing a port for port 0, and locks the query log. */
  private async reserve(): Promise<readonly SerializedError[]> {
    const { config, transport, predecessor } = this.options
    const errors: SerializedError[] = []
    const free: ListenConfig[] = []
    for (const endpoint of config.listen) {
      try {
        const inherited = predecessor?.find(endpoint, free)
        const found = inherited ?? (await findFreeEndpoint(transport, endpoint))
        free.push({ ...endpoint, ...found })
      } catch (error) {
        errors.push(serializeError(error))
      }
    }
    this.endpoints = free
    return errors.length > 0 || predecessor !== undefined ? errors : this.recorder.lock()
  }

  private setCertificates(): void {
    const materials = this.options.config.listen.map(({ certificates }) => {
      return certificates && this.tls!.material(certificates)
    })
    for (const { code, message } of uncoveredNames(this.options.config.listen, materials))
      this.options.log.warn({ code }, message)
    this.workerPool.setCertificates(materials)
  }

  /** Reads the cookie secrets again; on errors the previous ones remain active. */
  private async reloadCookieSecrets(): Promise<readonly SerializedError[]> {
    const { cookies } = this.config
    // A random secret is kept as long as the process runs.
    const isRandom = cookies.secretFile === undefined
    if (this.cookieSecrets !== undefined && isRandom) return []
    try {
      const { predecessor } = this.options
      const inherited = isRandom && cookies.server ? predecessor?.cookieSecrets : undefined
      this.cookieSecrets = inherited ?? (await loadCookieSecrets(cookies))
      if (this.cookieSecrets !== undefined) this.workerPool.setCookieSecrets(this.cookieSecrets)
      return []
    } catch (error) {
      return (error as AggregateError).errors.map(serializeError)
    }
  }

  /** @param isFirst workers get the first snapshot with the `listen` message */
  private adopt(snapshot: Snapshot, isFirst: boolean): void {
    this.recorder.adopt(snapshot)
    this.counters = this.ruleCounters.adopt(snapshot)
    this.fleet.onChange()
    if (!isFirst) this.workerPool.adopt({ snapshot, counters: this.counters })
  }

  private activeRules({ known }: RulesRequest): RulesReply | undefined {
    const { rules: snapshot, described } = this.reloader
    return known === snapshot.generation ? undefined : { snapshot, described: described! }
  }

  /** The state of all threads, within two seconds. */
  status(): Promise<Status> {
    const { workerPool, cache, recorder, archiver, loopDetector, endpoints, upstreams, created } =
      this
    const { reporter, rules, zones, lists } = this.reloader
    const certificates = [...this.certificates.read(), ...servedCertificates(this.tls)]
    const { status: alerts } = this.alerts
    const { status: reports } = this.reports
    const { status: fleet } = this.fleet
    const { kind: transport } = this.options.transport
    const times = {
      started: created.wall,
      uptime: performance.now() - created.monotonic,
      stopping: this.isStopping
    }
    const sources = { workerPool, cache, recorder, archiver, loopDetector, reporter, rules, zones }
    const { defaultUpstreams } = this
    const settings = this.settings?.state
    const names = { endpoints, upstreams, defaultUpstreams, transport, settings }
    return gatherStatus({
      ...{ ...sources, ...names, ...times, lists, certificates },
      ...{ alerts, reports, fleet }
    })
  }
}

const NOTHING_PREPARED = { commit: () => undefined, discard: () => undefined }

function loopCheckPlan(config: Config, upstreams: readonly Endpoint[]): LoopCheckPlan {
  const { forward, loopCheck } = config.upstreams
  return { routes: routesOf(upstreams, forward), interval: loopCheck * MS_PER_SECOND }
}

/** Threads cannot share a port on every transport. */
function workerCount({ workers }: Config, transport: Transport): number {
  if (!transport.sharesPorts) return 1
  return workers === 'auto' ? availableParallelism() : workers
}
