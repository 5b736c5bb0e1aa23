import { failure } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { SPOOL_MODE } from '../../querylog/export/spool.js'
import { lockFolder, lockLog } from '../../querylog/record/lock.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { Asks, type NoReply } from '../threads/asks.js'
import { Backoff } from '../threads/backoff.js'
import { inTime } from '../threads/in-time.js'
import type {
  FromRecorder,
  RecorderReply,
  RecorderStart,
  ToRecorder,
  Trouble
} from '../threads/messages.js'
import { troubleOf } from '../threads/serialized-error.js'
import type { StartThread, Thread } from '../threads/thread.js'

/** A recorder that dies while it writes the last records is replaced so many times. */
const LAST_TRIES = 3
/** The last records are written in a fraction of this, unless disk or pipe take nothing at all. */
const LAST_PATIENCE: Milliseconds = 8_000
const END_PATIENCE: Milliseconds = 3_000

/** The recorder thread, seen from the control thread; started anew if it dies. */
export class RecorderHandle {
  /** How often it was started anew. */
  restarts = 0
  private thread: Thread<ToRecorder> | undefined
  private asks = new Asks<RecorderReply>()
  private snapshot: Snapshot | undefined
  private readonly backoff = new Backoff()
  private born = 0
  private timer: NodeJS.Timeout | undefined
  /** While the last records are written. */
  private drained: (() => void) | undefined
  private lastTries = 0
  private readonly locks: (() => void)[] = []

  constructor(
    private readonly startThread: StartThread,
    private readonly start: RecorderStart,
    private readonly log: ServiceLog
  ) {}

  /**
   * Takes the folders of the log and of what waits for its outputs, until the end.
   *
   * @returns what stands in the way
   */
  lock(): readonly Trouble[] {
    const { settings, outputs } = this.start
    const troubles: Trouble[] = []
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
        troubles.push(troubleOf(error))
      }
    }
    if (troubles.length > 0) this.unlock()
    return troubles
  }

  /** Starts the thread. What was recorded before waits in the rings. */
  launch(): void {
    this.born = performance.now()
    const asks = (this.asks = new Asks())
    this.thread = this.startThread<ToRecorder, FromRecorder>('recorder-main.js', this.start, {
      message: message => {
        if (message.kind === 'drained') this.drained?.()
        else if (message.kind === 'said') asks.hear(message.ticket, message.reply)
        else this.log[message.level](message.fields, message.message)
      },
      gone: error => {
        asks.end()
        this.bury(error ?? new Error('ended'))
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
    const { thread, asks } = this
    if (thread === undefined) return Promise.resolve('gone')
    return asks.put(ticket => thread.send({ kind: 'ask', ticket }), patience)
  }

  /**
   * Everything recorded is on disk when this resolves, or it is clear that it never will be.
   *
   * @returns as `end`
   */
  async drain(): Promise<boolean> {
    const drained = new Promise<void>(resolve => {
      this.drained = resolve
      this.drainNow()
    })
    if (!(await inTime(drained, LAST_PATIENCE)))
      this.log.error({}, 'the query log takes nothing: its last records are lost')
    return this.end()
  }

  /**
   * @returns whether the thread has ended: it does not while it waits in the kernel for a disk or a
   * pipe that takes nothing
   */
  async end(): Promise<boolean> {
    clearTimeout(this.timer)
    const { thread } = this
    const ended = thread === undefined || (await inTime(thread.end(), END_PATIENCE))
    this.unlock()
    return ended
  }

  private unlock(): void {
    for (const unlock of this.locks.splice(0)) unlock()
  }

  private drainNow(): void {
    clearTimeout(this.timer)
    if (this.thread === undefined) this.launch()
    this.thread?.send({ kind: 'drain' })
  }

  private bury(error: Error): void {
    this.thread = undefined
    this.restarts++
    const wait = this.backoff.next(performance.now() - this.born)
    const fields = { error: troubleOf(error).message, restartMs: wait }
    this.log.error(fields, 'the recorder died; answers go on, and it is replaced')
    if (this.drained === undefined) this.timer = setTimeout(() => this.launch(), wait)
    else if (++this.lastTries < LAST_TRIES) this.drainNow()
    else this.drained()
  }
}
