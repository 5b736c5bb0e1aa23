import { setTimeout as sleep } from 'node:timers/promises'
import { failure, type ErrorCode, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { OutputConfig } from '../settings/output-config.js'
import { readRecord } from '../event/read-record.js'
import type { QueryRecord } from '../event/schema.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { Backlog } from './backlog.js'
import {
  openDatagrams,
  RejectedLookups,
  StreamConnection,
  RetryLater,
  withTimeout,
  type Connection
} from './output-connection.js'
import { dnstapFrame } from './dnstap-frame.js'
import { openFrameStream } from './frame-streams.js'
import { openOtlp } from './otlp-http.js'
import { logRecord } from './otlp.js'
import { formatRecord } from './record-formats.js'
import { Spool } from './spool.js'
import { syslogDatagram, syslogFrame } from './syslog.js'

/** Delay before a reconnect, doubled after each failure. */
const MIN_RETRY: Milliseconds = 250
const MAX_RETRY: Milliseconds = 30_000
/** Each error code is logged at most once per interval. */
const REPORT_INTERVAL: Milliseconds = 60_000
/** How long to keep sending on shutdown. */
const SHUTDOWN_TIMEOUT: Milliseconds = 2_000

/** Counters for status requests; all but the last two count from the start. */
export interface ExporterCounts {
  readonly sent: number
  /**
   * Lookups dropped because the spool was full or failed, or because the receiver rejected them.
   */
  readonly dropped: number
  /** Failures to connect or send. */
  readonly errors: number
  readonly waitingOctets: Octets
  readonly connected: boolean
}

/** Sends the lines of the query log to one output, in order, as fast as it accepts them. */
export class Exporter {
  private sent = 0
  private errors = 0
  private rejected = 0
  private readonly backlog: Backlog
  private readonly encode: (record: QueryRecord) => Uint8Array
  private connection: Connection | undefined
  private readonly lastReported = new Map<ErrorCode, Milliseconds>()
  private reportedDropped = 0
  private isUnreachable = false
  private readonly closing = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(
    private readonly options: OutputConfig,
    private readonly log: ServiceLog
  ) {
    const { spool } = options
    this.encode = createEncoder(options)
    const queue = new Spool(spool.folder, spool.octets)
    const onSpoolError = (error: unknown): void => {
      this.report(
        failure('OUTPUT_SPOOL', options.name, spool.folder, reasonOf(error, spool.folder))
      )
    }
    this.backlog = new Backlog(queue, onSpoolError)
    try {
      queue.load()
    } catch (error) {
      onSpoolError(error)
    }
  }

  start(): void {
    this.running = this.run()
  }

  /** Adds complete lines; the block must not be changed afterwards. */
  push(block: Uint8Array, lines: number): void {
    this.backlog.push(block, lines)
    const since = this.backlog.dropped - this.reportedDropped
    if (since > 0 && this.report(failure('OUTPUT_OVERRUN', this.options.name, since)))
      this.reportedDropped = this.backlog.dropped
  }

  counts(): ExporterCounts {
    const { sent, errors, rejected: refused, backlog, connection } = this
    const connected = connection !== undefined
    return {
      ...{ sent, errors, dropped: backlog.dropped + refused },
      ...{ waitingOctets: backlog.pendingOctets, connected }
    }
  }

  /** Sends what it can within two seconds, and spools the rest to disk for the next start. */
  async close(): Promise<void> {
    for (
      let left = SHUTDOWN_TIMEOUT;
      left > 0 && this.backlog.pendingOctets > 0 && !this.isUnreachable;
      left -= 20
    )
      await sleep(20)
    this.closing.abort()
    await withTimeout(SHUTDOWN_TIMEOUT, 'shutting down', this.running).catch(() => undefined)
    this.backlog.persist()
    await this.connection?.close()
  }

  private async run(): Promise<void> {
    let retryDelay = MIN_RETRY
    while (!this.closing.signal.aborted) {
      try {
        const block = await this.unlessClosing(this.backlog.peek())
        if (block === undefined) return
        const messages = this.messagesOf(block)
        this.connection ??= await this.connect()
        const rejected = await this.deliver(messages, this.connection)
        this.backlog.removeOldest()
        this.sent += messages.length - rejected
        this.onSent()
        retryDelay = MIN_RETRY
      } catch (error) {
        await this.onFailure(error)
        const wait = error instanceof RetryLater ? Math.max(retryDelay, error.after) : retryDelay
        await sleep(wait, undefined, { signal: this.closing.signal }).catch(() => undefined)
        retryDelay = Math.min(2 * retryDelay, MAX_RETRY)
      }
    }
  }

  /** @returns how many messages were permanently rejected */
  private async deliver(messages: Uint8Array[], connection: Connection): Promise<number> {
    try {
      await connection.send(messages)
      return 0
    } catch (error) {
      if (!(error instanceof RejectedLookups)) throw error
      const lookups = Math.min(error.count, messages.length)
      this.rejected += lookups
      this.report(failure('OUTPUT_REFUSED', this.options.name, this.rejected, error.message))
      return lookups
    }
  }

  private onSent(): void {
    if (this.isUnreachable) this.log.info({ output: this.options.name }, 'output reachable again')
    this.isUnreachable = false
  }

  private unlessClosing<T>(promise: Promise<T>): Promise<T | undefined> {
    const { signal } = this.closing
    return new Promise((resolve, reject) => {
      const end = (): void => resolve(undefined)
      signal.addEventListener('abort', end, { once: true })
      void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
    })
  }

  private async connect(): Promise<Connection> {
    const { type, to } = this.options
    if (type === 'otlp') return openOtlp(this.options)
    if (type === 'dnstap') return openFrameStream(this.options)
    return to.kind === 'udp' ? openDatagrams(this.options) : StreamConnection.open(this.options)
  }

  private async onFailure(error: unknown): Promise<void> {
    const { connection } = this
    this.connection = undefined
    this.isUnreachable = true
    this.errors++
    this.report(failure('OUTPUT_DOWN', this.options.name, reasonOf(error, '')))
    await connection?.close().catch(() => undefined)
  }

  private messagesOf(block: Uint8Array): Uint8Array[] {
    const { which: filter, type } = this.options
    return Buffer.from(block.buffer, block.byteOffset, block.length)
      .toString()
      .split('\n')
      .flatMap(line => {
        const record = line === '' ? undefined : readRecord(line)
        if (record === undefined || (type === 'dnstap' && record.verdict === 'observed')) return []
        const isBlocked = record.verdict === 'blocked' || record.verdict === 'monitored'
        return filter === 'all' || isBlocked ? [this.encode(record)] : []
      })
  }

  private report(error: InterdictError): boolean {
    const now = performance.now()
    if (now < (this.lastReported.get(error.code) ?? -Infinity) + REPORT_INTERVAL) return false
    this.lastReported.set(error.code, now)
    const { sent, dropped, waitingOctets } = this.counts()
    this.log.error({ code: error.code, sent, dropped, waitingOctets }, error.message)
    return true
  }
}

function createEncoder({ type, to, format }: OutputConfig): (record: QueryRecord) => Uint8Array {
  switch (type) {
    case 'dnstap':
      return dnstapFrame
    case 'json':
      return record => Buffer.from(`${formatRecord(format, record)}\n`)
    case 'otlp':
      return record => logRecord(record, format)
    case 'syslog':
      return to.kind === 'udp'
        ? record => syslogDatagram(record, format)
        : record => syslogFrame(record, format)
  }
}
