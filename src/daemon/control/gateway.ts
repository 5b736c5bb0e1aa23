import { availableParallelism } from 'node:os'
import { MS_PER_SECOND } from '../../base/units.js'
import type { Config } from '../../config/config.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { createRing } from '../../querylog/record/ring.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { Endpoint, Transport } from '../../udp/datagram.js'
import { acquireStartLock } from '../../udp/start-lock.js'
import { systemTimers } from '../../upstream/timers.js'
import { AdminInterface } from '../admin/admin-interface.js'
import { gatherStatus, type Status } from '../admin/status.js'
import { Archiver } from '../querylog/archiver.js'
import { checkChainKey } from '../querylog/chain-key.js'
import { RecorderHandle } from '../querylog/recorder-handle.js'
import type { CompilerHandle } from '../reload/compiler-handle.js'
import type { ReloadReason } from '../reload/reload-reporter.js'
import { RulesReloader } from '../reload/rules-reloader.js'
import { serializeError } from '../threads/serialized-error.js'
import type { SerializedError } from '../threads/serialized-error.js'
import type { StartThread } from '../threads/thread.js'
import { loadCookieSecrets } from '../workers/cookie-secrets.js'
import { WorkerPool } from '../workers/worker-pool.js'
import { bootstrapServers, routesOf, configuredUpstreams } from './configured-upstreams.js'
import { findFreeEndpoint } from './free-endpoint.js'
import { LoopDetector, newProbeKey } from './loop-detector.js'

export interface GatewayOptions {
  readonly config: Config
  readonly transport: Transport
  readonly log: ServiceLog
  readonly startThread: StartThread
  /** May have been at work already, on the settings. The gateway closes it. */
  readonly compiler: CompilerHandle
}

/**
 * The control thread: starts the workers and the recorder, has the rules kept in force, replaces what
 * dies, and sees no query itself.
 */
export class Gateway {
  /** Where it listens, ports filled in. */
  endpoints: readonly Endpoint[] = []
  /** Who is asked for what is forwarded, as shown to people. */
  readonly upstreams: readonly string[]

  private readonly workerPool: WorkerPool
  private readonly loopDetector: LoopDetector
  private readonly recorder: RecorderHandle
  private readonly archiver: Archiver
  private readonly admin: AdminInterface
  private readonly reloader: RulesReloader
  private readonly warnings: readonly SerializedError[]
  private hasCookieSecrets = false
  /** When it was made: by the calendar, and for how long ago that is. */
  private readonly created = { wall: Date.now(), at: performance.now() }

  constructor(private readonly options: GatewayOptions) {
    const { config, log, startThread, transport, compiler } = options
    const { upstreams, labels: shown, warnings } = configuredUpstreams(config)
    const count = workerCount(config, transport)
    const rings = Array.from({ length: count }, () => createRing())
    const { queries: settings, outputs } = config.log
    compiler.log = log
    this.upstreams = shown
    this.warnings = warnings
    const recording = { settings, outputs, rings, upstreams: shown }
    this.recorder = new RecorderHandle(startThread, recording, log)
    const { path, archive: parquet, chain, retention: keep } = settings
    this.archiver = new Archiver({ path, parquet, chain, keep, log })
    const probeKey = newProbeKey()
    const common = { config, upstreams, probeKey }
    const onProbe = (token: string): void => this.loopDetector.onProbeReturned(token)
    const onNotify = (zone: string, primary: string): void => this.reloader.onNotify(zone, primary)
    this.workerPool = new WorkerPool({ startThread, init: common, rings, log, onProbe, onNotify })
    this.loopDetector = new LoopDetector({
      key: probeKey,
      routes: routesOf(upstreams, config.upstreams.forward),
      interval: config.upstreams.loopCheck * MS_PER_SECOND,
      transport,
      timers: systemTimers,
      log,
      disableRoutes: routes => this.workerPool.disableRoutes(routes)
    })
    const status = (): Promise<Status> => this.status()
    this.admin = new AdminInterface({
      socket: config.admin.socket,
      workerPool: this.workerPool,
      status,
      log
    })
    this.reloader = new RulesReloader({
      config,
      compiler,
      log,
      startThread,
      bootstrap: bootstrapServers(config, upstreams),
      adopt: (snapshot, isFirst) => this.adopt(snapshot, isFirst),
      reloadSecrets: () => this.reloadCookieSecrets(),
      setNotifySources: rules => this.workerPool.setNotifySources(rules)
    })
  }

  /** The rules in force. */
  get rules(): Snapshot {
    return this.reloader.rules
  }

  get workers(): number {
    return this.workerPool.size
  }

  /**
   * Starts to serve. Nothing is opened before rules and addresses are known to be good.
   *
   * @returns what stands in the way; empty: it serves
   */
  async start(): Promise<readonly SerializedError[]> {
    const wrong = [...(await this.reloadCookieSecrets()), ...checkChainKey(this.options.config)]
    if (wrong.length > 0) return wrong
    // The threads load their code while the rules are read: that is most of the start-up time.
    this.workerPool.start()
    const refused = await this.reloader.load()
    if (refused.length > 0) return refused
    const troubles = await this.listen()
    if (troubles.length > 0) return troubles
    // Clients are served first: what is recorded meanwhile waits in the rings.
    this.recorder.start()
    this.reloader.startWatching(this.warnings)
    this.loopDetector.start()
    if (this.options.config.log.queries.which !== 'none') this.archiver.start()
    return []
  }

  /** Reads the rules again. Wrong ones are logged and change nothing. One reload at a time. */
  reload(why: ReloadReason): Promise<void> {
    return this.reloader.reload(why)
  }

  /** For log rotation by others: the query log is opened anew under its name. */
  reopenLog(): void {
    this.recorder.reopen()
  }

  /**
   * Stops accepting, answers what was accepted, writes what is to be written.
   *
   * @returns whether all threads have ended
   */
  async stop(): Promise<boolean> {
    this.close()
    await this.archiver.close()
    await this.workerPool.drain(this.options.config.shutdown.grace)
    const ended = await this.recorder.drain()
    await this.options.compiler.close()
    return ended
  }

  /** Gives up at once: nothing is answered any more. @returns as `stop` */
  async abort(): Promise<boolean> {
    this.close()
    const { recorder, workerPool: fleet, archiver } = this
    const { compiler } = this.options
    const ends = [recorder.end(), fleet.end(), compiler.close(), archiver.close()] as const
    const [ended] = await Promise.all(ends)
    return ended
  }

  private close(): void {
    this.reloader.close()
    this.admin.close()
    this.loopDetector.close()
  }

  /** Opens the sockets, if no other process has the ports or is about to. */
  private async listen(): Promise<readonly SerializedError[]> {
    const startLock = await acquireStartLock(this.options.config.listen.map(({ port }) => port))
    try {
      const taken = await this.reserveEndpoints()
      if (taken.length > 0) return taken
      const shut = await this.admin.open()
      if (shut.length > 0) return shut
      const trouble = await this.workerPool.listen(this.endpoints, this.rules)
      return trouble === undefined ? [] : [trouble]
    } finally {
      startLock.release()
    }
  }

  /** Finds out, before any socket is opened, that endpoints and log are free; settles port 0. */
  private async reserveEndpoints(): Promise<readonly SerializedError[]> {
    const { config, transport } = this.options
    const troubles: SerializedError[] = []
    const free: Endpoint[] = []
    for (const endpoint of config.listen) {
      try {
        free.push(await findFreeEndpoint(transport, endpoint))
      } catch (error) {
        troubles.push(serializeError(error))
      }
    }
    this.endpoints = free
    return troubles.length > 0 ? troubles : this.recorder.lock()
  }

  /** Reads the cookie secrets again; what is wrong with them leaves those of before in force. */
  private async reloadCookieSecrets(): Promise<readonly SerializedError[]> {
    const { cookies } = this.options.config
    // A random secret is for as long as the process lives.
    if (this.hasCookieSecrets && cookies.secretFile === undefined) return []
    try {
      const secrets = await loadCookieSecrets(cookies)
      if (secrets !== undefined) this.workerPool.setCookieSecrets(secrets)
      this.hasCookieSecrets = true
      return []
    } catch (error) {
      return (error as AggregateError).errors.map(serializeError)
    }
  }

  /** @param isFirst workers get it when they are to listen */
  private adopt(snapshot: Snapshot, isFirst: boolean): void {
    this.recorder.adopt(snapshot)
    if (!isFirst) this.workerPool.adopt(snapshot)
  }

  private status(): Promise<Status> {
    const { workerPool, recorder, archiver, loopDetector, endpoints, upstreams, created } = this
    const { reporter, rules, zones } = this.reloader
    const { kind: transport } = this.options.transport
    const times = { started: created.wall, uptime: performance.now() - created.at }
    const sources = { workerPool, recorder, archiver, loopDetector, reporter, rules, zones }
    return gatherStatus({ ...sources, endpoints, upstreams, transport, ...times })
  }
}

/** Threads cannot share a port on every transport. */
function workerCount({ workers }: Config, transport: Transport): number {
  if (!transport.sharesPorts) return 1
  return workers === 'auto' ? availableParallelism() : workers
}
