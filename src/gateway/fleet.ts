import type { Milliseconds } from '../base/units.js'
import type { ServiceLog } from '../log/service-log.js'
import type { Snapshot } from '../policy/snapshot.js'
import { closeLeftOver } from '../socket/batch.js'
import type { Endpoint } from '../socket/datagram.js'
import { Ledger } from '../socket/ledger.js'
import type { FromWorker, ToWorker, Trouble, WorkerStart } from './messages.js'
import type { StartThread, Thread } from './thread.js'
import { troubleOf } from './trouble.js'

/** Before a worker that died is replaced; doubled each time it dies again within a minute. */
const REPLACE_AFTER: Milliseconds = 50
const REPLACE_AFTER_MOST: Milliseconds = 5_000
const LIVED_LONG: Milliseconds = 60_000

export interface FleetParts {
  readonly startThread: StartThread
  /** What all workers are started with. */
  readonly common: Pick<WorkerStart, 'config' | 'upstreams'>
  /** One per worker; a worker that replaces a dead one goes on with the dead one's. */
  readonly rings: readonly SharedArrayBuffer[]
  readonly log: ServiceLog
}

interface Member {
  readonly index: number
  readonly ledger: Ledger
  readonly thread: Thread<ToWorker>
  readonly born: Milliseconds
  listening: boolean
  drained: boolean
}

/** The workers: started together, told of each snapshot, replaced when they die, drained at the end. */
export class Fleet {
  private readonly members = new Map<number, Member>()
  private readonly backoff = new Map<number, Milliseconds>()
  private snapshot: Snapshot | undefined
  private endpoints: readonly Endpoint[] = []
  private stopping = false
  private wake: () => void = () => undefined
  private trouble: Trouble | undefined

  constructor(private readonly parts: FleetParts) {}

  get size(): number {
    return this.members.size
  }

  /** Starts the threads. They load their code while the rules are compiled, and open no socket. */
  launch(): void {
    for (const index of this.parts.rings.keys()) this.add(index)
  }

  /** Resolves when all workers listen, or with what keeps one from it. */
  async listen(endpoints: readonly Endpoint[], snapshot: Snapshot): Promise<Trouble | undefined> {
    this.endpoints = endpoints
    this.snapshot = snapshot
    for (const member of this.members.values())
      member.thread.send({ kind: 'listen', endpoints, snapshot })
    await this.until(() => this.trouble !== undefined || this.all(member => member.listening))
    return this.trouble
  }

  adopt(snapshot: Snapshot): void {
    this.snapshot = snapshot
    for (const member of this.members.values()) member.thread.send({ kind: 'adopt', snapshot })
  }

  /** No new queries; what was accepted is answered; all within `grace`. */
  async drain(grace: Milliseconds): Promise<void> {
    this.stopping = true
    for (const member of this.members.values()) member.thread.send({ kind: 'drain' })
    const timer = setTimeout(() => {
      for (const member of this.members.values()) member.drained = true
      this.wake()
    }, grace)
    await this.until(() => this.all(member => member.drained))
    clearTimeout(timer)
    await this.end()
  }

  /** Ends all at once. */
  async end(): Promise<void> {
    this.stopping = true
    const ended = [...this.members.values()].map(member => member.thread.end())
    await Promise.all(ended)
    this.members.clear()
  }

  private add(index: number): void {
    const { startThread, common, rings } = this.parts
    const ledger = new Ledger()
    const data: WorkerStart = { ...common, ring: rings[index]!, ledger: ledger.shared }
    const thread = startThread<ToWorker, FromWorker>('worker-main.js', data, {
      message: message => this.hear(index, message),
      gone: error => this.bury(index, error)
    })
    const born = performance.now()
    this.members.set(index, { index, ledger, thread, born, listening: false, drained: false })
    if (this.snapshot !== undefined) {
      thread.send({ kind: 'listen', endpoints: this.endpoints, snapshot: this.snapshot })
    }
  }

  private hear(index: number, message: FromWorker): void {
    const member = this.members.get(index)
    if (member === undefined) return
    switch (message.kind) {
      case 'listening':
        member.listening = true
        return this.wake()
      case 'drained':
        member.drained = true
        return this.wake()
      case 'failed':
        this.trouble ??= message.trouble
        return this.wake()
      case 'log':
        return this.parts.log[message.level]({ worker: index, ...message.fields }, message.message)
    }
  }

  /** A worker died: its sockets are closed, so that the kernel sends no more queries there. */
  private bury(index: number, error: Error | undefined): void {
    const member = this.members.get(index)
    if (member === undefined) return
    this.members.delete(index)
    closeLeftOver(member.ledger)
    if (this.stopping) return this.wake()
    const wait = this.nextBackoff(member)
    const { message } = troubleOf(error ?? new Error('ended'))
    const fields = { worker: index, error: message, restartMs: wait }
    this.parts.log.error(fields, 'a worker died; the others go on, and it is replaced')
    setTimeout(() => {
      if (!this.stopping) this.add(index)
    }, wait)
  }

  private nextBackoff({ index, born }: Member): Milliseconds {
    const lived = performance.now() - born
    const last = lived > LIVED_LONG ? undefined : this.backoff.get(index)
    const wait = last === undefined ? REPLACE_AFTER : Math.min(last * 2, REPLACE_AFTER_MOST)
    this.backoff.set(index, wait)
    return wait
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
