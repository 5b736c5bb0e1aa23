import { Worker } from 'node:worker_threads'
import { failure } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { OutputConfig } from '../../config/output-config.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { Asks } from '../threads/asks.js'
import { Backoff } from '../threads/backoff.js'
import { inTime } from '../threads/in-time.js'
import type {
  FromOutlet,
  OutletStart,
  OutputSaid,
  OutputStatus,
  ToOutlet
} from '../threads/messages.js'
import { troubleOf } from '../threads/serialized-error.js'
import { threadOf, threadUrl, type Thread } from '../threads/thread.js'

/** What the thread has not taken yet; what comes then is counted. */
const MOST_UNREAD: Octets = 16 * 1024 * 1024
/** It answers between two blocks. */
const PATIENCE: Milliseconds = 1_000
/** It needs four seconds where nothing goes as it should. */
const LAST_PATIENCE: Milliseconds = 6_000
const REPORT_EVERY: Milliseconds = 60_000

/** Starts the thread. A parameter, for tests. */
export type StartOutlet = (data: OutletStart) => Worker

const startOutlet: StartOutlet = workerData => {
  return new Worker(threadUrl('outlet-main.js'), { workerData })
}

/** The outlet thread, seen from the recorder, which never waits for it; started anew if it dies. */
export class OutletFeed {
  /** Octets, and lines, that the thread was sent and has not taken yet. */
  private readonly unread = new Int32Array(new SharedArrayBuffer(8))
  private readonly backoff = new Backoff()
  private asks = new Asks<readonly OutputSaid[]>()
  private thread: Thread<ToOutlet> | undefined
  private drained: () => void = () => undefined
  private isClosed = false
  private dropped = 0
  private droppedTold = 0
  private toldAt: Milliseconds = -Infinity
  private restarts = 0

  /** @param start for tests: keeps hold of the thread */
  constructor(
    private readonly outputs: readonly OutputConfig[],
    private readonly log: ServiceLog,
    private readonly start: StartOutlet = startOutlet
  ) {
    this.launch()
  }

  /** A block of whole lines; it is copied, and may be written over when this returns. */
  feed(block: Uint8Array, lines: number): void {
    const isFull = Atomics.load(this.unread, 0) + block.length > MOST_UNREAD
    if (isFull || this.thread === undefined) {
      this.dropped += lines
      return this.tellDropped()
    }
    Atomics.add(this.unread, 0, block.length)
    Atomics.add(this.unread, 1, lines)
    this.thread.send({ kind: 'block', octets: Uint8Array.from(block), lines })
  }

  /** Of each output; empty where the thread does not answer. */
  async status(): Promise<readonly OutputStatus[]> {
    const { thread, asks, dropped, restarts } = this
    if (thread === undefined) return []
    const said = await asks.put(ticket => thread.send({ kind: 'ask', ticket }), PATIENCE)
    if (typeof said === 'string') return []
    return said.map(one => ({ ...one, dropped: one.dropped + dropped, restarts }))
  }

  /** What was fed is sent, or on the disk for the next start. */
  async close(): Promise<void> {
    this.isClosed = true
    const { thread } = this
    if (thread === undefined) return
    const drained = new Promise<void>(resolve => (this.drained = resolve))
    thread.send({ kind: 'drain' })
    await inTime(drained, LAST_PATIENCE)
    await thread.end()
  }

  private launch(): void {
    const born = performance.now()
    const asks = (this.asks = new Asks())
    for (const at of [0, 1]) Atomics.store(this.unread, at, 0)
    const worker = this.start({ outputs: this.outputs, unread: this.unread })
    this.thread = threadOf<ToOutlet, FromOutlet>(worker, {
      message: message => {
        if (message.kind === 'drained') this.drained()
        else if (message.kind === 'said') asks.hear(message.ticket, message.reply)
        else this.log[message.level](message.fields, message.message)
      },
      gone: error => {
        asks.end()
        this.thread = undefined
        this.drained()
        const lost = Atomics.load(this.unread, 1)
        this.dropped += lost
        if (this.isClosed) return
        this.restarts++
        const wait = this.backoff.next(performance.now() - born)
        const fields = {
          error: troubleOf(error ?? new Error('ended')).message,
          lost,
          restartMs: wait
        }
        this.log.error(fields, 'the thread of the outputs died; it is replaced')
        setTimeout(() => this.launch(), wait)
      }
    })
  }

  private tellDropped(): void {
    const now = performance.now()
    if (now < this.toldAt + REPORT_EVERY) return
    const names = this.outputs.map(({ name }) => name).join(', ')
    const error = failure('OUTPUT_OVERRUN', names, this.dropped - this.droppedTold)
    this.log.error({ code: error.code }, error.message)
    this.toldAt = now
    this.droppedTold = this.dropped
  }
}
