import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { completesWithin } from '../../base/threads/completes-within.js'
import type { Observation, QueryEvent } from '../event/query-event.js'
import type { NewlyBlockedReport } from '../record/newly-blocked.js'
import type { FromRecorder, RecorderReply, RecorderInit, ToRecorder } from './log-messages.js'
import { PendingRequests, type NoReply } from '../../base/threads/pending-requests.js'
import { Restarts } from '../../base/threads/restarts.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { StartThread, Thread } from '../../base/threads/thread.js'
import { LogLocks, type PreparedLocks } from './log-locks.js'

/** Attempts to drain: a recorder that dies while it writes the last records is restarted. */
const DRAIN_ATTEMPTS = 3
/** Writing the last records takes a fraction of this, unless the disk or pipe blocks. */
const DRAIN_TIMEOUT: Milliseconds = 8_000
/** How long the thread may take to end itself: longer only if the disk or pipe blocks. */
const EXIT_TIMEOUT: Milliseconds = 2_000
/** The same, with its termination. */
const END_TIMEOUT: Milliseconds = 5_000

/** The control thread's handle of the recorder thread, which is restarted when it dies. */
export class RecorderHandle {
  readonly restarts: Restarts
  private thread: Thread<ToRecorder> | undefined
  private requests = new PendingRequests<RecorderReply>()
  private namesRequests = new PendingRequests<{ names: NewlyBlockedReport | undefined }>()
  private snapshot: Snapshot | undefined
  /** Set while the last records are written. */
  private onDrained: (() => void) | undefined
  private drainAttempts = 0
  private readonly locks: LogLocks

  /** @param state the state folder, to be locked together with the log folders */
  constructor(
    private readonly startThread: StartThread,
    private init: RecorderInit,
    private readonly log: ServiceLog,
    state?: string
  ) {
    this.locks = new LogLocks(init, log, state)
    this.restarts = new Restarts(() => this.start(), log)
  }

  /**
   * Locks the state folder, the query log folder and the spool folders of its outputs until `end`.
   *
   * @returns the errors that prevent it
   */
  lock(): Promise<readonly SerializedError[]> {
    return this.locks.acquire()
  }

  /** Locks what other settings need: see `LogLocks.prepare`. */
  prepare(settings: Pick<RecorderInit, 'settings' | 'outputs'>): Promise<PreparedLocks> {
    return this.locks.prepare(settings)
  }

  /** Replaces the settings. Call this before any worker uses a new upstream. */
  configure(changes: Pick<RecorderInit, 'settings' | 'outputs' | 'upstreams'>): void {
    const { settings, outputs, upstreams } = changes
    this.init = { ...this.init, ...changes }
    this.thread?.send({ kind: 'upstreams', labels: upstreams })
    this.thread?.send({ kind: 'settings', settings, outputs })
  }

  /** Replaces the labels of upstreams. Call this before any worker uses a new one. */
  setUpstreams(labels: readonly string[]): void {
    this.init = { ...this.init, upstreams: labels }
    this.thread?.send({ kind: 'upstreams', labels })
  }

  /** Starts the thread. Records made before wait in the rings. */
  start(): void {
    this.restarts.onStart()
    const requests = (this.requests = new PendingRequests())
    const namesRequests = (this.namesRequests = new PendingRequests())
    this.thread = this.startThread<ToRecorder, FromRecorder>('recorder-main.js', this.init, {
      message: message => {
        if (message.kind === 'drained') this.onDrained?.()
        else if (message.kind === 'reply') requests.onReply(message.id, message.reply)
        else if (message.kind === 'newly blocked') namesRequests.onReply(message.id, message.reply)
        else this.log[message.level](message.fields, message.message)
      },
      exited: error => {
        requests.close()
        namesRequests.close()
        this.onExit(error)
      }
    })
    // The rings may already have events of it. Start parameters would be kept as long as the thread lives.
    if (this.snapshot !== undefined) this.adopt(this.snapshot)
  }

  /** Call this before any worker gets the snapshot. */
  adopt(snapshot: Snapshot): void {
    this.snapshot = snapshot
    this.thread?.send({ kind: 'adopt', snapshot })
  }

  /** Logs an answer that was validated after the client had it. It is lost while the thread restarts. */
  addObserved(event: QueryEvent, observation: Observation): void {
    this.thread?.send({ kind: 'observed', event, observation })
  }

  /** Reopens the file, for external log rotation. */
  reopen(): void {
    this.thread?.send({ kind: 'reopen' })
  }

  /**
   * Closes the file and begins another one, unless it is empty.
   *
   * @returns whether it did; undefined: the thread does not respond
   */
  async rotate(timeout: Milliseconds): Promise<boolean | undefined> {
    const before = await this.status(timeout)
    this.thread?.send({ kind: 'rotate' })
    const after = await this.status(timeout)
    if (typeof before !== 'object' || typeof after !== 'object') return undefined
    return after.rotations > before.rotations
  }

  /** The status since the last start of the thread. */
  status(timeout: Milliseconds): Promise<RecorderReply | NoReply> {
    const { thread, requests } = this
    if (thread === undefined) return Promise.resolve('exited')
    return requests.send(id => thread.send({ kind: 'request', id }), timeout)
  }

  /** Names that are newly blocked, see `Recorder.reportNewlyBlocked`. */
  async newlyBlocked(timeout: Milliseconds): Promise<NewlyBlockedReport | undefined> {
    const { thread, namesRequests } = this
    if (thread === undefined) return undefined
    const reply = await namesRequests.send(
      id => thread.send({ kind: 'newly blocked', id }),
      timeout
    )
    return typeof reply === 'object' ? reply.names : undefined
  }

  /**
   * Writes all records to disk, or gives up after the timeout, and ends the thread.
   *
   * @returns as `end`
   */
  async drain(): Promise<boolean> {
    const drained = new Promise<void>(resolve => {
      this.onDrained = resolve
      this.requestDrain()
    })
    if (!(await completesWithin(drained, DRAIN_TIMEOUT)))
      this.log.error({}, 'query log is blocked: its last records are lost')
    // Its export thread has ended, or cannot be asked to.
    return this.endWithin(0)
  }

  /**
   * Ends the thread at once; records that it has not written are lost.
   *
   * @returns whether the thread has ended: it cannot while it waits in the kernel for a blocked disk or
   *   pipe
   */
  end(): Promise<boolean> {
    return this.endWithin(EXIT_TIMEOUT)
  }

  /** @param timeout as of `Thread.end` */
  private async endWithin(timeout: Milliseconds): Promise<boolean> {
    this.restarts.cancel()
    const { thread } = this
    const ended = thread === undefined || (await completesWithin(thread.end(timeout), END_TIMEOUT))
    this.locks.release()
    return ended
  }

  private requestDrain(): void {
    this.restarts.cancel()
    if (this.thread === undefined) this.start()
    this.thread?.send({ kind: 'drain' })
  }

  private onExit(error: Error | undefined): void {
    this.thread = undefined
    this.restarts.onExit(error, 'recorder died; restarting it, queries are still answered')
    if (this.onDrained === undefined) return
    if (++this.drainAttempts < DRAIN_ATTEMPTS) this.requestDrain()
    else this.onDrained()
  }
}
