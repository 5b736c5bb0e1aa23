import { randomUUID } from 'node:crypto'
import { failure } from '../../base/errors/error.js'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { CommandProgress } from '../../gateway/processes/commands.js'
import type { Problem } from '../http/problem.js'
import { StoredExport } from './lookup-export.js'
import type { Principal } from '../tokens/authenticator.js'
import type { Scope } from '../tokens/scopes.js'

/** Jobs that have not ended, of one user and of all. */
const MAX_OPEN_OF_USER = 8
const MAX_OPEN = 32
/** Results are kept for a day, unless there are more of them. */
const KEPT_FOR: Milliseconds = 86_400_000
const MAX_ENDED = 64
/** Of all results as JSON; the newest is kept in any case. */
const MAX_RESULTS: Octets = 32 * 2 ** 20

export interface JobRequest {
  /** The user. */
  readonly by: string
  /** The operationId. */
  readonly operation: string
  /** What the operation needs. */
  readonly scope: Scope | 'any' | null
  /** Path and query. */
  readonly url: string
}

/** What became of a job. */
export type JobEnd =
  | { readonly state: 'done'; readonly result: unknown }
  | { readonly state: 'failed' | 'cancelled'; readonly error: unknown; readonly problem: Problem }

/** A request that goes on without its client. */
export interface Job extends JobRequest {
  readonly id: string
  /** Wall-clock times. */
  readonly created: Milliseconds
  readonly started: Milliseconds | undefined
  readonly ended: Milliseconds | undefined
  /** Of the command that runs, or waits for others to end. */
  readonly progress: CommandProgress | undefined
  /** Undefined: it has not ended. */
  readonly end: JobEnd | undefined
}

export interface JobWork {
  /** @returns the result */
  readonly perform: (
    signal: AbortSignal,
    onProgress: (progress: CommandProgress) => void
  ) => Promise<unknown>
  /** What clients see of an error. */
  readonly problemOf: (error: unknown) => Problem
  readonly onEnd: (end: JobEnd) => void
}

/**
 * The jobs of the HTTP thread. They end with it: their processes are killed, and their results are gone. How many commands
 * run at once is for `CommandRunner` to limit.
 */
export class Jobs {
  /** The oldest first. */
  private readonly jobs = new Map<string, OwnJob>()

  /** @param later calls back later, unless the thread has nothing else to do */
  constructor(
    private readonly clock: Clock,
    private readonly later = (delay: Milliseconds, callback: () => void): void =>
      void setTimeout(callback, delay).unref()
  ) {}

  /** @returns the job, and its end @throws InterdictError API_BUSY */
  start(
    request: JobRequest,
    work: JobWork
  ): { readonly job: Job; readonly ended: Promise<JobEnd> } {
    const open = [...this.jobs.values()].filter(({ end }) => end === undefined)
    const own = open.filter(({ by }) => by === request.by)
    if (own.length >= MAX_OPEN_OF_USER)
      throw failure('API_BUSY', `${MAX_OPEN_OF_USER} jobs of one user`)
    if (open.length >= MAX_OPEN) throw failure('API_BUSY', `${MAX_OPEN} jobs`)
    const job = new OwnJob(request, this.clock)
    this.jobs.set(job.id, job)
    const ended = job.run(work).then(end => {
      work.onEnd(end)
      this.later(KEPT_FOR, () => this.forget(job))
      this.removeOld()
      return end
    })
    return { job, ended }
  }

  /** The jobs that a user may see, the oldest first. */
  visibleTo(user: Principal): readonly Job[] {
    return [...this.jobs.values()].filter(job => isVisible(job, user))
  }

  /** @throws InterdictError API_NOT_FOUND */
  get(id: string, user: Principal): Job {
    return this.find(id, user)
  }

  /** Ends a job, or forgets one that has ended. @throws InterdictError API_NOT_FOUND */
  cancel(id: string, user: Principal): void {
    const job = this.find(id, user)
    if (job.end === undefined) job.cancel(user.name)
    else this.forget(job)
  }

  /** Also removes the file of an export. */
  forget({ id, end }: Job): void {
    this.jobs.delete(id)
    if (end?.state === 'done' && end.result instanceof StoredExport) end.result.remove()
  }

  private find(id: string, user: Principal): OwnJob {
    const job = this.jobs.get(id)
    if (job === undefined || !isVisible(job, user)) throw failure('API_NOT_FOUND', `job ${id}`)
    return job
  }

  private removeOld(): void {
    const newest = [...this.jobs.values()]
      .filter(({ end }) => end !== undefined)
      .sort((a, b) => b.ended! - a.ended!)
    let size = 0
    for (const [index, job] of newest.entries()) {
      size += job.size
      if (index >= MAX_ENDED || (index > 0 && size > MAX_RESULTS)) this.forget(job)
    }
  }
}

/** Results are shown to their user only. */
const isVisible = ({ by }: Job, { name, scopes }: Principal): boolean =>
  by === name || scopes.has('operate')

class OwnJob implements Job {
  readonly id = randomUUID()
  readonly by: string
  readonly operation: string
  readonly scope: Scope | 'any' | null
  readonly url: string
  readonly created: Milliseconds
  started: Milliseconds | undefined
  ended: Milliseconds | undefined
  progress: CommandProgress | undefined
  end: JobEnd | undefined
  /** Of the result. */
  size: Octets = 0
  private readonly controller = new AbortController()

  constructor(
    { by, operation, scope, url }: JobRequest,
    private readonly clock: Clock
  ) {
    this.by = by
    this.operation = operation
    this.scope = scope
    this.url = url
    this.created = clock.wall()
  }

  async run({ perform, problemOf }: JobWork): Promise<JobEnd> {
    const { signal } = this.controller
    this.started = this.clock.wall()
    try {
      const result = await perform(signal, progress => this.onProgress(progress))
      this.size = JSON.stringify(result ?? null).length
      this.end = { state: 'done', result }
    } catch (error) {
      const state = signal.aborted ? 'cancelled' : 'failed'
      this.end = { state, error, problem: problemOf(error) }
    }
    this.ended = this.clock.wall()
    return this.end
  }

  cancel(by: string): void {
    this.controller.abort(failure('API_COMMAND', `cancelled by ${by}`))
  }

  private onProgress(progress: CommandProgress): void {
    if (progress.isRunning) this.started ??= this.clock.wall()
    // The first command waits for others.
    else if (this.progress === undefined) this.started = undefined
    this.progress = progress
  }
}
