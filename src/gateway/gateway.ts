import { availableParallelism } from 'node:os'
import type { Config } from '../config/config.js'
import { createRing } from '../log/ring.js'
import type { ServiceLog } from '../log/service-log.js'
import type { Snapshot } from '../policy/snapshot.js'
import type { Endpoint, Transport } from '../socket/datagram.js'
import { Compiler } from './compiler.js'
import { Fleet } from './fleet.js'
import type { FromCompiler, Trouble } from './messages.js'
import { RecorderHandle } from './recorder.js'
import type { StartThread } from './thread.js'
import { troubleOf } from './trouble.js'
import { upstreamPlan } from './upstreams.js'
import { Watch } from './watch.js'

/** Why the rules are read again, for the log. */
export type ReloadReason = 'a rule file changed' | 'SIGHUP'

export interface GatewayParts {
  readonly config: Config
  readonly transport: Transport
  readonly log: ServiceLog
  readonly startThread: StartThread
}

/**
 * The control thread: starts the compiler, the workers and the recorder, watches the rules folder,
 * replaces what dies, and sees no query itself.
 */
export class Gateway {
  private readonly fleet: Fleet
  private readonly recorder: RecorderHandle
  private readonly watch: Watch
  private compiler: Compiler
  private snapshot: Snapshot | undefined
  private generation = 0
  private reloading: Promise<void> = Promise.resolve()
  private waiting = 0

  constructor(private readonly parts: GatewayParts) {
    const { config, log, startThread, transport } = parts
    const { upstreams, shown } = upstreamPlan(config, log)
    const rings = Array.from({ length: workerCount(config, transport) }, () => createRing())
    this.compiler = new Compiler(startThread, config.rules)
    const settings = config.log.queries
    this.recorder = new RecorderHandle(startThread, { settings, rings, upstreams: shown }, log)
    this.fleet = new Fleet({ startThread, common: { config, upstreams }, rings, log })
    this.watch = new Watch(() => void this.reload('a rule file changed'))
  }

  /** The rules in force. */
  get rules(): Snapshot {
    if (this.snapshot === undefined) throw new Error('the gateway has not started')
    return this.snapshot
  }

  /** Where it listens, ports filled in. */
  endpoints: readonly Endpoint[] = []

  get workers(): number {
    return this.fleet.size
  }

  /**
   * Starts to serve. Nothing is opened before rules and addresses are known to be good.
   *
   * @returns what stands in the way; empty: it serves
   */
  async start(): Promise<readonly Trouble[]> {
    // The threads load their code while the rules are read: that is most of the start-up time.
    this.fleet.launch()
    const result = await this.compiler.compile(++this.generation)
    if (result.kind === 'refused') return result.errors
    this.activate(result)
    const taken = await this.reserve()
    if (taken.length > 0) return taken
    const trouble = await this.fleet.listen(this.endpoints, this.rules)
    if (trouble !== undefined) return [trouble]
    await this.watch.follow(result.files)
    return []
  }

  /** Reads the rules again. Wrong ones are logged and change nothing. One reload at a time. */
  async reload(why: ReloadReason): Promise<void> {
    // A storm of reasons is two reloads at most: the one under way and one that sees them all.
    if (this.waiting > 0) return this.reloading
    this.waiting++
    this.reloading = this.reloading.then(() => this.reloadNow(why))
    return this.reloading
  }

  /** For log rotation by others: the query log is opened anew under its name. */
  reopenLogs(): void {
    this.recorder.reopen()
  }

  /** Stops accepting, answers what was accepted, writes what is to be written. */
  async stop(): Promise<void> {
    this.watch.close()
    await this.reloading
    await this.fleet.drain(this.parts.config.shutdown.grace)
    await this.recorder.drain()
    await this.compiler.close()
  }

  /** Gives up at once: nothing is answered any more. */
  async abort(): Promise<void> {
    this.watch.close()
    await Promise.all([this.fleet.end(), this.recorder.end(), this.compiler.close()])
  }

  /** Finds out, before any worker starts, that each endpoint is free; settles port 0. */
  private async reserve(): Promise<readonly Trouble[]> {
    const { config, transport } = this.parts
    const troubles: Trouble[] = []
    const free: Endpoint[] = []
    for (const endpoint of config.listen) {
      try {
        await transport.probe(endpoint)
        free.push(endpoint.port === 0 ? await freeEndpoint(transport, endpoint) : endpoint)
      } catch (error) {
        troubles.push(troubleOf(error))
      }
    }
    this.endpoints = free
    return troubles
  }

  private async reloadNow(why: ReloadReason): Promise<void> {
    this.waiting--
    const { log, config, startThread } = this.parts
    if (this.compiler.gone) this.compiler = new Compiler(startThread, config.rules)
    const result = await this.compiler.compile(this.generation + 1)
    if (result.files.length > 0) await this.watch.follow(result.files)
    if (result.kind === 'refused') { this.refuse(why, result.errors); return; }
    if (result.snapshot === undefined) {
      log.info({ reason: why, generation: this.generation }, 'rules read again: unchanged')
      return
    }
    this.generation++
    this.activate(result)
    this.fleet.adopt(this.rules)
  }

  private refuse(why: ReloadReason, errors: readonly Trouble[]): void {
    const { log } = this.parts
    for (const { code, message } of errors) log.error({ code }, message)
    log.error(
      { reason: why, errors: errors.length, generation: this.generation },
      'the rules were not accepted: those of before stay in force'
    )
  }

  private activate(result: FromCompiler & { readonly kind: 'compiled' }): void {
    const { log } = this.parts
    for (const { code, message } of result.warnings) log.warn({ code }, message)
    const { snapshot } = result
    if (snapshot === undefined) return
    this.snapshot = snapshot
    this.recorder.adopt(snapshot)
    const { generation, sha256, counts } = snapshot
    const { changes, took } = result
    log.info({ generation, sha256, ...counts, ms: took, changes }, 'rules in force')
  }
}

/** Threads cannot share a port on every transport. */
function workerCount({ workers }: Config, transport: Transport): number {
  if (!transport.sharesPorts) return 1
  return workers === 'auto' ? availableParallelism() : workers
}

/** The same port for all workers and both protocols, where the settings leave it open. */
async function freeEndpoint(transport: Transport, endpoint: Endpoint): Promise<Endpoint> {
  const socket = await transport.bind(endpoint, () => undefined)
  const { port } = socket.local
  socket.close()
  return { address: endpoint.address, port }
}
