import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { NotifyRules } from '../../resolver/notify-handler.js'
import { releaseLeftovers } from '../../udp/batch/batch.js'
import { DescriptorTable } from '../../udp/batch/descriptor-table.js'
import type { Endpoint } from '../../udp/datagram.js'
import { Asks, type NoReply } from '../threads/asks.js'
import { Backoff } from '../threads/backoff.js'
import type {
  FromWorker,
  Question,
  Replies,
  Reply,
  ToWorker,
  Trouble,
  WorkerStart
} from '../threads/messages.js'
import { troubleOf } from '../threads/serialized-error.js'
import type { StartThread, Thread } from '../threads/thread.js'
import type { Secrets } from './cookie-secrets.js'

/** Workers keep to the grace by themselves; one that is busy is given a little more. */
const PATIENCE: Milliseconds = 1_000
/**
 * Workers end by themselves. One that does not is stopped from outside: that is a risk for the
 * whole process (see worker-main), so only where nothing else is left.
 */
const END_PATIENCE: Milliseconds = 5_000

export interface FleetParts {
  readonly startThread: StartThread
  /** What all workers are started with. */
  readonly common: Pick<WorkerStart, 'config' | 'upstreams' | 'probeKey'>
  /** One per worker; a worker that replaces a dead one goes on with the dead one's. */
  readonly rings: readonly SharedArrayBuffer[]
  readonly log: ServiceLog
  /** Told the token of each probe for loops that has come back. */
  readonly onProbe: (token: string) => void
  /** Told the zone, and the primary that says that it has changed. */
  readonly onNotify: (zone: string, primary: string) => void
}

/** What one worker has to say to a question. */
export interface Said<Kind extends Question['kind']> {
  readonly worker: number
  readonly reply: Replies[Kind] | NoReply
}

/** How it is with one worker. */
export interface WorkerLife {
  readonly number: number
  /** `dead`: it is about to be replaced. */
  readonly state: 'starting' | 'listening' | 'dead'
  /** When the one that is there was started: milliseconds of the calendar. Undefined: none is. */
  readonly since: Milliseconds | undefined
  /** How often it was replaced. */
  readonly restarts: number
}

interface Member {
  readonly index: number
  readonly ledger: DescriptorTable
  readonly thread: Thread<ToWorker>
  readonly asks: Asks<Reply>
  readonly born: Milliseconds
  /** As `born`, by the calendar. */
  readonly since: Milliseconds
  listening: boolean
  drained: boolean
}

/** The workers: started together, told of each snapshot, replaced when they die, drained at the end. */
export class Fleet {
  private readonly members = new Map<number, Member>()
  private readonly backoffs: readonly Backoff[]
  /** How often each was replaced. */
  private readonly replaced: number[]
  private readonly restarts = new Set<NodeJS.Timeout>()
  private snapshot: Snapshot | undefined
  private secrets: Secrets | undefined
  private loops: ReadonlySet<number> = new Set()
  private notify: NotifyRules = { primaries: [], zones: [] }
  private endpoints: readonly Endpoint[] = []
  /** `starting`: what goes wrong is no accident, and is for whoever starts us to know. */
  private phase: 'starting' | 'serving' | 'stopping' = 'starting'
  private trouble: Trouble | undefined
  private wake: () => void = () => undefined

  constructor(private readonly parts: FleetParts) {
    this.backoffs = parts.rings.map(() => new Backoff())
    this.replaced = parts.rings.map(() => 0)
  }

  /** How many workers there are, those counted that are just being replaced. */
  get size(): number {
    return this.parts.rings.length
  }

  get lives(): readonly WorkerLife[] {
    return this.replaced.map((restarts, number) => {
      const member = this.members.get(number)
      const state = member === undefined ? 'dead' : member.listening ? 'listening' : 'starting'
      return { number, state, since: member?.since, restarts }
    })
  }

  /** Starts the threads. They load their code while the rules are compiled, and open no socket. */
  launch(): void {
    for (const index of this.parts.rings.keys()) this.add(index)
  }

  /** Resolves when all workers listen, or with what keeps one from it. */
  async listen(endpoints: readonly Endpoint[], snapshot: Snapshot): Promise<Trouble | undefined> {
    this.endpoints = endpoints
    this.snapshot = snapshot
    for (const { thread } of this.members.values())
      thread.send({ kind: 'listen', endpoints, snapshot })
    await this.until(() => this.trouble !== undefined || this.all(member => member.listening))
    if (this.trouble === undefined) this.phase = 'serving'
    return this.trouble
  }

  adopt(snapshot: Snapshot): void {
    this.snapshot = snapshot
    for (const { thread } of this.members.values()) thread.send({ kind: 'adopt', snapshot })
  }

  /** Asks each worker that there is, and waits for it as long as `patience`. */
  ask<Kind extends Question['kind']>(
    question: Question & { readonly kind: Kind },
    patience: Milliseconds
  ): Promise<readonly Said<Kind>[]> {
    const all = [...this.members.values()].map(async ({ index, thread, asks }) => {
      const send = (ticket: number): void => thread.send({ kind: 'ask', ticket, question })
      return { worker: index, reply: (await asks.put(send, patience)) as Said<Kind>['reply'] }
    })
    return Promise.all(all)
  }

  /** What cookies are made with, for those that are started from now on, too. */
  rekey(secrets: Secrets): void {
    this.secrets = secrets
    for (const { thread } of this.members.values()) thread.send({ kind: 'secrets', secrets })
  }

  /** Routes that are not taken, by all and by those that are started from now on. */
  leaveOut(routes: ReadonlySet<number>): void {
    this.loops = routes
    for (const { thread } of this.members.values()) thread.send({ kind: 'leave-out', routes })
  }

  /** Who may say that zones have changed. */
  hearFrom(rules: NotifyRules): void {
    this.notify = rules
    for (const { thread } of this.members.values()) thread.send({ kind: 'hear-from', rules })
  }

  /** No new queries; what was accepted is answered; all within `grace`. */
  async drain(grace: Milliseconds): Promise<void> {
    this.stop()
    for (const { thread } of this.members.values()) thread.send({ kind: 'drain' })
    const timer = setTimeout(() => {
      for (const member of this.members.values()) member.drained = true
      this.wake()
    }, grace + PATIENCE)
    await this.until(() => this.all(member => member.drained))
    clearTimeout(timer)
    await this.end()
  }

  /** Ends all at once. */
  async end(): Promise<void> {
    this.stop()
    await Promise.all([...this.members.values()].map(member => this.dismiss(member)))
  }

  private stop(): void {
    this.phase = 'stopping'
    for (const timer of this.restarts) clearTimeout(timer)
  }

  private add(index: number): void {
    const { startThread, common, rings } = this.parts
    const { secrets, loops, notify } = this
    const ledger = new DescriptorTable()
    const own = { secrets, loops, notify, ring: rings[index]!, ledger: ledger.shared }
    const data: WorkerStart = { ...common, ...own }
    const thread = startThread<ToWorker, FromWorker>('worker-main.js', data, {
      message: message => this.hear(member, message),
      gone: error => this.bury(member, troubleOf(error ?? new Error('ended')))
    })
    const birth = { born: performance.now(), since: Date.now() }
    const asks = new Asks<Reply>()
    const begin = { ...birth, listening: false, drained: false }
    const member: Member = { index, ledger, thread, asks, ...begin }
    this.members.set(index, member)
    const { snapshot, endpoints } = this
    if (snapshot !== undefined) thread.send({ kind: 'listen', endpoints, snapshot })
  }

  private hear(member: Member, message: FromWorker): void {
    switch (message.kind) {
      case 'listening':
        member.listening = true
        if (this.phase === 'serving')
          this.parts.log.info({ worker: member.index }, 'the worker is replaced: it listens')
        return this.wake()
      case 'drained':
        member.drained = true
        return this.wake()
      case 'said':
        return member.asks.hear(message.ticket, message.reply)
      case 'probe':
        return this.parts.onProbe(message.token)
      case 'notified':
        return this.parts.onNotify(message.zone, message.primary)
      case 'failed':
        void this.dismiss(member).then(() => this.bury(member, message.trouble))
        return
      case 'log':
        this.parts.log[message.level]({ worker: member.index, ...message.fields }, message.message)
    }
  }

  /** Ends it, and closes what it leaves open: the kernel would go on sending queries there. */
  private async dismiss({ thread, ledger, asks, index }: Member): Promise<void> {
    asks.end()
    thread.send({ kind: 'end' })
    await thread.end(END_PATIENCE)
    releaseLeftovers(ledger)
    this.members.delete(index)
  }

  /** A worker is gone: its sockets are closed, and another takes its place. */
  private bury({ index, ledger, asks, born }: Member, trouble: Trouble): void {
    asks.end()
    this.members.delete(index)
    releaseLeftovers(ledger)
    if (this.phase === 'starting') this.trouble ??= trouble
    if (this.phase === 'serving') this.replace(index, performance.now() - born, trouble)
    this.wake()
  }

  private replace(index: number, lived: Milliseconds, { message }: Trouble): void {
    const wait = this.backoffs[index]!.next(lived)
    this.replaced[index]!++
    const fields = { worker: index, error: message, restartMs: wait }
    this.parts.log.error(fields, 'a worker died; the others go on, and it is replaced')
    const timer = setTimeout(() => {
      this.restarts.delete(timer)
      this.add(index)
    }, wait)
    this.restarts.add(timer)
  }

  private all(test: (member: Member) => boolean): boolean {
    return [...this.members.values()].every(test)
  }

  private async until(met: () => boolean): Promise<void> {
    while (!met()) {
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
  }
}
