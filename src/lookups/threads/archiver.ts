import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ArchiveContents } from '../archive/archive-contents.js'
import { closedFiles, LogLayout } from '../files/log-layout.js'
import type { ArchiveOptions } from '../archive/maintain.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { LogLine } from '../../base/threads/thread-log.js'
import { NO_CODE_FROM_STRINGS } from '../../base/threads/isolation.js'
import { startFileAsProcess } from '../../base/threads/start-file.js'
import { MaintenanceReporter } from './maintenance-reporter.js'

/** Interval between checks for work. */
const CHECK_INTERVAL: Milliseconds = 10 * MS_PER_SECOND
/** Margin for the time that checks and runs take, so that a checkpoint is not later than its interval. */
const earlier = (interval: Milliseconds): Milliseconds =>
  interval - Math.min(interval / 4, 2 * CHECK_INTERVAL)
/** Delay before a failed run is retried. */
const RETRY_DELAY: Milliseconds = 600 * MS_PER_SECOND
/** The V8 heap limit; DuckDB's memory does not count. */
const HEAP_MB = 96

export interface ArchiveInit extends ArchiveOptions {
  /** Folder of the history of rules. */
  readonly history: string
}
export type FromArchive = Finished | LogLine

export interface Finished {
  readonly kind: 'done'
  /** Whether everything was done. */
  readonly done: boolean
  /** The files on disk now; undefined: the folder cannot be read. */
  readonly stored: ArchiveContents | undefined
}

/** Starts the archive process. Injected by tests. */
export type StartArchive = () => ChildProcess

export const startArchive: StartArchive = () =>
  startFileAsProcess('archive-main.js', [`--max-old-space-size=${HEAP_MB}`, NO_CODE_FROM_STRINGS], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc']
  })

export interface ArchiverOptions extends Omit<ArchiveInit, 'threads'> {
  readonly log: ServiceLog
  readonly start?: StartArchive
  /** The wall clock; its UTC day matters. */
  readonly wall?: () => Milliseconds
  readonly checkInterval?: Milliseconds
}

/** Starts a process for maintenance of closed query log files whenever there is work. */
export class Archiver {
  readonly reporter = new MaintenanceReporter()
  private layout: LogLayout
  private timer: NodeJS.Timeout | undefined
  private child: ChildProcess | undefined
  private retryNotBefore: Milliseconds = -Infinity
  /** The UTC day of the last complete run. */
  private completedDay = ''
  /** Whether the last run left work undone. */
  private isIncomplete = false
  /** Closed files that the last run has seen. */
  private knownFiles: ReadonlySet<string> = new Set()
  /** When the chain's next checkpoint is due. */
  private checkpointAt: Milliseconds = -Infinity
  /** Once true it stays so: waiting does not install DuckDB. */
  private isDuckDbMissing = false
  private isClosed = false

  constructor(public options: ArchiverOptions) {
    this.layout = new LogLayout(options.path)
  }

  /** Replaces the settings. A run in progress ends as it began; the next one is due at once. */
  configure(settings: Pick<ArchiverOptions, 'path' | 'parquet' | 'chain' | 'keep' | 'ship'>): void {
    this.options = { ...this.options, ...settings }
    this.layout = new LogLayout(settings.path)
    this.isIncomplete = true
    this.retryNotBefore = -Infinity
  }

  /** Whether maintenance is on. */
  get started(): boolean {
    const { parquet, chain, keep } = this.options
    return this.timer !== undefined && (parquet || chain !== undefined || keep !== undefined)
  }

  get working(): boolean {
    return this.child !== undefined
  }

  get parquet(): 'made' | 'missing' | 'off' {
    if (!this.options.parquet) return 'off'
    return this.isDuckDbMissing ? 'missing' : 'made'
  }

  /** Wall-clock time at which a failed run is retried. */
  get retryAt(): Milliseconds | undefined {
    if (!this.isIncomplete || this.working || !this.hasWork) return undefined
    return this.wall() + Math.max(0, this.retryNotBefore - performance.now())
  }

  start(): void {
    clearInterval(this.timer)
    this.timer = setInterval(() => this.check(), this.options.checkInterval ?? CHECK_INTERVAL)
    this.timer.unref()
  }

  /** Starts no further run. */
  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  /** Kills the process, which is safe at any moment. */
  async close(): Promise<void> {
    this.isClosed = true
    clearInterval(this.timer)
    const child = this.child
    if (child === undefined) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  private get hasWork(): boolean {
    const { chain, keep } = this.options
    return this.parquet === 'made' || chain !== undefined || keep !== undefined
  }

  private check(): void {
    if (this.working || !this.hasWork) return
    const now = performance.now()
    const isCheckpointDue = this.options.chain !== undefined && now >= this.checkpointAt
    // A failed run must not delay files closed since, nor checkpoints for a witness.
    const isUrgent = isCheckpointDue && this.options.chain?.coversLive === true
    const isDue = isCheckpointDue || this.isIncomplete || this.today() !== this.completedDay
    if (this.hasNewFile() || isUrgent || (now >= this.retryNotBefore && isDue)) this.run()
  }

  private hasNewFile(): boolean {
    return this.closedFiles().some(name => !this.knownFiles.has(name))
  }

  private closedFiles(): readonly string[] {
    try {
      return closedFiles(this.layout)
    } catch {
      // The recorder reports a folder that cannot be read.
      return []
    }
  }

  private run(): void {
    const day = this.today()
    const { path, chain, keep, ship, history } = this.options
    const parquet = this.parquet === 'made'
    const closed = this.closedFiles()
    const now = performance.now()
    this.reporter.begin()
    const child = this.fork()
    this.knownFiles = new Set(closed)
    this.isIncomplete = true
    this.retryNotBefore = now + RETRY_DELAY
    this.checkpointAt = now + (chain === undefined ? Infinity : earlier(chain.checkpoint))
    if (child === undefined) return
    this.child = child
    let finished: Finished | undefined
    child.on('message', (message: FromArchive) => {
      if (message.kind === 'done') finished = message
      else this.onLogLine(message)
    })
    // Not `exit`, after which messages may still arrive.
    child.once('close', (exit: number | null, signal: string | null) => {
      this.child = undefined
      if (this.isClosed) return
      if (finished === undefined) this.warn(`it exited with ${signal ?? exit} before it was done`)
      this.report(finished)
      if (finished?.done === true) {
        this.isIncomplete = false
        this.retryNotBefore = -Infinity
        this.completedDay = day
      } else this.retryNotBefore = performance.now() + RETRY_DELAY
    })
    const threads = availableParallelism()
    child.send({ path, threads, parquet, chain, keep, ship, history } satisfies ArchiveInit)
  }

  private onLogLine(line: LogLine): void {
    this.isDuckDbMissing ||= line.fields.code === 'ARCHIVE_NO_DUCKDB'
    this.reporter.onLogLine(line)
    this.options.log[line.level](line.fields, line.message)
  }

  private report(finished: Finished | undefined): void {
    const { reporter } = this
    reporter.stored = finished?.stored ?? reporter.stored
    if (finished === undefined) reporter.end(this.wall(), 'died')
    else reporter.end(this.wall(), finished.done ? 'done' : 'failed')
  }

  /** Logs an error of the process itself. */
  private warn(why: string): void {
    const { code, message } = failure('ARCHIVE_PROCESS', why)
    this.onLogLine({ kind: 'log', level: 'warn', fields: { code }, message })
  }

  /** Undefined: out of file descriptors or memory. */
  private fork(): ChildProcess | undefined {
    const fail = (error: unknown): void => {
      this.warn(reasonOf(error, ''))
      if (!this.working) this.reporter.end(this.wall(), 'died')
    }
    try {
      const child = (this.options.start ?? startArchive)()
      child.on('error', fail)
      return child.pid === undefined ? undefined : child
    } catch (error) {
      fail(error)
      return undefined
    }
  }

  private wall(): Milliseconds {
    return (this.options.wall ?? Date.now)()
  }

  private today(): string {
    return new Date(this.wall()).toISOString().slice(0, 10)
  }
}
