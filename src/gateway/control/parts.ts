import { availableParallelism } from 'node:os'
import { failure } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { canDeny, type CertificateConfig, type Config } from '../config/config.js'
import type { ForwarderSet } from '../../policy/tables/forwarder-sets.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { createRing } from '../../lookups/event/ring.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { historyFolder } from '../../policy/history/history-folder.js'
import { allocateCounters, COUNTERS } from '../../resolver/context/lookup-counters.js'
import type { Transport } from '../../wire/sockets/datagram.js'
import { systemTimers } from '../../base/time/timers.js'
import type { RouteId } from '../../resolver/upstream/create-forwarder.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'
import { AdminInterface } from '../socket/admin-interface.js'
import type {
  RotateResult,
  RulesReply,
  RulesRequest,
  UpgradeResult
} from '../socket/admin-protocol.js'
import { withHealth } from '../status/health.js'
import { packRulesInForce } from '../status/rules-in-force.js'
import type { Status } from '../status/status.js'
import { Alerts } from '../alerts/alerts.js'
import { ProbeHandle } from '../probe/probe-handle.js'
import { BindingsHandle } from '../bindings/bindings-handle.js'
import { ObservationHandle } from '../egress/observation-handle.js'
import { ValidationHandle } from '../validation/validation-handle.js'
import { Archiver } from '../../lookups/threads/archiver.js'
import { ChainWitness } from '../../lookups/witness/chain-witness.js'
import { RecorderHandle } from '../../lookups/threads/recorder-handle.js'
import { CertificateReloader } from '../reload/certificate-reloader.js'
import type { CompilerHandle, SettingsSource } from '../compiler/compiler-handle.js'
import { CookieSecretReloader } from '../reload/cookie-secret-reloader.js'
import type { ReloadReason } from '../reload/reload-reporter.js'
import { MAX_REPORTED } from '../reload/reload-reporter.js'
import { RulesReloader } from '../reload/rules-reloader.js'
import { CatalogueUpdater } from '../catalogue/catalogue-updater.js'
import { ReportScheduler } from '../reports/report-scheduler.js'
import type { SettingsParts } from './prepare-settings.js'
import { SettingsReloader } from '../reload/settings-reloader.js'
import { EventLoopLag } from '../workers/event-loop-lag.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { StartThread } from '../../base/threads/thread.js'
import { RuleCounters } from '../workers/rule-counters.js'
import { SharedCache } from '../workers/shared-cache.js'
import { descriptorLimit, upstreamSocketLimit } from '../upstreams/upstream-ports.js'
import { WorkerPool } from '../workers/worker-pool.js'
import {
  bootstrapServers,
  routesOf,
  type ConfiguredUpstreams
} from '../upstreams/configured-upstreams.js'
import { GatewaySockets } from './gateway-sockets.js'
import type { AdminService, FleetAgent, GatewayServices } from './services.js'
import { LoopDetector, newProbeKey, type LoopCheckPlan } from '../upstreams/loop-detector.js'
import type { Predecessor } from '../hand-over/predecessor.js'
import { uncoveredNames } from '../discovery/uncovered-names.js'

/** A report to the hub of a fleet does without them. */
const NAMES_TIMEOUT: Milliseconds = 1_000
/** The recorder writes what is pending first; one that takes longer waits for a disk. */
const ROTATE_TIMEOUT: Milliseconds = 10_000

export interface GatewayOptions {
  readonly config: Config
  /** Where the settings come from; undefined: they are not reloaded. */
  readonly source?: SettingsSource | undefined
  /** Opens the service log of other settings. */
  readonly prepareLog?: SettingsParts['prepareLog']
  readonly transport: Transport
  /** Why it is not the faster one; undefined: it is. */
  readonly fallbackReason?: string | undefined
  readonly log: ServiceLog
  readonly startThread: StartThread
  readonly services: GatewayServices
  /** May already be running, to read the settings. Closed by the gateway. */
  readonly compiler: CompilerHandle
  /** The gateway that this one replaces; undefined: none. */
  readonly predecessor?:
    | Pick<Predecessor, 'cookieSecrets' | 'ticketKey' | 'rulesSha256' | 'find' | 'take' | 'replace'>
    | undefined
  /** Starts a process that replaces this gateway. */
  readonly upgrade?: (() => Promise<UpgradeResult>) | undefined
}

/** What the parts call when something happens. */
export interface GatewayCalls {
  readonly status: () => Promise<Status>
  readonly reload: (reason: ReloadReason, by?: string) => Promise<void>
  /** Makes a snapshot the active one. */
  readonly adopt: (snapshot: Snapshot, isFirst: boolean) => void
  /** @returns the errors that prevent it */
  readonly applySettings: (config: Config) => Promise<readonly SerializedError[]>
}

export interface GatewayParts {
  readonly cache: SharedCache
  readonly workerPool: WorkerPool
  readonly loopDetector: LoopDetector
  readonly recorder: RecorderHandle
  readonly archiver: Archiver
  readonly witness: ChainWitness
  readonly admin: AdminInterface
  readonly http: AdminService
  readonly listeners: GatewaySockets
  readonly cookies: CookieSecretReloader
  /** Undefined: no listener has TLS. */
  readonly tls: CertificateReloader | undefined
  readonly ruleCounters: RuleCounters
  readonly lag: EventLoopLag
  readonly alerts: Alerts
  readonly reports: ReportScheduler
  readonly catalogue: CatalogueUpdater
  readonly fleet: FleetAgent
  readonly probe: ProbeHandle
  readonly validation: ValidationHandle
  readonly bindings: BindingsHandle
  readonly observation: ObservationHandle
  readonly reloader: RulesReloader
  /** Undefined: the settings are not reloaded. */
  readonly settings: SettingsReloader | undefined
}

/** Creates the parts of a gateway and connects them. Starts no thread and opens nothing. */
export function createParts(
  options: GatewayOptions,
  { upstreams, labels }: ConfiguredUpstreams,
  gateway: GatewayCalls
): GatewayParts {
  const { config, log, startThread, services, transport, compiler, source, predecessor } = options
  compiler.log = log
  const count = workerCount(config, transport)
  const rings = Array.from({ length: count }, () => createRing())
  const { queries, outputs } = config.log
  const recording = { settings: queries, outputs, rings, upstreams: labels }
  const recorder = new RecorderHandle(startThread, recording, log, config.state.folder)
  const { path, archive: parquet, chain, retention: keep } = queries
  const archiver = new Archiver({
    ...{ path, parquet, chain, keep, ship: config.fleet?.logs, log },
    history: historyFolder(config.state.folder)
  })
  const witness = new ChainWitness(log)
  const cache = new SharedCache(config.cache.size, count, log)
  const counters = allocateCounters((count + 1) * COUNTERS)
  const lag = new EventLoopLag(counters, count)
  const ruleCounters = new RuleCounters(count, rules => {
    http.setRules(rules)
    fleet.setRules(rules)
  })

  const probe = new ProbeHandle({ startThread, log, workers: count })
  const validation = new ValidationHandle({
    flush: name => void admin.flush({ name, subtree: true }),
    connectWorkers: (portOf, worker) => workerPool.connectValidation(portOf, worker),
    onObserved: (event, observation) => recorder.addObserved(event, observation),
    ...{ startThread, log }
  })
  const bindings = new BindingsHandle({ startThread, config, log })
  const observation = new ObservationHandle({
    release: (worker, ids) => workerPool.release(worker, ids),
    ...{ startThread, config, log }
  })
  const probeKey = newProbeKey()
  const disabledRoutes: ReadonlySet<RouteId> = new Set()
  const workerPool: WorkerPool = new WorkerPool({
    init: {
      settings: { config, upstreams, labels, disabledRoutes, cookieSecrets: undefined },
      upstreamSockets: upstreamSocketLimit(count, descriptorLimit()),
      ...{ probeKey, ownKey: probe.key, counters, cache: cache.memory, devices: bindings.devices },
      denied: canDeny(config.egress) ? observation.denied : undefined
    },
    onDeath: worker => cache.onDeath(worker),
    onAdopted: generation => ruleCounters.settle(generation),
    onProbe: token => loopDetector.onProbeReturned(token),
    onNotify: (zone, primary) => reloader.onNotify(zone, primary),
    onSample: sample => validation.onSample(sample),
    onAnswers: batch => observation.onAnswers(batch),
    onSighted: (seen, blocked) => observation.onSighted(seen, blocked),
    onHeld: (worker, reply) => observation.onHeld(worker, reply),
    onOverdue: count => observation.onOverdue(count),
    onStart: worker => validation.connectWorker(worker),
    ...{ startThread, rings, log }
  })
  const loopDetector = new LoopDetector({
    key: probeKey,
    plan: loopCheckPlan(config, upstreams),
    timers: systemTimers,
    disableRoutes: routes => workerPool.disableRoutes(routes),
    ...{ transport, log }
  })
  const cookies = new CookieSecretReloader({
    config: config.cookies,
    inherited: predecessor?.cookieSecrets,
    onChange: secrets => workerPool.setCookieSecrets(secrets)
  })

  const { status } = gateway
  const admin = new AdminInterface({
    socket: config.admin.socket,
    upgrade: options.upgrade,
    operations: {
      reload: async by => {
        await gateway.reload('request', by)
        return reloader.reporter.last!
      },
      rotate: () => rotateLog(recorder),
      apply: async (sha256, by) => {
        const result = await reloader.apply(sha256, by)
        return typeof result === 'string'
          ? { sha256: result, errors: [] }
          : { sha256: null, errors: result.slice(0, MAX_REPORTED) }
      },
      rulesInForce: () => Promise.resolve(packRulesInForce(reloader.rules, reloader.packedRules!)),
      pause: ({ rule, seconds, by, reason }) => reloader.pause({ rule, seconds, by, reason }),
      pushBindings: pushed => bindings.push(pushed),
      fetchDenied: request => observation.fetchDenied(request),
      confirm: list => reloader.confirmList(list)
    },
    onPause: request => http.recordPause(request),
    ...{ workerPool, cache, status, log }
  })
  const http: AdminService = services.admin({
    handle: async request =>
      request.do === 'rules' ? activeRules(reloader, request) : admin.handle(request),
    ...{ startThread, config, counters, log }
  })
  const alerts = new Alerts({
    status: () => status().then(withHealth),
    rulesEndingWithin: time => reloader.reporter.rulesEndingWithin(time),
    ...{ startThread, log }
  })
  const reports = new ReportScheduler({ log, program: process.argv[1] ?? '' })
  const catalogue = new CatalogueUpdater({ log, program: process.argv[1] ?? '' })
  const fleet = services.fleet({
    status: () => status().then(withHealth),
    newlyBlocked: () => recorder.newlyBlocked(NAMES_TIMEOUT),
    ...{ startThread, counters, log }
  })
  const bootstrap = bootstrapServers(config, upstreams)
  const reloader: RulesReloader = new RulesReloader({
    adopt: gateway.adopt,
    reloadSettings: async reason => settings?.reload(reason),
    reloadSecrets: () => cookies.reload(),
    setNotifySources: rules => workerPool.setNotifySources(rules),
    wantedByFleet: () => fleet.status?.wanted ?? undefined,
    inherited: predecessor?.rulesSha256,
    ...{ config, compiler, startThread, bootstrap, log }
  })
  const settings: SettingsReloader | undefined =
    source &&
    new SettingsReloader({
      apply: gateway.applySettings,
      onChange: () => void gateway.reload('settings changed'),
      ...{ compiler, config, source, log }
    })
  const listeners = new GatewaySockets({
    ...{ config, transport, predecessor, recorder, admin, http, workerPool, log }
  })
  const tls = tlsOf(options, workerPool)
  alerts.update(config, bootstrap)
  reports.update(config)
  catalogue.update(config)
  fleet.configure(config, bootstrap)
  probe.configure(config, undefined)
  validation.configure(config)
  return {
    ...{
      cache,
      workerPool,
      loopDetector,
      recorder,
      archiver,
      witness,
      admin,
      http,
      listeners,
      cookies,
      tls
    },
    ...{
      ruleCounters,
      lag,
      alerts,
      reports,
      catalogue,
      fleet,
      probe,
      validation,
      bindings,
      observation,
      reloader,
      settings
    }
  }
}

function tlsOf(
  { config, predecessor, log }: GatewayOptions,
  workerPool: WorkerPool
): CertificateReloader | undefined {
  const files = config.listen.flatMap(({ certificates }) => certificates ?? [])
  if (files.length === 0) return undefined
  const tls: CertificateReloader = new CertificateReloader({
    files,
    ticketSecret: config.tls.ticketSecret,
    algorithms: config.tls.algorithms,
    inheritedKey: predecessor?.ticketKey,
    log,
    onChange: () => {
      const materials = config.listen.map(({ certificates }) => {
        return certificates && tls.material(certificates)
      })
      const namesOf = ({ certificate }: CertificateConfig) =>
        tls.status.find(({ file }) => file === certificate)?.names
      for (const { code, message } of uncoveredNames(config, namesOf)) log.warn({ code }, message)
      workerPool.setCertificates(materials)
    }
  })
  return tls
}

async function rotateLog(recorder: RecorderHandle): Promise<RotateResult> {
  const rotated = await recorder.rotate(ROTATE_TIMEOUT)
  if (rotated === undefined) throw failure('RECORDER_SILENT')
  return { rotated }
}

function activeRules(
  { rules: snapshot, packedRules }: RulesReloader,
  { known }: RulesRequest
): RulesReply | undefined {
  return known === snapshot.generation ? undefined : { snapshot, packedRules: packedRules! }
}

/** What the loop detector checks. */
export function loopCheckPlan(
  config: Config,
  upstreams: readonly UpstreamServer[],
  sets: readonly ForwarderSet[] = []
): LoopCheckPlan {
  const { forward, loopCheck, sourcePorts } = config.upstreams
  const interval = loopCheck * MS_PER_SECOND
  return { routes: routesOf(upstreams, forward, sets), interval, sourcePorts }
}

/** Threads cannot share a port on every transport. */
function workerCount({ workers }: Config, transport: Transport): number {
  if (!transport.sharesPorts) return 1
  return workers === 'auto' ? availableParallelism() : workers
}
