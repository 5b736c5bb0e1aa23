import type { MessagePort } from 'node:worker_threads'
import type { RouteId } from '../../resolver/upstream/create-forwarder.js'
import type { AnswerBatch } from '../../resolver/stages/answer-notes.js'
import type { HeldReply, SeenAddress } from '../../resolver/stages/reply-gate.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import { failure } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { ListenConfig } from '../config/config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { NotifyRules } from '../../resolver/stages/notify-handler.js'
import { releaseLeftovers } from '../../wire/sockets/batch/batch.js'
import { DescriptorTable } from '../../base/system/descriptor-table.js'
import { shareSockets, type ListeningSocket } from '../../wire/sockets/listening-sockets.js'
import type {
  CountedSnapshot,
  FromWorker,
  WorkerRequest,
  WorkerReplies,
  WorkerReply,
  ToWorker,
  WorkerInit,
  WorkerSettings
} from './worker-messages.js'
import { PendingRequests, type NoReply } from '../../base/threads/pending-requests.js'
import { Restarts } from '../../base/threads/restarts.js'
import { serializeError, type SerializedError } from '../../base/errors/serialized-error.js'
import {
  EXIT_TIMEOUT,
  type StartThread,
  type Thread,
  type ThreadHandlers
} from '../../base/threads/thread.js'
import type { CookieSecrets } from './cookie-secrets.js'

/** Workers observe the grace period themselves; this is the margin for a busy one. */
const DRAIN_MARGIN: Milliseconds = 1_000
const WORKER_DIED = 'worker died; restarting it, the other workers keep serving'
/** Workers reply between two batches of queries. */
const SOCKETS_TIMEOUT: Milliseconds = 2_000

export interface WorkerPoolOptions {
  readonly startThread: StartThread
  /** Start parameters that are the same for all workers. */
  readonly init: Pick<
    WorkerInit,
    | 'settings'
    | 'upstreamSockets'
    | 'probeKey'
    | 'ownKey'
    | 'cache'
    | 'counters'
    | 'devices'
    | 'denied'
  >
  /** One per worker; a restarted worker continues with the ring of the dead one. */
  readonly rings: readonly SharedArrayBuffer[]
  readonly log: ServiceLog
  /** Called after a worker has died, before it is restarted. */
  readonly onDeath: (worker: number) => void
  /** Called with the oldest generation of the rules that a running worker may still answer by. */
  readonly onAdopted: (generation: number) => void
  /** Called with the token of each loop detection probe that arrives as a query. */
  readonly onProbe: (token: string) => void
  /** Called with the zone and the primary of each NOTIFY. */
  readonly onNotify: (zone: string, primary: string) => void
  /** Called with some of the questions that were answered, to validate the answers. */
  readonly onSample?: (sample: ValidationSample) => void
  readonly onAnswers?: (batch: AnswerBatch) => void
  /** Called with addresses by the names that clients have looked up, and with names that were blocked. */
  readonly onSighted?: (seen: readonly SeenAddress[], blocked: readonly string[]) => void
  /** Called with a reply that waits for `release`. */
  readonly onHeld?: (worker: number, reply: HeldReply) => void
  /** Called with the number of replies that were sent without it. */
  readonly onOverdue?: (count: number) => void
  /** Called when a worker's thread has been started: it has no port to the validation thread yet. */
  readonly onStart?: (worker: number) => void
}

/** One worker's reply to a request. */
export interface WorkerResponse<Kind extends WorkerRequest['kind']> {
  readonly worker: number
  readonly reply: WorkerReplies[Kind] | NoReply
}

/** The state of one worker as the control thread knows it. */
export interface WorkerSummary {
  readonly number: number
  /** `dead`: waiting to be restarted. */
  readonly state: 'starting' | 'listening' | 'dead'
  /** Wall-clock time of the last start; undefined while dead. */
  readonly since: Milliseconds | undefined
  readonly restarts: number
  /** Of the rules that it answers by; 0: none yet. */
  readonly generation: number
}

interface PoolWorker {
  readonly index: number
  readonly descriptors: DescriptorTable
  readonly thread: Thread<ToWorker>
  readonly requests: PendingRequests<WorkerReply>
  /** Wall-clock time of the start. */
  readonly since: Milliseconds
  /** Of the rules that it was started with or has adopted since. */
  generation: number
  listening: boolean
  drained: boolean
}

/** The worker threads: starts them, hands them snapshots, restarts dead ones, drains them at shutdown. */
export class WorkerPool {
  private readonly workers = new Map<number, PoolWorker>()
  /** By worker. */
  private readonly restarts: readonly Restarts[]
  private rules: CountedSnapshot | undefined
  private settings: WorkerSettings
  private certificates: WorkerInit['certificates'] = []
  private notify: NotifyRules = { primaries: [], zones: [] }
  private endpoints: readonly ListenConfig[] = []
  /** While `starting`, a worker that dies makes the start fail; it is not restarted. */
  private phase: 'starting' | 'serving' | 'stopping' = 'starting'
  private startError: SerializedError | undefined
  private stateChanged: () => void = () => undefined

  constructor(private readonly options: WorkerPoolOptions) {
    this.restarts = options.rings.map(
      (_, index) => new Restarts(() => this.startWorker(index), options.log)
    )
    this.settings = options.init.settings
  }

  /** The number of workers, including those being restarted. */
  get size(): number {
    return this.options.rings.length
  }

  get summaries(): readonly WorkerSummary[] {
    return this.restarts.map(({ count: restarts }, number) => {
      const worker = this.workers.get(number)
      const state = worker === undefined ? 'dead' : worker.listening ? 'listening' : 'starting'
      return { number, state, since: worker?.since, restarts, generation: worker?.generation ?? 0 }
    })
  }

  /** Starts the threads, which load their code while the rules are compiled, and open no socket yet. */
  start(): void {
    for (const index of this.options.rings.keys()) this.startWorker(index)
  }

  /**
   * Resolves when all workers listen, or with the error of the first that cannot.
   *
   * @param inherited sockets of these endpoints that another process has opened, for the workers to share
   */
  async listen(
    endpoints: readonly ListenConfig[],
    rules: CountedSnapshot,
    inherited: readonly ListeningSocket[] = []
  ): Promise<SerializedError | undefined> {
    this.endpoints = endpoints
    this.rules = rules
    const shares = shareSockets(inherited, this.size)
    const warmsUp = this.settings.config.warmUp === 'always' || inherited.length > 0
    for (const worker of this.workers.values())
      this.tellToListen(worker, rules, shares[worker.index], warmsUp)
    await this.waitUntil(
      () => this.startError !== undefined || this.every(worker => worker.listening)
    )
    if (this.startError === undefined) this.phase = 'serving'
    return this.startError
  }

  adopt(rules: CountedSnapshot): void {
    this.rules = rules
    this.tellAll({ kind: 'adopt', ...rules })
  }

  /** Sends a request to every running worker; resolves when all have replied or timed out. */
  request<Kind extends WorkerRequest['kind']>(
    request: WorkerRequest & { readonly kind: Kind },
    timeout: Milliseconds
  ): Promise<readonly WorkerResponse<Kind>[]> {
    const responses = [...this.workers.values()].map(async ({ index, thread, requests }) => {
      const post = (id: number): void => thread.send({ kind: 'request', id, request })
      const reply = (await requests.send(post, timeout)) as WorkerResponse<Kind>['reply']
      return { worker: index, reply }
    })
    return Promise.all(responses)
  }

  /**
   * The sockets of all workers for clients.
   *
   * @throws InterdictError UPGRADE_UNAVAILABLE: a worker does not listen, or does not reply
   */
  async sockets(): Promise<readonly ListeningSocket[]> {
    const responses = await this.request({ kind: 'sockets' }, SOCKETS_TIMEOUT)
    const sockets = responses.map(({ reply }) => (typeof reply === 'object' ? reply.sockets : []))
    if (sockets.length < this.size || sockets.some(({ length }) => length === 0))
      throw failure('UPGRADE_UNAVAILABLE', 'a worker is being restarted; try again')
    return sockets.flat()
  }

  /** Replaces the settings, also for workers started later. */
  configure(settings: WorkerSettings): void {
    this.settings = settings
    this.tellAll({ kind: 'settings', settings })
  }

  /** Replaces the labels of upstreams and the disabled routes, also for workers started later. */
  setUpstreams(labels: readonly string[], disabledRoutes: ReadonlySet<RouteId>): void {
    this.configure({ ...this.settings, labels, disabledRoutes })
  }

  /** Also applies to workers started later. */
  setCookieSecrets(secrets: CookieSecrets): void {
    this.settings = { ...this.settings, cookieSecrets: secrets }
    this.tellAll({ kind: 'cookie-secrets', secrets })
  }

  /** Hands workers their ports to the validation thread. @param worker undefined: all that run */
  connectValidation(portOf: () => MessagePort, worker?: number): void {
    for (const { index, thread } of this.workers.values()) {
      if (worker !== undefined && index !== worker) continue
      const port = portOf()
      thread.send({ kind: 'validation', port }, [port])
    }
  }

  /** Lets a worker send replies that it holds. */
  release(worker: number, ids: readonly number[]): void {
    this.workers.get(worker)?.thread.send({ kind: 'release', ids })
  }

  /** Replaces certificates and ticket keys by listen endpoint, also for workers started later. */
  setCertificates(certificates: WorkerInit['certificates']): void {
    this.certificates = certificates
    this.tellAll({ kind: 'certificates', certificates })
  }

  /** Replaces the set of disabled routes, also for workers started later. */
  disableRoutes(routes: ReadonlySet<RouteId>): void {
    this.settings = { ...this.settings, disabledRoutes: routes }
    this.tellAll({ kind: 'disable-routes', routes })
  }

  /** Sets the primaries whose NOTIFY is accepted, also for workers started later. */
  setNotifySources(rules: NotifyRules): void {
    this.notify = rules
    this.tellAll({ kind: 'notify-sources', rules })
  }

  /**
   * Stops accepting queries, answers pending ones within `grace`, and ends the workers.
   *
   * @param leaves another process has the sockets, too: see `UdpService.drain`
   */
  async drain(grace: Milliseconds, leaves = false): Promise<void> {
    this.beginStopping()
    this.tellAll({ kind: 'drain', leaves })
    const timer = setTimeout(() => {
      for (const worker of this.workers.values()) worker.drained = true
      this.stateChanged()
    }, grace + DRAIN_MARGIN)
    await this.waitUntil(() => this.every(worker => worker.drained))
    clearTimeout(timer)
    await this.end()
  }

  /** Ends all workers at once; pending queries are dropped. */
  async end(): Promise<void> {
    this.beginStopping()
    await Promise.all([...this.workers.values()].map(worker => this.endWorker(worker)))
  }

  private tellAll(message: ToWorker): void {
    for (const { thread } of this.workers.values()) thread.send(message)
  }

  private beginStopping(): void {
    this.phase = 'stopping'
    for (const restart of this.restarts) restart.cancel()
  }

  private startWorker(index: number): void {
    const { startThread, init, rings } = this.options
    const { settings, certificates, notify } = this
    this.restarts[index]!.onStart()
    const descriptors = new DescriptorTable()
    const shared = { number: index, ring: rings[index]!, descriptors: descriptors.shared }
    const data: WorkerInit = { ...init, ...shared, settings, certificates, notify }
    const handlers: ThreadHandlers<FromWorker> = {
      message: message => this.onMessage(worker, message),
      exited: error => this.onWorkerExit(worker, serializeError(error ?? new Error('ended')))
    }
    const number = { number: index }
    const thread = startThread<ToWorker, FromWorker>('worker-main.js', data, handlers, number)
    const worker: PoolWorker = {
      index,
      descriptors,
      thread,
      requests: new PendingRequests(),
      since: Date.now(),
      generation: 0,
      listening: false,
      drained: false
    }
    this.workers.set(index, worker)
    this.options.onStart?.(index)
    if (this.rules !== undefined) this.tellToListen(worker, this.rules)
  }

  private tellToListen(
    worker: PoolWorker,
    rules: CountedSnapshot,
    sockets: readonly ListeningSocket[] = [],
    warmsUp = false
  ): void {
    const { endpoints } = this
    worker.generation = rules.snapshot.generation
    worker.thread.send({ kind: 'listen', endpoints, sockets, warmsUp, ...rules })
  }

  private onMessage(worker: PoolWorker, message: FromWorker): void {
    switch (message.kind) {
      case 'listening':
        worker.listening = true
        if (this.phase === 'serving')
          this.options.log.info({ worker: worker.index }, 'worker restarted and listening')
        return this.stateChanged()
      case 'adopted':
        worker.generation = message.generation
        return this.reportGeneration()
      case 'drained':
        worker.drained = true
        return this.stateChanged()
      case 'reply':
        return worker.requests.onReply(message.id, message.reply)
      case 'probe':
        return this.options.onProbe(message.token)
      case 'notified':
        return this.options.onNotify(message.zone, message.primary)
      case 'sample':
        return this.options.onSample?.(message.sample)
      case 'answers':
        return this.options.onAnswers?.(message.batch)
      case 'sighted':
        return this.options.onSighted?.(message.seen, message.blocked)
      case 'held':
        return this.options.onHeld?.(worker.index, message.reply)
      case 'overdue':
        return this.options.onOverdue?.(message.count)
      case 'failed':
        void this.endWorker(worker).then(() => this.onWorkerExit(worker, message.error))
        return
      case 'log':
        this.options.log[message.level](
          { worker: worker.index, ...message.fields },
          message.message
        )
    }
  }

  /** Ends a worker and closes the sockets it leaves open, or the kernel would go on sending it queries. */
  private async endWorker({ thread, descriptors, requests, index }: PoolWorker): Promise<void> {
    requests.close()
    // Termination may abort the whole process (see worker-main), so it is the last resort.
    await thread.end(EXIT_TIMEOUT)
    releaseLeftovers(descriptors)
    this.workers.delete(index)
  }

  /** Closes the sockets of a worker that died, and schedules its restart. */
  private onWorkerExit({ index, descriptors, requests }: PoolWorker, error: SerializedError): void {
    requests.close()
    this.workers.delete(index)
    releaseLeftovers(descriptors)
    this.options.onDeath(index)
    this.reportGeneration()
    if (this.phase === 'starting') this.startError ??= error
    if (this.phase === 'serving')
      this.restarts[index]!.onExit(error, WORKER_DIED, { worker: index })
    this.stateChanged()
  }

  private reportGeneration(): void {
    const generations = [...this.workers.values()].map(({ generation }) => generation)
    this.options.onAdopted(Math.min(...generations))
  }

  private every(predicate: (worker: PoolWorker) => boolean): boolean {
    return [...this.workers.values()].every(predicate)
  }

  private async waitUntil(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>(resolve => {
        this.stateChanged = resolve
      })
    }
  }
}
