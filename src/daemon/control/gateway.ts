import { availableParallelism } from 'node:os'
import { MS_PER_SECOND } from '../../base/units.js'
import type { Config } from '../../config/config.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { createRing } from '../../querylog/record/ring.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { Endpoint, Transport } from '../../udp/datagram.js'
import { acquireStartLock } from '../../udp/start-lock.js'
import { systemTimers } from '../../upstream/timers.js'
import { Admin } from '../admin/admin.js'
import { gatherStatus, type Status } from '../admin/status.js'
import { Archiver } from '../querylog/archiver.js'
import { chainKeyTroubles } from '../querylog/chain-key.js'
import { RecorderHandle } from '../querylog/recorder.js'
import type { Compiler } from '../reload/compiler.js'
import { RulesKeeper } from '../reload/rules-keeper.js'
import type { ReloadReason } from '../reload/rules-news.js'
import type { Trouble } from '../threads/messages.js'
import { troubleOf } from '../threads/serialized-error.js'
import type { StartThread } from '../threads/thread.js'
import { cookieSecrets } from '../workers/cookie-secrets.js'
import { Fleet } from '../workers/worker-pool.js'
import { freeEndpoint } from './free-endpoint.js'
import { LoopWatch, newProbeKey } from './loop-watch.js'
import { bootstrapServers, routesOf, upstreamPlan } from './upstream-plan.js'

export interface GatewayParts {
  readonly config: Config
  readonly transport: Transport
  readonly log: ServiceLog
  readonly startThread: StartThread
  /** May have been at work already, on the settings. The gateway closes it. */
  readonly compiler: Compiler
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

  private readonly fleet: Fleet
  private readonly loops: LoopWatch
  private readonly recorder: RecorderHandle
  private readonly archiver: Archiver
  private readonly admin: Admin
  private readonly keeper: RulesKeeper
  private readonly warnings: readonly Trouble[]
  private hasSecrets = false
  /** When it was made: by the calendar, and for how long ago that is. */
  private readonly made = { wall: Date.now(), at: performance.now() }

  constructor(private readonly parts: GatewayParts) {
    const { config, log, startThread, transport, compiler } = parts
    const { upstreams, shown, warnings } = upstreamPlan(config)
    const count = workerCount(config, transport)
    const rings = Array.from({ length: count }, () => createRing())
    const { queries: settings, outputs } = config.log
    compiler.log = log
    this.upstreams = shown
    this.warnings = warnings
    const recording = { settings, outputs, rings, upstreams: shown }
    this.recorder = new RecorderHandle(startThread, recording, log)
    const { path, archive: parquet, chain, keep } = settings
    this.archiver = new Archiver({ path, parquet, chain, keep, log })
    const probeKey = newProbeKey()
    const common = { config, upstreams, probeKey }
    const onProbe = (token: string): void => this.loops.cameBack(token)
    const onNotify = (zone: string, primary: string): void => this.keeper.hear(zone, primary)
    this.fleet = new Fleet({ startThread, common, rings, log, onProbe, onNotify })
    this.loops = new LoopWatch({
      key: probeKey,
      routes: routesOf(upstreams, config.upstreams.forward),
      every: config.upstreams.loopCheck * MS_PER_SECOND,
      transport,
      timers: systemTimers,
      log,
      leaveOut: routes => this.fleet.leaveOut(routes)
    })
    const status = (): Promise<Status> => this.status()
    this.admin = new Admin({ where: config.admin.socket, fleet: this.fleet, status, log })
    this.keeper = new RulesKeeper({
      config,
      compiler,
      log,
      startThread,
      servers: bootstrapServers(config, upstreams),
      adopt: (snapshot, isFirst) => this.adopt(snapshot, isFirst),
      besides: () => this.rekey(),
      hearFrom: rules => this.fleet.hearFrom(rules)
    })
  }

  /** The rules in force. */
  get rules(): Snapshot {
    return this.keeper.rules
  }

  get workers(): number {
    return this.fleet.size
  }

  /**
   * Starts to serve. Nothing is opened before rules and addresses are known to be good.
   *
   * @returns what stands in the way; empty: it serves
   */
  async start(): Promise<readonly Trouble[]> {
    const wrong = [...(await this.rekey()), ...chainKeyTroubles(this.parts.config)]
    if (wrong.length > 0) return wrong
    // The threads load their code while the rules are read: that is most of the start-up time.
    this.fleet.launch()
    const refused = await this.keeper.first()
    if (refused.length > 0) return refused
    const troubles = await this.listen()
    if (troubles.length > 0) return troubles
    // Clients are served first: what is recorded meanwhile waits in the rings.
    this.recorder.launch()
    this.keeper.follow(this.warnings)
    this.loops.start()
    if (this.parts.config.log.queries.which !== 'none') this.archiver.start()
    return []
  }

  /** Reads the rules again. Wrong ones are logged and change nothing. One reload at a time. */
  reload(why: ReloadReason): Promise<void> {
    return this.keeper.reload(why)
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
    await this.fleet.drain(this.parts.config.shutdown.grace)
    const ended = await this.recorder.drain()
    await this.parts.compiler.close()
    return ended
  }

  /** Gives up at once: nothing is answered any more. @returns as `stop` */
  async abort(): Promise<boolean> {
    this.close()
    const { recorder, fleet, archiver } = this
    const { compiler } = this.parts
    const ends = [recorder.end(), fleet.end(), compiler.close(), archiver.close()] as const
    const [ended] = await Promise.all(ends)
    return ended
  }

  private close(): void {
    this.keeper.close()
    this.admin.close()
    this.loops.close()
  }

  /** Opens the sockets, if no other process has the ports or is about to. */
  private async listen(): Promise<readonly Trouble[]> {
    const startLock = await acquireStartLock(this.parts.config.listen.map(({ port }) => port))
    try {
      const taken = await this.reserve()
      if (taken.length > 0) return taken
      const shut = await this.admin.open()
      if (shut.length > 0) return shut
      const trouble = await this.fleet.listen(this.endpoints, this.rules)
      return trouble === undefined ? [] : [trouble]
    } finally {
      startLock.release()
    }
  }

  /** Finds out, before any socket is opened, that endpoints and log are free; settles port 0. */
  private async reserve(): Promise<readonly Trouble[]> {
    const { config, transport } = this.parts
    const troubles: Trouble[] = []
    const free: Endpoint[] = []
    for (const endpoint of config.listen) {
      try {
        free.push(await freeEndpoint(transport, endpoint))
      } catch (error) {
        troubles.push(troubleOf(error))
      }
    }
    this.endpoints = free
    return troubles.length > 0 ? troubles : this.recorder.lock()
  }

  /** Reads the cookie secrets again; what is wrong with them leaves those of before in force. */
  private async rekey(): Promise<readonly Trouble[]> {
    const { cookies } = this.parts.config
    // A random secret is for as long as the process lives.
    if (this.hasSecrets && cookies.secretFile === undefined) return []
    try {
      const secrets = await cookieSecrets(cookies)
      if (secrets !== undefined) this.fleet.rekey(secrets)
      this.hasSecrets = true
      return []
    } catch (error) {
      return (error as AggregateError).errors.map(troubleOf)
    }
  }

  /** @param isFirst workers get it when they are to listen */
  private adopt(snapshot: Snapshot, isFirst: boolean): void {
    this.recorder.adopt(snapshot)
    if (!isFirst) this.fleet.adopt(snapshot)
  }

  private status(): Promise<Status> {
    const { fleet, recorder, archiver, loops, endpoints, upstreams, made } = this
    const { news, rules, zones } = this.keeper
    const { kind: transport } = this.parts.transport
    const times = { started: made.wall, uptime: performance.now() - made.at }
    const known = { fleet, recorder, archiver, loops, news, rules, zones, endpoints, upstreams }
    return gatherStatus({ ...known, transport, ...times })
  }
}

/** Threads cannot share a port on every transport. */
function workerCount({ workers }: Config, transport: Transport): number {
  if (!transport.sharesPorts) return 1
  return workers === 'auto' ? availableParallelism() : workers
}
