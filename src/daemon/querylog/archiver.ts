import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { failure } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ArchiveContents } from '../../querylog/archive/archive-contents.js'
import { closedFiles, LogLayout } from '../../querylog/archive/log-layout.js'
import type { ArchiveOptions } from '../../querylog/archive/maintain.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { LogLine } from '../threads/messages.js'
import { threadUrl } from '../threads/thread.js'
import { MaintenanceReporter } from './maintenance-reporter.js'

/** Between two looks for something to do. */
const CHECK_INTERVAL: Milliseconds = 10 * MS_PER_SECOND
/** After a failure. */
const RETRY_DELAY: Milliseconds = 600 * MS_PER_SECOND
/** Enough for what Node itself needs; DuckDB's memory is not of it. */
const HEAP_MB = 96

export type ArchiveInit = ArchiveOptions
export type FromArchive = Finished | LogLine

export interface Finished {
  readonly kind: 'done'
  /** Whether all was done. */
  readonly done: boolean
  /** What there is now; undefined: it cannot be read. */
  readonly standing: ArchiveContents | undefined
}

/** Starts the process. A parameter, for tests. */
export type StartArchive = () => ChildProcess

export const startArchive: StartArchive = () =>
  fork(fileURLToPath(threadUrl('archive-main.js')), {
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc']
  })

export interface ArchiverOptions extends Omit<ArchiveOptions, 'threads'> {
  readonly log: ServiceLog
  readonly start?: StartArchive
  /** The time, of which the UTC day matters. */
  readonly wall?: () => Milliseconds
  readonly checkInterval?: Milliseconds
}

/** Sees to it that the files of the query log are looked after, by a process of its own. */
export class Archiver {
  readonly reporter = new MaintenanceReporter()
  readonly #names: LogLayout
  #timer: NodeJS.Timeout | undefined
  #child: ChildProcess | undefined
  #notBefore: Milliseconds = -Infinity
  /** The UTC day of the last time that all was done. */
  #day = ''
  /** Whether there is something of the last time still to be done. */
  #failed = false
  /** Closed files that were there the last time. */
  #seen: ReadonlySet<string> = new Set()
  /** When the chain is to have a checkpoint. */
  #checkpointAt: Milliseconds = -Infinity
  /** Told once: it does not come by waiting. */
  #missing = false
  #closed = false

  constructor(readonly options: ArchiverOptions) {
    this.#names = new LogLayout(options.path)
  }

  /** Whether there is anything to look after. */
  get started(): boolean {
    const { parquet, chain, keep } = this.options
    return this.#timer !== undefined && (parquet || chain !== undefined || keep !== undefined)
  }

  get working(): boolean {
    return this.#child !== undefined
  }

  get parquet(): 'made' | 'missing' | 'off' {
    if (!this.options.parquet) return 'off'
    return this.#missing ? 'missing' : 'made'
  }

  /** When what could not be done is tried again, by the calendar. */
  get retryAt(): Milliseconds | undefined {
    if (!this.#failed || this.working || !this.#hasWork) return undefined
    return this.#wall() + Math.max(0, this.#notBefore - performance.now())
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.options.checkInterval ?? CHECK_INTERVAL)
    this.#timer.unref()
  }

  /** The process is ended, whatever it is at: that harms nothing. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    const child = this.#child
    if (child === undefined) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  get #hasWork(): boolean {
    const { chain, keep } = this.options
    return this.parquet === 'made' || chain !== undefined || keep !== undefined
  }

  #look(): void {
    if (this.working || !this.#hasWork) return
    // What could not be done before holds up no file that was closed since.
    if (this.#hasClosed() || (performance.now() >= this.#notBefore && this.#isDue())) this.#run()
  }

  #isDue(): boolean {
    const isDue = this.options.chain !== undefined && performance.now() >= this.#checkpointAt
    return isDue || this.#failed || this.#today() !== this.#day
  }

  #hasClosed(): boolean {
    return this.#closedNow().some(name => !this.#seen.has(name))
  }

  #closedNow(): readonly string[] {
    try {
      return closedFiles(this.#names)
    } catch {
      // The recorder tells of a folder that cannot be read.
      return []
    }
  }

  #run(): void {
    const day = this.#today()
    const { path, chain, keep } = this.options
    const parquet = this.parquet === 'made'
    const closed = this.#closedNow()
    const now = performance.now()
    this.reporter.begin()
    const child = this.#fork()
    this.#seen = new Set(closed)
    this.#failed = true
    this.#notBefore = now + RETRY_DELAY
    if (child === undefined) return
    this.#child = child
    let finished: Finished | undefined
    child.on('message', (message: FromArchive) => {
      if (message.kind === 'done') finished = message
      else this.#hear(message)
    })
    // Not `exit`, after which messages may come still.
    child.once('close', (exit: number | null, signal: string | null) => {
      this.#child = undefined
      if (this.#closed) return
      if (finished === undefined) this.#tell(`it ended with ${signal ?? exit} midway`)
      this.#end(finished)
      if (finished?.done === true) {
        this.#failed = false
        this.#notBefore = -Infinity
        this.#day = day
        this.#checkpointAt = now + (chain?.checkpoint ?? Infinity)
      } else this.#notBefore = performance.now() + RETRY_DELAY
    })
    const threads = availableParallelism()
    child.send({ path, threads, parquet, chain, keep } satisfies ArchiveInit)
  }

  #hear(line: LogLine): void {
    this.#missing ||= line.fields.code === 'ARCHIVE_NO_DUCKDB'
    this.reporter.onLogLine(line)
    this.options.log[line.level](line.fields, line.message)
  }

  #end(finished: Finished | undefined): void {
    const { reporter: news } = this
    news.standing = finished?.standing ?? news.standing
    if (finished === undefined) news.end(this.#wall(), 'died')
    else news.end(this.#wall(), finished.done ? 'done' : 'failed')
  }

  /** Of the process itself. */
  #tell(why: string): void {
    const { code, message } = failure('ARCHIVE_PROCESS', why)
    this.#hear({ kind: 'log', level: 'warn', fields: { code }, message })
  }

  /** Out of descriptors or memory there is no process: none that ends, and nothing to send by. */
  #fork(): ChildProcess | undefined {
    const fail = ({ message }: Error): void => {
      this.#tell(message)
      if (!this.working) this.reporter.end(this.#wall(), 'died')
    }
    try {
      const child = (this.options.start ?? startArchive)()
      child.on('error', fail)
      return child.pid === undefined ? undefined : child
    } catch (error) {
      fail(error as Error)
      return undefined
    }
  }

  #wall(): Milliseconds {
    return (this.options.wall ?? Date.now)()
  }

  #today(): string {
    return new Date(this.#wall()).toISOString().slice(0, 10)
  }
}
