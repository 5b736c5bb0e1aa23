import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../../config/config.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type {
  Compiled,
  CompileOrder,
  FromCompiler,
  ToCompiler,
  Trouble
} from '../threads/messages.js'
import { troubleOf } from '../threads/serialized-error.js'
import type { StartThread, Thread } from '../threads/thread.js'

/** After its last work the thread is ended: it holds tens of megabytes, more after a long list. */
const IDLE: Milliseconds = 5_000
/** A job on which the thread dies is given to a new one, once. */
const TRIES = 2

export type SettingsResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly Trouble[] }

interface Job {
  readonly order: ToCompiler
  readonly settle: (result: FromCompiler) => void
  tries: number
}

/**
 * The compiler thread, seen from the control thread: one job at a time. The thread is there when it
 * is needed, and started anew if it dies.
 */
export class Compiler {
  private thread: Thread<ToCompiler> | undefined
  /** Whether the thread knows what is in force. */
  private informed = false
  private job: Job | undefined
  private idle: NodeJS.Timeout | undefined
  private closed = false

  constructor(
    private readonly startThread: StartThread,
    /** Set as soon as there is one. */
    public log?: ServiceLog
  ) {}

  /** Starts the thread, if it is not there: loading its code takes longer than most of its work. */
  warm(): void {
    if (this.closed) return
    this.thread ??= this.launch()
    this.rest()
  }

  /** Ends the thread, if nothing is asked of it for so long. */
  rest(after: Milliseconds = IDLE): void {
    clearTimeout(this.idle)
    if (this.closed || this.job !== undefined) return
    this.idle = setTimeout(() => {
      void this.thread?.end()
      this.thread = undefined
    }, after)
    this.idle.unref()
  }

  /** Reads the settings file; see `loadConfig`. */
  async settings(file: string | undefined): Promise<SettingsResult> {
    const result = await this.run({ kind: 'settings', file })
    if (result.kind === 'settings') return { ok: true, config: result.config }
    return { ok: false, errors: result.kind === 'refused' ? result.errors : [] }
  }

  /** Reads the rules, and compiles them if they say something else than what is in force. */
  async compile(order: CompileOrder): Promise<Compiled> {
    const result = await this.run({ kind: 'compile', ...order })
    if (result.kind === 'settings') throw new Error('the compiler answered what was not asked')
    return result
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.idle)
    await this.thread?.end()
    this.finish(refusal(new Error('the compiler was closed')))
  }

  private run(order: ToCompiler): Promise<FromCompiler> {
    return new Promise(settle => {
      this.job = { order, settle, tries: 0 }
      this.begin(this.job)
    })
  }

  private begin(job: Job): void {
    clearTimeout(this.idle)
    job.tries++
    this.thread ??= this.launch()
    this.thread.send(this.informed ? withoutSnapshot(job.order) : job.order)
    this.informed ||= job.order.kind === 'compile'
  }

  private launch(): Thread<ToCompiler> {
    this.informed = false
    return this.startThread<ToCompiler, FromCompiler>('compiler-main.js', undefined, {
      message: result => this.finish(result),
      gone: error => this.bury(error ?? new Error('the compiler thread ended'))
    })
  }

  private bury(error: Error): void {
    const { message } = troubleOf(error)
    this.thread = undefined
    this.log?.error({ error: message }, 'the compiler died: the rules stay as they are')
    if (this.job === undefined) return
    if (this.job.tries < TRIES) this.begin(this.job)
    else this.finish(refusal(error))
  }

  private finish(result: FromCompiler): void {
    const { job } = this
    this.job = undefined
    this.rest()
    job?.settle(result)
  }
}

/** It is copied on its way to the thread: 1 µs a rule, 1 s for a million. */
function withoutSnapshot(order: ToCompiler): ToCompiler {
  return order.kind === 'compile' ? { ...order, inForce: undefined } : order
}

function refusal(error: unknown): FromCompiler {
  return { kind: 'refused', errors: [troubleOf(error)], marks: undefined, passing: true }
}
