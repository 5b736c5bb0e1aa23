import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../../config/config.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type {
  CompileResult,
  CompileRequest,
  FromCompiler,
  ToCompiler
} from '../threads/messages.js'
import { serializeError } from '../threads/serialized-error.js'
import type { SerializedError } from '../threads/serialized-error.js'
import type { StartThread, Thread } from '../threads/thread.js'

/** After its last work the thread is ended: it holds tens of megabytes, more after a long list. */
const IDLE_TIMEOUT: Milliseconds = 5_000
/** A job on which the thread dies is given to a new one, once. */
const MAX_ATTEMPTS = 2

export type SettingsResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly SerializedError[] }

interface Job {
  readonly request: ToCompiler
  readonly settle: (result: FromCompiler) => void
  attempts: number
}

/**
 * The compiler thread, seen from the control thread: one job at a time. The thread is there when it
 * is needed, and started anew if it dies.
 */
export class CompilerHandle {
  private thread: Thread<ToCompiler> | undefined
  /** Whether the thread knows what is in force. */
  private hasActive = false
  private job: Job | undefined
  private idleTimer: NodeJS.Timeout | undefined
  private closed = false

  constructor(
    private readonly startThread: StartThread,
    /** Set as soon as there is one. */
    public log?: ServiceLog
  ) {}

  /** Starts the thread, if it is not there: loading its code takes longer than most of its work. */
  ensureStarted(): void {
    if (this.closed) return
    this.thread ??= this.start()
    this.endWhenIdle()
  }

  /** Ends the thread, if nothing is asked of it for so long. */
  endWhenIdle(after: Milliseconds = IDLE_TIMEOUT): void {
    clearTimeout(this.idleTimer)
    if (this.closed || this.job !== undefined) return
    this.idleTimer = setTimeout(() => {
      void this.thread?.end()
      this.thread = undefined
    }, after)
    this.idleTimer.unref()
  }

  /** Reads the settings file; see `loadConfig`. */
  async readSettings(file: string | undefined): Promise<SettingsResult> {
    const result = await this.run({ kind: 'settings', file })
    if (result.kind === 'settings') return { ok: true, config: result.config }
    return { ok: false, errors: result.kind === 'refused' ? result.errors : [] }
  }

  /** Reads the rules, and compiles them if they say something else than what is in force. */
  async compile(order: CompileRequest): Promise<CompileResult> {
    const result = await this.run({ kind: 'compile', ...order })
    if (result.kind === 'settings') throw new Error('the compiler answered what was not asked')
    return result
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.idleTimer)
    await this.thread?.end()
    this.finish(rejection(new Error('the compiler was closed')))
  }

  private run(order: ToCompiler): Promise<FromCompiler> {
    return new Promise(settle => {
      this.job = { request: order, settle, attempts: 0 }
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
    return this.startThread<ToCompiler, FromCompiler>('compiler-main.js', undefined, {
      message: result => this.finish(result),
      exited: error => this.onExit(error ?? new Error('the compiler thread ended'))
    })
  }

  private onExit(error: Error): void {
    const { message } = serializeError(error)
    this.thread = undefined
    this.log?.error({ error: message }, 'the compiler died: the rules stay as they are')
    if (this.job === undefined) return
    if (this.job.attempts < MAX_ATTEMPTS) this.dispatch(this.job)
    else this.finish(rejection(error))
  }

  private finish(result: FromCompiler): void {
    const { job } = this
    this.job = undefined
    this.endWhenIdle()
    job?.settle(result)
  }
}

/** It is copied on its way to the thread: 1 µs a rule, 1 s for a million. */
function withoutSnapshot(order: ToCompiler): ToCompiler {
  return order.kind === 'compile' ? { ...order, active: undefined } : order
}

function rejection(error: unknown): FromCompiler {
  return { kind: 'refused', errors: [serializeError(error)], marks: undefined, passing: true }
}
