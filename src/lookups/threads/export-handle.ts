import type { Worker } from 'node:worker_threads'
import { failure } from '../../base/errors/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { OutputConfig } from '../settings/output-config.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { completesWithin } from '../../base/threads/completes-within.js'
import type {
  FromExport,
  ExportInit,
  OutputReport,
  OutputStatus,
  ToExport
} from './log-messages.js'
import { PendingRequests } from '../../base/threads/pending-requests.js'
import { Restarts } from '../../base/threads/restarts.js'
import { startFile } from '../../base/threads/start-file.js'
import { EXIT_TIMEOUT, threadOf, type Thread } from '../../base/threads/thread.js'

/** Data sent to the thread and not yet processed; beyond this, lines are dropped and counted. */
const MAX_BACKLOG: Octets = 16 * 1024 * 1024
/** The thread replies between two blocks. */
const STATUS_TIMEOUT: Milliseconds = 1_000
/** Draining takes up to four seconds while outputs are unreachable. */
const DRAIN_TIMEOUT: Milliseconds = 6_000
const REPORT_INTERVAL: Milliseconds = 60_000

/** Starts the export thread. Injected by tests. */
export type StartExport = (data: ExportInit) => Worker

const startExport: StartExport = workerData => startFile('export-main.js', { workerData })

/** The recorder's handle of the export thread. The recorder never waits for it; restarted when it dies. */
export class ExportHandle {
  /** Two words: octets and lines sent to the thread that it has not yet processed. */
  private readonly backlog = new Int32Array(new SharedArrayBuffer(8))
  private readonly restarts: Restarts
  private requests = new PendingRequests<readonly OutputReport[]>()
  private thread: Thread<ToExport> | undefined
  private onDrained: () => void = () => undefined
  private isClosed = false
  private dropped = 0
  private droppedReported = 0
  private reportedAt: Milliseconds = -Infinity

  constructor(
    private outputs: readonly OutputConfig[],
    private readonly log: ServiceLog,
    private readonly start: StartExport = startExport
  ) {
    this.restarts = new Restarts(() => this.startThread(), log)
    this.startThread()
  }

  /** Queues a block of whole lines; the block is copied, and may be reused when this returns. */
  push(block: Uint8Array, lines: number): void {
    if (this.outputs.length === 0) return
    const isFull = Atomics.load(this.backlog, 0) + block.length > MAX_BACKLOG
    if (isFull || this.thread === undefined) {
      this.dropped += lines
      return this.reportDropped()
    }
    Atomics.add(this.backlog, 0, block.length)
    Atomics.add(this.backlog, 1, lines)
    this.thread.send({ kind: 'block', octets: Uint8Array.from(block), lines })
  }

  /** Replaces the outputs; one that stays as it is goes on. */
  configure(outputs: readonly OutputConfig[]): void {
    this.outputs = outputs
    this.thread?.send({ kind: 'outputs', outputs })
  }

  /** The status of each output; empty if the thread does not reply. */
  async status(): Promise<readonly OutputStatus[]> {
    const { thread, requests, dropped, restarts } = this
    if (thread === undefined) return []
    const reports = await requests.send(id => thread.send({ kind: 'request', id }), STATUS_TIMEOUT)
    if (typeof reports === 'string') return []
    const { count } = restarts
    return reports.map(report => ({
      ...report,
      ...{ dropped: report.dropped + dropped, restarts: count }
    }))
  }

  /** Resolves when queued lines are sent or spooled to disk, or after the drain timeout. */
  async close(): Promise<void> {
    this.isClosed = true
    this.restarts.cancel()
    const { thread } = this
    if (thread === undefined) return
    const drained = new Promise<void>(resolve => (this.onDrained = resolve))
    thread.send({ kind: 'drain' })
    await completesWithin(drained, DRAIN_TIMEOUT)
    await this.end()
  }

  /** Ends the thread at once; queued lines are lost. */
  async end(): Promise<void> {
    this.isClosed = true
    this.restarts.cancel()
    await this.thread?.end(EXIT_TIMEOUT)
  }

  private startThread(): void {
    this.restarts.onStart()
    const requests = (this.requests = new PendingRequests())
    for (const at of [0, 1]) Atomics.store(this.backlog, at, 0)
    const worker = this.start({ outputs: this.outputs, backlog: this.backlog })
    this.thread = threadOf<ToExport, FromExport>(worker, {
      message: message => {
        if (message.kind === 'drained') this.onDrained()
        else if (message.kind === 'reply') requests.onReply(message.id, message.reply)
        else this.log[message.level](message.fields, message.message)
      },
      exited: error => {
        requests.close()
        this.thread = undefined
        this.onDrained()
        const lost = Atomics.load(this.backlog, 1)
        this.dropped += lost
        if (this.isClosed) return
        this.restarts.onExit(error, 'export thread died; restarting it', { lost })
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
