import { availableParallelism } from 'node:os'
import { systemClock } from '../base/clock.js'
import { MS_PER_SECOND } from '../base/units.js'
import type { Config } from '../config/config.js'
import { privacyNetworks } from '../config/privacy-networks.js'
import { createRing } from '../log/ring.js'
import type { ServiceLog } from '../log/service-log.js'
import type { Snapshot } from '../policy/snapshot.js'
import { copiesFolder } from '../remote/copies.js'
import type { Endpoint, Transport } from '../socket/datagram.js'
import { startTurn } from '../socket/start-turn.js'
import { Admin } from './admin.js'
import { Again } from './again.js'
import { Archiver } from './archiver.js'
import { answeredHere } from './answered-here.js'
import { cookieSecrets } from './cookie-secrets.js'
import type { Compiler } from './compiler.js'
import { Fleet } from './fleet.js'
import { freeEndpoint } from './free-endpoint.js'
import type { Compiled, Trouble } from './messages.js'
import { LoopWatch, newProbeKey } from './loop-watch.js'
import { RecorderHandle } from './recorder.js'
import { RemoteLists } from './remote-lists.js'
import { Retired, SETTLE } from './retired.js'
import { RulesNews, type Good, type ReloadReason } from './rules-news.js'
import { gatherStatus, type Status } from './status.js'
import type { StartThread } from './thread.js'
import { troubleOf } from './trouble.js'
import { systemTimers } from '../upstream/timers.js'
import { bootstrapServers, routesOf, upstreamPlan } from './upstream-plan.js'
import { Watch } from './watch.js'

export interface GatewayParts {
  readonly config: Config
  readonly transport: Transport
  readonly log: ServiceLog
  readonly startThread: StartThread
  /** May have been at work already, on the settings. The gateway closes it. */
  readonly compiler: Compiler
}

/**
 * The control thread: starts the compiler, the workers and the recorder, watches the rules folder,
 * replaces what dies, and sees no query itself.
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
  private readonly watch: Watch
  private readonly admin: Admin
  private readonly news: RulesNews
  private readonly lists: RemoteLists
  private readonly warnings: readonly Trouble[]
  private snapshot: Snapshot | undefined
  private readonly retired = new Retired(SETTLE.control)
  private readonly again = new Again(() => void this.reload('they could not be read'))
  private stopping = false
  private hasSecrets = false
  /** When it was made: by the calendar, and for how long ago that is. */
  private readonly made = { wall: Date.now(), at: performance.now() }
  /** The reload under way, or the last one, and the one after it. */
  private reloading: Promise<void> = Promise.resolve()
  private next: { why: ReloadReason; readonly done: Promise<void> } | undefined

  constructor(private readonly parts: GatewayParts) {
    const { config, log, startThread, transport, compiler } = parts
    const { upstreams, shown, warnings } = upstreamPlan(config)
    const count = workerCount(config, transport)
    const rings = Array.from({ length: count }, () => createRing())
    const { queries: settings, outputs } = config.log
    compiler.log = log
    this.news = new RulesNews(log)
    this.upstreams = shown
    this.warnings = warnings
    const recording = { settings, outputs, rings, upstreams: shown }
    this.recorder = new RecorderHandle(startThread, recording, log)
    this.archiver = new Archiver({ path: settings.path, log })
    const probeKey = newProbeKey()
    const common = { config, upstreams, probeKey }
    const onProbe = (token: string): void => this.loops.cameBack(token)
    this.fleet = new Fleet({ startThread, common, rings, log, onProbe })
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
    this.lists = new RemoteLists({
      startThread,
      copies: copiesFolder(config.state.folder),
      settings: config.remoteLists,
      servers: bootstrapServers(config, upstreams),
      log,
      timers: systemTimers,
      clock: systemClock,
      random: Math.random,
      taken: () => void this.reload('a list was fetched')
    })
    this.watch = new Watch({
      stirred: () => compiler.warm(),
      changed: () => void this.reload('a rule file changed')
    })
  }

  /** The rules in force. */
  get rules(): Snapshot {
    if (this.snapshot === undefined) throw new Error('the gateway has not started')
    return this.snapshot
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
    const wrong = await this.rekey()
    if (wrong.length > 0) return wrong
    // The threads load their code while the rules are read: that is most of the start-up time.
    this.fleet.launch()
    const result = await this.firstRules()
    if (result.kind === 'refused') return result.errors
    this.take(result)
    const troubles = await this.listen()
    if (troubles.length > 0) return troubles
    // Clients are served first: what is recorded meanwhile waits in the rings.
    this.recorder.launch()
    // It holds 25 MB, and rules do not often change in the first seconds.
    this.parts.compiler.rest(0)
    this.news.inForce(this.rules, result, [...this.warnings, ...this.ofSettings()])
    this.watch.follow(result.marks)
    this.lists.follow(result.fetched)
    this.loops.start()
    const { which, archive } = this.parts.config.log.queries
    if (which !== 'none' && archive) this.archiver.start()
    return []
  }

  /** Reads the rules again. Wrong ones are logged and change nothing. One reload at a time. */
  reload(why: ReloadReason): Promise<void> {
    // A storm of reasons is two reloads at most: the one under way and one that sees them all.
    // Who asks is answered, whatever else was a reason.
    if (this.next === undefined) {
      const done = this.reloading.then(() => this.reloadNow())
      this.next = { why, done }
    } else if (why === 'SIGHUP') this.next.why = why
    return this.next.done
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
    this.stopping = true
    this.watch.close()
    this.again.settle()
    this.admin.close()
    this.loops.close()
    this.lists.close()
    this.news.close()
  }

  /** Opens the sockets, if no other process has the ports or is about to. */
  private async listen(): Promise<readonly Trouble[]> {
    const turn = await startTurn(this.parts.config.listen.map(({ port }) => port))
    try {
      const taken = await this.reserve()
      if (taken.length > 0) return taken
      const shut = await this.admin.open()
      if (shut.length > 0) return shut
      const trouble = await this.fleet.listen(this.endpoints, this.rules)
      return trouble === undefined ? [] : [trouble]
    } finally {
      turn.release()
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

  /** With all lists, if those of which there is no copy can be had soon. */
  private async firstRules(): Promise<Compiled> {
    const result = await this.compile()
    if (result.kind === 'refused') return result
    return (await this.lists.fetchMissing(result.fetched)) ? this.compile() : result
  }

  private compile(): Promise<Compiled> {
    const { compiler, config } = this.parts
    const { snapshot, watch } = this
    const generation = (snapshot?.generation ?? 0) + 1
    const { rules: folder, state } = config
    return compiler.compile({
      folder,
      copies: copiesFolder(state.folder),
      generation,
      known: watch.paths,
      local: answeredHere(config),
      inForce: snapshot
    })
  }

  private async reloadNow(): Promise<void> {
    const { why, done } = this.next!
    this.reloading = done
    this.next = undefined
    if (this.stopping) return
    const wrong = await this.rekey()
    for (const { code, message } of wrong) this.parts.log.error({ code }, message)
    const result = await this.compile()
    // It can have become true meanwhile.
    if (this.isStopping()) return
    if (result.kind === 'refused') this.news.refuse(why, this.rules, result.errors, wrong)
    else {
      this.activate(why, result, wrong)
      this.lists.follow(result.fetched)
    }
    if (result.marks !== undefined) this.watch.follow(result.marks)
    // No file need change for that to pass, so nobody else would have them read again.
    if (result.kind === 'refused' && result.passing) this.again.later()
    else this.again.settle()
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

  private isStopping(): boolean {
    return this.stopping
  }

  /** @param wrong what is read beside the rules, and is not good */
  private activate(why: ReloadReason, result: Good, wrong: readonly Trouble[]): void {
    if (this.take(result)) {
      this.fleet.adopt(this.rules)
      this.news.inForce(this.rules, result, this.ofSettings())
      this.news.accepted(why, wrong)
    } else this.news.unchanged(why, this.rules, wrong)
  }

  /** Warnings of settings that do not fit the rules. */
  private ofSettings(): readonly Trouble[] {
    return privacyNetworks(this.parts.config.log.queries.privacy, this.rules.networks)
  }

  private status(): Promise<Status> {
    const { fleet, recorder, loops, news, rules, endpoints, upstreams, made } = this
    const { kind: transport } = this.parts.transport
    const times = { started: made.wall, uptime: performance.now() - made.at }
    const known = { fleet, recorder, loops, news, rules, endpoints, upstreams }
    return gatherStatus({ ...known, transport, ...times })
  }

  /** @returns whether they say something else than those in force */
  private take({ snapshot }: Good): boolean {
    if (snapshot === undefined) return false
    this.snapshot = snapshot
    this.retired.replace(snapshot)
    this.recorder.adopt(snapshot)
    return true
  }
}

/** Threads cannot share a port on every transport. */
function workerCount({ workers }: Config, transport: Transport): number {
  if (!transport.sharesPorts) return 1
  return workers === 'auto' ? availableParallelism() : workers
}
