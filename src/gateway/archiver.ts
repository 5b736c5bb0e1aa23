import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { closedIn, LogNames } from '../archive/folder.js'
import type { TendOptions } from '../archive/tend.js'
import { MS_PER_SECOND, type Milliseconds } from '../base/units.js'
import type { ServiceLog } from '../log/service-log.js'
import type { LogLine } from './messages.js'

/** Between two looks for something to do. */
const LOOK: Milliseconds = 10 * MS_PER_SECOND
/** After a failure. */
const REST: Milliseconds = 600 * MS_PER_SECOND
/** Enough for what Node itself needs; DuckDB's memory is not of it. */
const HEAP_MB = 96

export type ArchiveStart = TendOptions
export type FromArchive = { readonly kind: 'done'; readonly done: boolean } | LogLine

/** Starts the process. A parameter, for tests. */
export type StartArchive = () => ChildProcess

export const startArchive: StartArchive = () =>
  fork(fileURLToPath(new URL('archive-main.js', import.meta.url)), {
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc']
  })

export interface ArchiverParts extends Omit<TendOptions, 'threads'> {
  readonly log: ServiceLog
  readonly start?: StartArchive
  /** The time, of which the UTC day matters. */
  readonly wall?: () => Milliseconds
  readonly look?: Milliseconds
}

/** Sees to it that the files of the query log are looked after, by a process of its own. */
export class Archiver {
  readonly #parts: ArchiverParts
  readonly #names: LogNames
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

  constructor(parts: ArchiverParts) {
    this.#parts = parts
    this.#names = new LogNames(parts.path)
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#parts.look ?? LOOK)
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

  #look(): void {
    const { parquet, chain, keep } = this.#parts
    const makes = parquet && !this.#missing
    if (this.#child !== undefined || (!makes && chain === undefined && keep === undefined)) return
    // What could not be done before holds up no file that was closed since.
    if (this.#hasClosed() || (performance.now() >= this.#notBefore && this.#isDue())) this.#run()
  }

  #isDue(): boolean {
    const isDue = this.#parts.chain !== undefined && performance.now() >= this.#checkpointAt
    return isDue || this.#failed || this.#today() !== this.#day
  }

  #hasClosed(): boolean {
    return this.#closedNow().some(name => !this.#seen.has(name))
  }

  #closedNow(): readonly string[] {
    try {
      return closedIn(this.#names)
    } catch {
      // The recorder tells of a folder that cannot be read.
      return []
    }
  }

  #run(): void {
    const day = this.#today()
    const { path, chain, keep } = this.#parts
    const parquet = this.#parts.parquet && !this.#missing
    const closed = this.#closedNow()
    const now = performance.now()
    const child = this.#fork()
    this.#seen = new Set(closed)
    this.#failed = true
    this.#notBefore = now + REST
    if (child === undefined) return
    this.#child = child
    let done = false
    child.on('message', (message: FromArchive) => {
      if (message.kind === 'done') done = message.done
      else {
        this.#missing ||= message.fields.code === 'ARCHIVE_NO_DUCKDB'
        this.#parts.log[message.level](message.fields, message.message)
      }
    })
    child.once('exit', () => {
      this.#child = undefined
      if (this.#closed) return
      if (done) {
        this.#failed = false
        this.#notBefore = -Infinity
        this.#day = day
        this.#checkpointAt = now + (chain?.checkpoint ?? Infinity)
      } else this.#notBefore = performance.now() + REST
    })
    const threads = availableParallelism()
    child.send({ path, threads, parquet, chain, keep } satisfies ArchiveStart)
  }

  /** Out of descriptors or memory there is no process: none that ends, and nothing to send by. */
  #fork(): ChildProcess | undefined {
    const fail = ({ message }: Error): void =>
      this.#parts.log.warn({}, `the archive is not kept: ${message}`)
    try {
      const child = (this.#parts.start ?? startArchive)()
      child.on('error', fail)
      return child.pid === undefined ? undefined : child
    } catch (error) {
      fail(error as Error)
      return undefined
    }
  }

  #today(): string {
    return new Date((this.#parts.wall ?? Date.now)()).toISOString().slice(0, 10)
  }
}
