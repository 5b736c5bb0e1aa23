import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import type { SettingsFile } from '../config/load-settings.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type {
  CompileResult,
  CompileRequest,
  FromCompiler,
  ListCompiled,
  RecordRequest,
  RecordResult,
  PrepareRequest,
  ToCompiler
} from './compiler-messages.js'
import { completesWithin } from '../../base/threads/completes-within.js'
import { serializeError } from '../../base/errors/serialized-error.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { StartThread, Thread } from '../../base/threads/thread.js'
import type { WatchState } from './watch-state.js'

/** An idle thread is ended, since it holds tens of megabytes, more after a long list. */
const IDLE_TIMEOUT: Milliseconds = 5_000
/**
 * A terminated thread ends within milliseconds, on an overloaded machine within seconds, unless it
 * waits in the kernel for a file system.
 */
const END_TIMEOUT: Milliseconds = 5_000
/** A job on which the thread died is tried once more, in a new thread. */
const MAX_ATTEMPTS = 2

/** The settings as they were read. */
export interface SettingsResult {
  /** Undefined: they have errors. */
  readonly config: Config | undefined
  readonly errors: readonly SerializedError[]
  /** Undefined: the thread died, and nothing was read. */
  readonly source: SettingsSource | undefined
}

export interface SettingsSource {
  readonly file: SettingsFile
  /** The file as it was when it was read. */
  readonly watchState: WatchState
}

interface Job {
  readonly request: ToCompiler
  readonly resolve: (result: FromCompiler) => void
  attempts: number
}

/**
 * The control thread's handle of the compiler thread, which does one job at a time. The thread is
 * started when needed, ended when idle, and restarted when it dies.
 */
export class CompilerHandle {
  private thread: Thread<ToCompiler> | undefined
  /** Whether the thread has the active snapshot. */
  private hasActive = false
  private job: Job | undefined
  /** Whether the thread compiles lists for which the last reload has not waited. */
  private hasPendingLists = false
  /** Records for the history that the thread has not written. */
  private readonly records: ((result: RecordResult) => void)[] = []
  /** Whether the thread has files that the history still lacks: then it is not ended. */
  holdsUnrecorded = false
  private idleTimer: NodeJS.Timeout | undefined
  private closed = false

  constructor(
    private readonly startThread: StartThread,
    /** Set once the settings that configure it have been read. */
    public log?: ServiceLog
  ) {}

  /**
   * Called when a list is compiled for which a reload has not waited; `lost`: the thread has died, and
   * it has to be compiled again.
   */
  onListCompiled: (result: 'done' | 'lost') => void = () => undefined

  /** Starts the thread if needed: loading its code takes longer than most jobs. */
  ensureStarted(): void {
    if (this.closed) return
    this.thread ??= this.start()
    this.endWhenIdle()
  }

  /** Ends the thread once it has been idle this long. */
  endWhenIdle(after: Milliseconds = IDLE_TIMEOUT): void {
    clearTimeout(this.idleTimer)
    if (this.closed || this.job !== undefined || this.hasPendingLists) return
    if (this.holdsUnrecorded || this.records.length > 0) return
    this.idleTimer = setTimeout(() => {
      void this.thread?.end()
      this.thread = undefined
    }, after)
    this.idleTimer.unref()
  }

  /** Reads the settings file; see `loadConfig`. */
  async readSettings(file: string | undefined): Promise<SettingsResult> {
    const result = await this.run({ kind: 'settings', file })
    if (result.kind !== 'settings') {
      const errors = result.kind === 'rejected' ? result.errors : []
      return { config: undefined, errors, source: undefined }
    }
    const { file: path, watchState, config, errors } = result
    return { config, errors, source: { file: path, watchState } }
  }

  /** Reads the rules, and compiles them if they differ from the active ones. */
  async compile(request: CompileRequest): Promise<CompileResult> {
    const result = await this.run({ kind: 'compile', ...request })
    if (result.kind === 'settings' || result.kind === 'prepared')
      throw new Error('unexpected reply of the compiler thread')
    return result
  }

  /** Has the history record what came in force, beside other work. Never rejects. */
  record(request: RecordRequest): Promise<RecordResult> {
    if (this.closed) return Promise.resolve(notRecorded(new Error('the gateway stops')))
    clearTimeout(this.idleTimer)
    this.thread ??= this.start()
    this.thread.send({ kind: 'record', ...request })
    return new Promise(resolve => this.records.push(resolve))
  }

  /** Copies saved rules to be applied. @returns their SHA-256, or the errors */
  async prepare(request: PrepareRequest): Promise<string | readonly SerializedError[]> {
    const result = await this.run({ kind: 'prepare', ...request })
    if (result.kind === 'prepared') return result.sha256
    return result.kind === 'rejected' ? result.errors : []
  }

  /** Terminates the thread. @returns whether it has ended: it cannot while it waits in the kernel */
  async close(): Promise<boolean> {
    this.closed = true
    clearTimeout(this.idleTimer)
    const { thread } = this
    const ended = thread === undefined || (await completesWithin(thread.end(), END_TIMEOUT))
    const stopped = new Error('the compiler thread was stopped')
    this.finish(rejection(stopped))
    this.loseRecords(stopped)
    return ended
  }

  private run(request: ToCompiler): Promise<FromCompiler> {
    return new Promise(resolve => {
      this.job = { request, resolve, attempts: 0 }
      this.dispatch(this.job)
    })
  }

  private dispatch(job: Job): void {
    clearTimeout(this.idleTimer)
    job.attempts++
    this.thread ??= this.start()
    this.thread.send(this.hasActive ? withoutSnapshot(job.request) : job.request)
    this.hasActive ||= job.request.kind === 'compile'
  }

  private start(): Thread<ToCompiler> {
    this.hasActive = false
    this.hasPendingLists = false
    return this.startThread<ToCompiler, FromCompiler | ListCompiled | RecordResult>(
      'compiler-main.js',
      undefined,
      {
        message: message => this.onMessage(message),
        exited: error => this.onExit(error ?? new Error('the compiler thread ended'))
      }
    )
  }

  private onMessage(message: FromCompiler | ListCompiled | RecordResult): void {
    if (message.kind === 'recorded' || message.kind === 'not recorded') {
      this.records.shift()?.(message)
      // After whoever waits for it, who may have another one.
      setImmediate(() => this.endWhenIdle())
      return
    }
    if (message.kind !== 'list compiled') return this.finish(message)
    this.hasPendingLists = false
    this.onListCompiled('done')
    this.endWhenIdle()
  }

  private onExit(error: Error): void {
    const { message } = serializeError(error)
    this.thread = undefined
    this.log?.error({ error: message }, 'compiler thread died; active rules are kept')
    const { hasPendingLists } = this
    this.hasPendingLists = false
    this.loseRecords(error)
    if (this.job === undefined) {
      if (hasPendingLists) this.onListCompiled('lost')
      return
    }
    if (this.job.attempts < MAX_ATTEMPTS) this.dispatch(this.job)
    else this.finish(rejection(error))
  }

  private loseRecords(error: Error): void {
    for (const resolve of this.records.splice(0)) resolve(notRecorded(error))
  }

  private finish(result: FromCompiler): void {
    const { job } = this
    this.job = undefined
    if (result.kind === 'compiled') this.hasPendingLists = result.pendingLists.length > 0
    this.endWhenIdle()
    job?.resolve(result)
  }
}

/** Omits the snapshot, which would be copied on its way to the thread: 1 µs a rule, 1 s for a million. */
function withoutSnapshot(request: ToCompiler): ToCompiler {
  return request.kind === 'compile' ? { ...request, active: undefined } : request
}

function notRecorded(error: Error): RecordResult {
  return { kind: 'not recorded', error: serializeError(error) }
}

function rejection(error: unknown): FromCompiler {
  return {
    kind: 'rejected',
    errors: [serializeError(error)],
    watchState: undefined,
    isTransient: true
  }
}
