import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { NotifyRules } from '../../resolver/notify-handler.js'
import { releaseLeftovers } from '../../udp/batch/batch.js'
import { DescriptorTable } from '../../udp/batch/descriptor-table.js'
import type { Endpoint } from '../../udp/datagram.js'
import { Backoff } from '../threads/backoff.js'
import type {
  FromWorker,
  WorkerRequest,
  WorkerReplies,
  WorkerReply,
  ToWorker,
  WorkerInit
} from '../threads/messages.js'
import { PendingRequests, type NoReply } from '../threads/pending-requests.js'
import { serializeError } from '../threads/serialized-error.js'
import type { SerializedError } from '../threads/serialized-error.js'
import type { StartThread, Thread } from '../threads/thread.js'
import type { CookieSecrets } from './cookie-secrets.js'

/** Workers keep to the grace by themselves; one that is busy is given a little more. */
const PATIENCE: Milliseconds = 1_000
/**
 * Workers end by themselves. One that does not is stopped from outside: that is a risk for the
 * whole process (see worker-main), so only where nothing else is left.
 */
const END_PATIENCE: Milliseconds = 5_000

export interface WorkerPoolOptions {
  readonly startThread: StartThread
  /** What all workers are started with. */
  readonly init: Pick<WorkerInit, 'config' | 'upstreams' | 'probeKey'>
  /** One per worker; a worker that replaces a dead one goes on with the dead one's. */
  readonly rings: readonly SharedArrayBuffer[]
  readonly log: ServiceLog
  /** Told the token of each probe for loops that has come back. */
  readonly onProbe: (token: string) => void
  /** Told the zone, and the primary that says that it has changed. */
  readonly onNotify: (zone: string, primary: string) => void
}

/** What one worker has to say to a question. */
export interface WorkerResponse<Kind extends WorkerRequest['kind']> {
  readonly worker: number
  readonly reply: WorkerReplies[Kind] | NoReply
}

/** How it is with one worker. */
export interface WorkerSummary {
  readonly number: number
  /** `dead`: it is about to be replaced. */
  readonly state: 'starting' | 'listening' | 'dead'
  /** When the one that is there was started: milliseconds of the calendar. Undefined: none is. */
  readonly since: Milliseconds | undefined
  /** How often it was replaced. */
  readonly restarts: number
}

interface PoolWorker {
  readonly index: number
  readonly descriptors: DescriptorTable
  readonly thread: Thread<ToWorker>
  readonly requests: PendingRequests<WorkerReply>
  readonly startedAt: Milliseconds
  /** As `born`, by the calendar. */
  readonly since: Milliseconds
  listening: boolean
  drained: boolean
}

/** The workers: started together, told of each snapshot, replaced when they die, drained at the end. */
export class WorkerPool {
  private readonly workers = new Map<number, PoolWorker>()
  private readonly backoffs: readonly Backoff[]
  /** How often each was replaced. */
  private readonly restartCounts: number[]
  private readonly restartTimers = new Set<NodeJS.Timeout>()
  private snapshot: Snapshot | undefined
  private cookieSecrets: CookieSecrets | undefined
  private disabledRoutes: ReadonlySet<number> = new Set()
  private notify: NotifyRules = { primaries: [], zones: [] }
  private endpoints: readonly Endpoint[] = []
  /** `starting`: what goes wrong is no accident, and is for whoever starts us to know. */
  private phase: 'starting' | 'serving' | 'stopping' = 'starting'
  private startError: SerializedError | undefined
  private stateChanged: () => void = () => undefined

  constructor(private readonly options: WorkerPoolOptions) {
    this.backoffs = options.rings.map(() => new Backoff())
    this.restartCounts = options.rings.map(() => 0)
  }

  /** How many workers there are, those counted that are just being replaced. */
  get size(): number {
    return this.options.rings.length
  }

  get summaries(): readonly WorkerSummary[] {
    return this.restartCounts.map((restarts, number) => {
      const member = this.workers.get(number)
      const state = member === undefined ? 'dead' : member.listening ? 'listening' : 'starting'
      return { number, state, since: member?.since, restarts }
    })
  }

  /** Starts the threads. They load their code while the rules are compiled, and open no socket. */
  start(): void {
    for (const index of this.options.rings.keys()) this.startWorker(index)
  }

  /** Resolves when all workers listen, or with what keeps one from it. */
  async listen(
    endpoints: readonly Endpoint[],
    snapshot: Snapshot
  ): Promise<SerializedError | undefined> {
    this.endpoints = endpoints
    this.snapshot = snapshot
    for (const { thread } of this.workers.values())
      thread.send({ kind: 'listen', endpoints, snapshot })
    await this.waitUntil(
      () => this.startError !== undefined || this.every(member => member.listening)
    )
    if (this.startError === undefined) this.phase = 'serving'
    return this.startError
  }

  adopt(snapshot: Snapshot): void {
    this.snapshot = snapshot
    for (const { thread } of this.workers.values()) thread.send({ kind: 'adopt', snapshot })
  }

  /** Asks each worker that there is, and waits for it as long as `patience`. */
  request<Kind extends WorkerRequest['kind']>(
    question: WorkerRequest & { readonly kind: Kind },
    patience: Milliseconds
  ): Promise<readonly WorkerResponse<Kind>[]> {
    const all = [...this.workers.values()].map(async ({ index, thread, requests: asks }) => {
      const send = (ticket: number): void => thread.send({ kind: 'ask', ticket, question })
      return {
        worker: index,
        reply: (await asks.send(send, patience)) as WorkerResponse<Kind>['reply']
      }
    })
    return Promise.all(all)
  }

  /** What cookies are made with, for those that are started from now on, too. */
  setCookieSecrets(secrets: CookieSecrets): void {
    this.cookieSecrets = secrets
    for (const { thread } of this.workers.values()) thread.send({ kind: 'secrets', secrets })
  }

  /** Routes that are not taken, by all and by those that are started from now on. */
  disableRoutes(routes: ReadonlySet<number>): void {
    this.disabledRoutes = routes
    for (const { thread } of this.workers.values()) thread.send({ kind: 'leave-out', routes })
  }

  /** Who may say that zones have changed. */
  setNotifySources(rules: NotifyRules): void {
    this.notify = rules
    for (const { thread } of this.workers.values()) thread.send({ kind: 'hear-from', rules })
  }

  /** No new queries; what was accepted is answered; all within `grace`. */
  async drain(grace: Milliseconds): Promise<void> {
    this.beginStopping()
    for (const { thread } of this.workers.values()) thread.send({ kind: 'drain' })
    const timer = setTimeout(() => {
      for (const member of this.workers.values()) member.drained = true
      this.stateChanged()
    }, grace + PATIENCE)
    await this.waitUntil(() => this.every(member => member.drained))
    clearTimeout(timer)
    await this.end()
  }

  /** Ends all at once. */
  async end(): Promise<void> {
    this.beginStopping()
    await Promise.all([...this.workers.values()].map(member => this.endWorker(member)))
  }

  private beginStopping(): void {
    this.phase = 'stopping'
    for (const timer of this.restartTimers) clearTimeout(timer)
  }

  private startWorker(index: number): void {
    const { startThread, init, rings } = this.options
    const { cookieSecrets, disabledRoutes, notify } = this
    const descriptors = new DescriptorTable()
    const shared = { ring: rings[index]!, ledger: descriptors.shared }
    const data: WorkerInit = { ...init, ...shared, cookieSecrets, disabledRoutes, notify }
    const thread = startThread<ToWorker, FromWorker>('worker-main.js', data, {
      message: message => this.onMessage(worker, message),
      exited: error => this.onWorkerExit(worker, serializeError(error ?? new Error('ended')))
    })
    const worker: PoolWorker = {
      index,
      descriptors,
      thread,
      requests: new PendingRequests(),
      startedAt: performance.now(),
      since: Date.now(),
      listening: false,
      drained: false
    }
    this.workers.set(index, worker)
    const { snapshot, endpoints } = this
    if (snapshot !== undefined) thread.send({ kind: 'listen', endpoints, snapshot })
  }

  private onMessage(member: PoolWorker, message: FromWorker): void {
    switch (message.kind) {
      case 'listening':
        member.listening = true
        if (this.phase === 'serving')
          this.options.log.info({ worker: member.index }, 'the worker is replaced: it listens')
        return this.stateChanged()
      case 'drained':
        member.drained = true
        return this.stateChanged()
      case 'said':
        return member.requests.onReply(message.ticket, message.reply)
      case 'probe':
        return this.options.onProbe(message.token)
      case 'notified':
        return this.options.onNotify(message.zone, message.primary)
      case 'failed':
        void this.endWorker(member).then(() => this.onWorkerExit(member, message.trouble))
        return
      case 'log':
        this.options.log[message.level](
          { worker: member.index, ...message.fields },
          message.message
        )
    }
  }

  /** Ends it, and closes what it leaves open: the kernel would go on sending queries there. */
  private async endWorker({
    thread,
    descriptors: ledger,
    requests: asks,
    index
  }: PoolWorker): Promise<void> {
    asks.close()
    thread.send({ kind: 'end' })
    await thread.end(END_PATIENCE)
    releaseLeftovers(ledger)
    this.workers.delete(index)
  }

  /** A worker is gone: its sockets are closed, and another takes its place. */
  private onWorkerExit(
    { index, descriptors: ledger, requests: asks, startedAt: born }: PoolWorker,
    trouble: SerializedError
  ): void {
    asks.close()
    this.workers.delete(index)
    releaseLeftovers(ledger)
    if (this.phase === 'starting') this.startError ??= trouble
    if (this.phase === 'serving') this.scheduleRestart(index, performance.now() - born, trouble)
    this.stateChanged()
  }

  private scheduleRestart(index: number, lived: Milliseconds, { message }: SerializedError): void {
    const wait = this.backoffs[index]!.next(lived)
    this.restartCounts[index]!++
    const fields = { worker: index, error: message, restartMs: wait }
    this.options.log.error(fields, 'a worker died; the others go on, and it is replaced')
    const timer = setTimeout(() => {
      this.restartTimers.delete(timer)
      this.startWorker(index)
    }, wait)
    this.restartTimers.add(timer)
  }

  private every(test: (member: PoolWorker) => boolean): boolean {
    return [...this.workers.values()].every(test)
  }

  private async waitUntil(met: () => boolean): Promise<void> {
    while (!met()) {
      await new Promise<void>(resolve => {
        this.stateChanged = resolve
      })
    }
  }
}
