import { Worker } from 'node:worker_threads'
import { failure } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { OutputConfig } from '../../config/output-config.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { Backoff } from '../threads/backoff.js'
import { completesWithin } from '../threads/completes-within.js'
import type {
  FromExport,
  ExportInit,
  OutputReport,
  OutputStatus,
  ToExport
} from '../threads/messages.js'
import { PendingRequests } from '../threads/pending-requests.js'
import { serializeError } from '../threads/serialized-error.js'
import { threadOf, threadUrl, type Thread } from '../threads/thread.js'

/** What the thread has not taken yet; what comes then is counted. */
const MAX_BACKLOG: Octets = 16 * 1024 * 1024
/** It answers between two blocks. */
const STATUS_TIMEOUT: Milliseconds = 1_000
/** It needs four seconds where nothing goes as it should. */
const DRAIN_TIMEOUT: Milliseconds = 6_000
const REPORT_INTERVAL: Milliseconds = 60_000

/** Starts the thread. A parameter, for tests. */
export type StartExport = (data: ExportInit) => Worker

const startExport: StartExport = workerData => {
  return new Worker(threadUrl('outlet-main.js'), { workerData })
}

/** The outlet thread, seen from the recorder, which never waits for it; started anew if it dies. */
export class ExportHandle {
  /** Octets, and lines, that the thread was sent and has not taken yet. */
  private readonly backlog = new Int32Array(new SharedArrayBuffer(8))
  private readonly backoff = new Backoff()
  private requests = new PendingRequests<readonly OutputReport[]>()
  private thread: Thread<ToExport> | undefined
  private drained: () => void = () => undefined
  private isClosed = false
  private dropped = 0
  private droppedReported = 0
  private reportedAt: Milliseconds = -Infinity
  private restarts = 0

  /** @param start for tests: keeps hold of the thread */
  constructor(
    private readonly outputs: readonly OutputConfig[],
    private readonly log: ServiceLog,
    private readonly start: StartExport = startExport
  ) {
    this.startThread()
  }

  /** A block of whole lines; it is copied, and may be written over when this returns. */
  push(block: Uint8Array, lines: number): void {
    const isFull = Atomics.load(this.backlog, 0) + block.length > MAX_BACKLOG
    if (isFull || this.thread === undefined) {
      this.dropped += lines
      return this.reportDropped()
    }
    Atomics.add(this.backlog, 0, block.length)
    Atomics.add(this.backlog, 1, lines)
    this.thread.send({ kind: 'block', octets: Uint8Array.from(block), lines })
  }

  /** Of each output; empty where the thread does not answer. */
  async status(): Promise<readonly OutputStatus[]> {
    const { thread, requests: asks, dropped, restarts } = this
    if (thread === undefined) return []
    const said = await asks.send(ticket => thread.send({ kind: 'ask', ticket }), STATUS_TIMEOUT)
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
    await completesWithin(drained, DRAIN_TIMEOUT)
    await thread.end()
  }

  private startThread(): void {
    const born = performance.now()
    const asks = (this.requests = new PendingRequests())
    for (const at of [0, 1]) Atomics.store(this.backlog, at, 0)
    const worker = this.start({ outputs: this.outputs, backlog: this.backlog })
    this.thread = threadOf<ToExport, FromExport>(worker, {
      message: message => {
        if (message.kind === 'drained') this.drained()
        else if (message.kind === 'said') asks.onReply(message.ticket, message.reply)
        else this.log[message.level](message.fields, message.message)
      },
      exited: error => {
        asks.close()
        this.thread = undefined
        this.drained()
        const lost = Atomics.load(this.backlog, 1)
        this.dropped += lost
        if (this.isClosed) return
        this.restarts++
        const wait = this.backoff.next(performance.now() - born)
        const fields = {
          error: serializeError(error ?? new Error('ended')).message,
          lost,
          restartMs: wait
        }
        this.log.error(fields, 'the thread of the outputs died; it is replaced')
        setTimeout(() => this.startThread(), wait)
      }
    })
  }

  private reportDropped(): void {
    const now = performance.now()
    if (now < this.reportedAt + REPORT_INTERVAL) return
    const names = this.outputs.map(({ name }) => name).join(', ')
    const error = failure('OUTPUT_OVERRUN', names, this.dropped - this.droppedReported)
    this.log.error({ code: error.code }, error.message)
    this.reportedAt = now
    this.droppedReported = this.dropped
  }
}
