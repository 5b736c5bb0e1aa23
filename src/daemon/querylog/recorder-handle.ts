import { failure } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { SPOOL_MODE } from '../../querylog/export/spool.js'
import { lockFolder, lockLog } from '../../querylog/record/lock.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { Backoff } from '../threads/backoff.js'
import { completesWithin } from '../threads/completes-within.js'
import type { FromRecorder, RecorderReply, RecorderInit, ToRecorder } from '../threads/messages.js'
import { PendingRequests, type NoReply } from '../threads/pending-requests.js'
import { serializeError } from '../threads/serialized-error.js'
import type { SerializedError } from '../threads/serialized-error.js'
import type { StartThread, Thread } from '../threads/thread.js'

/** A recorder that dies while it writes the last records is replaced so many times. */
const DRAIN_ATTEMPTS = 3
/** The last records are written in a fraction of this, unless disk or pipe take nothing at all. */
const DRAIN_TIMEOUT: Milliseconds = 8_000
const END_TIMEOUT: Milliseconds = 3_000

/** The recorder thread, seen from the control thread; started anew if it dies. */
export class RecorderHandle {
  /** How often it was started anew. */
  restarts = 0
  private thread: Thread<ToRecorder> | undefined
  private requests = new PendingRequests<RecorderReply>()
  private snapshot: Snapshot | undefined
  private readonly backoff = new Backoff()
  private startedAt = 0
  private restartTimer: NodeJS.Timeout | undefined
  /** While the last records are written. */
  private onDrained: (() => void) | undefined
  private drainAttempts = 0
  private readonly locks: (() => void)[] = []

  constructor(
    private readonly startThread: StartThread,
    private readonly init: RecorderInit,
    private readonly log: ServiceLog
  ) {}

  /**
   * Takes the folders of the log and of what waits for its outputs, until the end.
   *
   * @returns what stands in the way
   */
  lock(): readonly SerializedError[] {
    const { settings, outputs } = this.init
    const troubles: SerializedError[] = []
    const takes = [
      () => (settings.which === 'none' ? undefined : lockLog(settings.path)),
      ...outputs.map(({ name, spool: { folder } }) => {
        const taken = (holder: string) => failure('OUTPUT_LOCKED', name, folder, holder)
        return () => lockFolder(folder, taken, SPOOL_MODE)
      })
    ]
    for (const take of takes) {
      try {
        const unlock = take()
        if (unlock !== undefined) this.locks.push(unlock)
      } catch (error) {
        troubles.push(serializeError(error))
      }
    }
    if (troubles.length > 0) this.unlock()
    return troubles
  }

  /** Starts the thread. What was recorded before waits in the rings. */
  start(): void {
    this.startedAt = performance.now()
    const asks = (this.requests = new PendingRequests())
    this.thread = this.startThread<ToRecorder, FromRecorder>('recorder-main.js', this.init, {
      message: message => {
        if (message.kind === 'drained') this.onDrained?.()
        else if (message.kind === 'said') asks.onReply(message.ticket, message.reply)
        else this.log[message.level](message.fields, message.message)
      },
      exited: error => {
        asks.close()
        this.onExit(error ?? new Error('ended'))
      }
    })
    if (this.snapshot !== undefined) this.thread.send({ kind: 'adopt', snapshot: this.snapshot })
  }

  /** To be called before any worker is given the snapshot. */
  adopt(snapshot: Snapshot): void {
    this.snapshot = snapshot
    this.thread?.send({ kind: 'adopt', snapshot })
  }

  /** For rotation by others: the file is opened anew under its name. */
  reopen(): void {
    this.thread?.send({ kind: 'reopen' })
  }

  /** What it has done since it was started last. */
  status(patience: Milliseconds): Promise<RecorderReply | NoReply> {
    const { thread, requests: asks } = this
    if (thread === undefined) return Promise.resolve('gone')
    return asks.send(ticket => thread.send({ kind: 'ask', ticket }), patience)
  }

  /**
   * Everything recorded is on disk when this resolves, or it is clear that it never will be.
   *
   * @returns as `end`
   */
  async drain(): Promise<boolean> {
    const drained = new Promise<void>(resolve => {
      this.onDrained = resolve
      this.requestDrain()
    })
    if (!(await completesWithin(drained, DRAIN_TIMEOUT)))
      this.log.error({}, 'the query log takes nothing: its last records are lost')
    return this.end()
  }

  /**
   * @returns whether the thread has ended: it does not while it waits in the kernel for a disk or a
   * pipe that takes nothing
   */
  async end(): Promise<boolean> {
    clearTimeout(this.restartTimer)
    const { thread } = this
    const ended = thread === undefined || (await completesWithin(thread.end(), END_TIMEOUT))
    this.unlock()
    return ended
  }

  private unlock(): void {
    for (const unlock of this.locks.splice(0)) unlock()
  }

  private requestDrain(): void {
    clearTimeout(this.restartTimer)
    if (this.thread === undefined) this.start()
    this.thread?.send({ kind: 'drain' })
  }

  private onExit(error: Error): void {
    this.thread = undefined
    this.restarts++
    const wait = this.backoff.next(performance.now() - this.startedAt)
    const fields = { error: serializeError(error).message, restartMs: wait }
    this.log.error(fields, 'the recorder died; answers go on, and it is replaced')
    if (this.onDrained === undefined) this.restartTimer = setTimeout(() => this.start(), wait)
    else if (++this.drainAttempts < DRAIN_ATTEMPTS) this.requestDrain()
    else this.onDrained()
  }
}
