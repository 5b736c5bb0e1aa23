import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { failure, type InterdictError } from '../../base/errors/error.js'
import type { PublicKey } from '../../base/files/ed25519.js'
import type { Config, ListenConfig } from '../config/config.js'
import { setLabels, type ForwarderSet } from '../../policy/tables/forwarder-sets.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import { certificateFiles, CertificateReader, servedCertificates } from '../status/certificates.js'
import { openSslProblemOf } from '../upstreams/node-tls.js'
import { gatherStatus, type Status } from '../status/status.js'
import type { WitnessOptions } from '../../lookups/witness/chain-witness.js'
import type { Countersignature } from '../../lookups/witness/countersignature.js'
import { hubChannel } from '../../lookups/witness/hub-channel.js'
import type { Checkpoint } from '../../lookups/witness/receipts.js'
import { witnessOptionsOf } from '../../lookups/witness/witness-options.js'
import type { ReloadReason } from '../reload/reload-reporter.js'
import { mandateKeyErrors, openKeyFiles, startFileErrors } from './check-files.js'
import { prepareSettings } from './prepare-settings.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import { threadsHaveEnded } from '../../base/threads/thread.js'
import {
  bootstrapServers,
  configuredUpstreams,
  type ConfiguredUpstreams
} from '../upstreams/configured-upstreams.js'
import { createParts, loopCheckPlan, type GatewayOptions, type GatewayParts } from './parts.js'
import type { Inheritance } from '../hand-over/successor.js'

export type { GatewayOptions } from './parts.js'

/**
 * The control thread: starts the workers and the recorder, reloads the rules, restarts threads that die.
 * It handles no queries itself.
 */
export class Gateway {
  /** The settings in force. */
  config: Config

  private readonly parts: GatewayParts
  private configured: ConfiguredUpstreams
  /** Labels of all upstreams since the start, whose places never change. */
  private labels: readonly string[]
  /** Of the active rules. */
  private forwarders: readonly ForwarderSet[] = []
  private certificates: CertificateReader
  /** Memory for what is counted by the active rules. */
  private counters: SharedArrayBuffer | undefined
  private isStopping = false
  private readonly created = { wall: Date.now(), monotonic: performance.now() }

  constructor(private readonly options: GatewayOptions) {
    const { config } = options
    this.config = config
    this.configured = configuredUpstreams(config)
    this.labels = this.configured.labels
    this.certificates = new CertificateReader(certificateFiles(config))
    this.parts = createParts(options, this.configured, {
      status: () => this.status(),
      reload: (reason, by) => this.reload(reason, by),
      adopt: (snapshot, isFirst) => this.adopt(snapshot, isFirst),
      applySettings: next => this.applySettings(next)
    })
  }

  /** The endpoints it listens on, with the port chosen for port 0. */
  get endpoints(): readonly ListenConfig[] {
    return this.parts.listeners.endpoints
  }

  /** Labels of all upstreams. */
  get upstreams(): readonly string[] {
    return [...new Set([...this.configured.labels, ...setLabels(this.forwarders)])]
  }

  /** The active rules. */
  get rules(): Snapshot {
    return this.parts.reloader.rules
  }

  get workers(): number {
    return this.parts.workerPool.size
  }

  /** Warning TRANSPORT_PORTABLE: fewer workers than the settings ask for, by slower sockets. Undefined: there is none. */
  get slowTransport(): InterdictError | undefined {
    const { config, fallbackReason } = this.options
    const { transport, workers } = config
    if (fallbackReason === undefined) return undefined
    const asked = workers === 'auto' ? 1 : workers
    return transport === 'auto' || this.workers < asked
      ? failure('TRANSPORT_PORTABLE', fallbackReason, this.workers, asked)
      : undefined
  }

  /** Warning TLS_PORTABLE: encrypted DNS by `node:tls`. Undefined: there is none, or the sockets are portable too. */
  get slowTls(): InterdictError | undefined {
    const { config, transport } = this.options
    const why = transport.kind === 'batch' ? openSslProblemOf(config) : undefined
    return why === undefined ? undefined : failure('TLS_PORTABLE', why)
  }

  /** Where health and metrics are served; undefined: nowhere. */
  get httpEndpoint(): Endpoint | undefined {
    return this.parts.http.endpoint
  }

  /** Its sockets for clients, and what else a process that replaces it needs. */
  async inheritance(): Promise<Inheritance> {
    const { workerPool, cookies, tls } = this.parts
    const sockets = await workerPool.sockets()
    const rulesSha256 = this.rules.origin.sha256
    return { sockets, cookieSecrets: cookies.current, ticketKey: tls?.ticketKey, rulesSha256 }
  }

  /**
   * Starts to serve. Opens no socket before the rules are valid and the endpoints free.
   *
   * @returns the errors that prevent it; empty: it serves
   */
  async start(): Promise<readonly SerializedError[]> {
    const { config, predecessor } = this.options
    const { workerPool, fleet, reloader, listeners, recorder } = this.parts
    // Two gateways on one state folder would undo each other's work. A predecessor has the locks until it ends.
    const lockErrors = predecessor === undefined ? await recorder.lock() : []
    if (lockErrors.length > 0) return lockErrors
    const secretErrors = await this.loadSecrets()
    if (secretErrors.length > 0) return secretErrors
    // The threads load their code while the rules are read, which is most of the start-up time.
    workerPool.start()
    await fleet.fetchFirst()
    const ruleErrors = await reloader.load()
    if (ruleErrors.length > 0) return ruleErrors
    const listenErrors = await listeners.open({ snapshot: this.rules, counters: this.counters! })
    if (listenErrors.length > 0) return listenErrors
    // After the listeners, so that clients are served first: log records wait in the rings meanwhile.
    recorder.start()
    this.parts.bindings.start()
    this.parts.observation.start()
    reloader.startWatching([...this.configured.warnings, ...openKeyFiles(config)])
    this.parts.settings?.startWatching()
    this.parts.loopDetector.start()
    if (config.log.queries.which !== 'none') this.parts.archiver.start()
    this.parts.witness.configure(this.witnessOptions(config))
    this.parts.witness.start()
    this.parts.alerts.start()
    this.parts.reports.start()
    this.parts.catalogue.start()
    fleet.start()
    this.parts.probe.start(this.endpoints, this.httpEndpoint)
    return []
  }

  private witnessOptions({ log, fleet, state }: Config): WitnessOptions | undefined {
    const { hubKey } = log.queries.witness ?? {}
    const ask = (checkpoint: Checkpoint): Promise<Countersignature> =>
      this.parts.fleet.countersign(checkpoint)
    const keys = (): readonly PublicKey[] =>
      hubKey === 'root' ? this.parts.fleet.hubKeys : [hubKey ?? '']
    const hub = hubKey && fleet && hubChannel(fleet.name, keys, ask)
    return witnessOptionsOf(log.queries, state.folder, hub ? [hub] : [])
  }

  /** Reads the files of keys, passwords and certificates. @returns the errors that prevent the start */
  private async loadSecrets(): Promise<readonly SerializedError[]> {
    const { config } = this.options
    const { cookies, tls } = this.parts
    return [
      ...(await cookies.reload()),
      ...((await tls?.reload(false)) ?? []),
      ...[...startFileErrors(config), ...(await mandateKeyErrors(config))].map(serializeError)
    ]
  }

  /**
   * Changes the settings of everything that runs, or nothing if there is an error. What needs a restart is
   * as before: see `withoutRestart`.
   *
   * @returns the errors that prevent it
   */
  async applySettings(config: Config): Promise<readonly SerializedError[]> {
    const { parts, options } = this
    const { admin, http, recorder, archiver, loopDetector, cookies } = parts
    const { prepareLog = () => NOTHING_PREPARED } = options
    const opened = { admin, http, recorder, prepareLog }
    const prepared = await prepareSettings(this.config, config, this.endpoints, opened)
    if (!prepared.ok) return prepared.errors
    if (this.isStopping) {
      prepared.discard()
      return []
    }
    prepared.commit()
    this.configured = configuredUpstreams(config)
    const { upstreams, labels, warnings } = this.configured
    cookies.configure(config.cookies, prepared.cookieSecrets)
    this.config = config
    this.labels = [...new Set([...this.labels, ...labels])]
    const { queries, outputs } = config.log
    recorder.configure({ settings: queries, outputs, upstreams: this.labels })
    parts.workerPool.configure({
      config,
      upstreams,
      labels: this.labels,
      disabledRoutes: loopDetector.configure(loopCheckPlan(config, upstreams, this.forwarders)),
      cookieSecrets: cookies.current
    })
    const { path, archive: parquet, chain, retention: keep } = queries
    archiver.configure({ path, parquet, chain, keep, ship: config.fleet?.logs })
    if (queries.which === 'none') archiver.stop()
    else archiver.start()
    parts.witness.configure(this.witnessOptions(config))
    for (const { code, message } of [...warnings, ...openKeyFiles(config)])
      options.log.warn({ code }, message)
    const bootstrap = bootstrapServers(config, upstreams)
    this.certificates = new CertificateReader(certificateFiles(config))
    parts.alerts.update(config, bootstrap)
    parts.reports.update(config)
    parts.catalogue.update(config)
    parts.fleet.configure(config, bootstrap)
    http.configure(config)
    parts.probe.configure(config, this.httpEndpoint)
    parts.validation.configure(config)
    parts.reloader.configure(config, bootstrap, prepared.primaries)
    return []
  }

  /**
   * Reloads the rules; on SIGHUP the certificates and the settings first. Errors are logged, and the previous
   * ones remain active.
   */
  async reload(reason: ReloadReason, by?: string): Promise<void> {
    if (reason === 'SIGHUP') await this.parts.tls?.reload(true)
    await this.parts.reloader.reload(reason, by)
  }

  /** Reopens the query log, for external log rotation. */
  reopenLog(): void {
    this.parts.recorder.reopen()
  }

  /**
   * Stops accepting queries, after `shutdown.lame-duck`, answers pending ones, and writes pending log
   * records.
   *
   * @param leaves another process answers already, from the same sockets
   * @returns whether all threads have ended
   */
  async stop(leaves = false): Promise<boolean> {
    const { alerts, reports, catalogue, archiver, workerPool, recorder, reloader, bindings } =
      this.parts
    const { lameDuck, grace } = this.config.shutdown
    this.isStopping = true
    if (!leaves) await sleep(lameDuck)
    this.close()
    const alertsEnded = alerts.close()
    await bindings.close()
    await this.parts.observation.close()
    await reports.close()
    await catalogue.close()
    await archiver.close()
    await workerPool.drain(grace, leaves)
    const recorderEnded = await recorder.drain()
    await reloader.history.stop(leaves)
    const compilerEnded = await this.options.compiler.close()
    await alertsEnded
    return (
      (await reloader.hasStopped()) && recorderEnded && compilerEnded && (await threadsHaveEnded())
    )
  }

  /** Ends all threads at once; pending queries are dropped. @returns whether all threads have ended */
  async abort(): Promise<boolean> {
    this.close()
    const { alerts, reports, catalogue, archiver, workerPool, recorder, reloader, bindings } =
      this.parts
    const { compiler } = this.options
    const ends = [recorder.end(), compiler.close(), workerPool.end(), archiver.close()] as const
    const [recorderEnded, compilerEnded] = await Promise.all(ends)
    await alerts.end()
    await bindings.close()
    await this.parts.observation.close()
    await reports.close()
    await catalogue.close()
    return (
      (await reloader.hasStopped()) && recorderEnded && compilerEnded && (await threadsHaveEnded())
    )
  }

  private close(): void {
    const { reloader, settings, tls, admin, fleet, probe, http, loopDetector, lag, witness } =
      this.parts
    reloader.close()
    settings?.close()
    tls?.close()
    admin.close()
    fleet.close()
    probe.close()
    this.parts.validation.close()
    void http.close()
    loopDetector.close()
    lag.close()
    witness.stop()
  }

  /** @param isFirst workers get the first snapshot with the `listen` message */
  private adopt(snapshot: Snapshot, isFirst: boolean): void {
    const { recorder, ruleCounters, fleet, probe, workerPool, reloader } = this.parts
    this.adoptForwarders(snapshot)
    recorder.adopt(snapshot)
    this.counters = ruleCounters.adopt(snapshot)
    fleet.onChange()
    probe.setRules(snapshot, reloader.packedRules)
    this.parts.validation.setRules(snapshot)
    this.parts.bindings.setRules(snapshot.clients)
    this.parts.observation.setRules(snapshot, reloader.packedRules)
    if (!isFirst) workerPool.adopt({ snapshot, counters: this.counters })
  }

  /** Names the upstreams of networks to the recorder and the workers, before a worker uses them. */
  private adoptForwarders({ forwarders }: Snapshot): void {
    if (isDeepStrictEqual(forwarders, this.forwarders)) return
    const { recorder, workerPool, loopDetector } = this.parts
    this.forwarders = forwarders
    this.labels = [...new Set([...this.labels, ...setLabels(forwarders)])]
    recorder.setUpstreams(this.labels)
    const plan = loopCheckPlan(this.config, this.configured.upstreams, forwarders)
    workerPool.setUpstreams(this.labels, loopDetector.configure(plan))
  }

  /** The state of all threads, within two seconds. */
  status(): Promise<Status> {
    const { parts, endpoints, upstreams, configured, created } = this
    const { workerPool, cache, recorder, archiver, loopDetector, reloader, tls } = parts
    const { reporter, rules, zones, lists, unconfirmed } = reloader
    return gatherStatus({
      ...{ workerPool, cache, recorder, archiver, loopDetector, reporter, rules, zones, lists },
      unconfirmed,
      witness: parts.witness.status(),
      ...{ endpoints, upstreams, defaultUpstreams: configured.defaults },
      probesUpstreams: this.config.upstreams.idleProbe > 0,
      transport: this.options.transport.kind,
      slowTransport: this.slowTransport?.message ?? null,
      slowTls: this.slowTls?.message ?? null,
      history: reloader.history.status,
      settings: parts.settings?.state,
      certificates: [...this.certificates.read(), ...servedCertificates(tls, this.config)],
      alerts: parts.alerts.status,
      reports: parts.reports.status,
      catalogue: parts.catalogue.status,
      fleet: parts.fleet.status,
      probe: parts.probe.status,
      validation: parts.validation.status,
      bindings: parts.bindings.status,
      observation: parts.observation.status,
      started: created.wall,
      uptime: performance.now() - created.monotonic,
      stopping: this.isStopping,
      readyRequires: this.config.admin.readyRequires
    })
  }
}

const NOTHING_PREPARED = { commit: () => undefined, discard: () => undefined }
