import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ListProvider, ProvidedList } from '../../policy/rules/lists/list-provider.js'
import {
  isCurrent,
  isSameOrigin,
  listOrigin,
  listState,
  loadList,
  namesOf,
  type ListOrigin,
  type ListRequest,
  type ListState
} from '../../policy/rules/lists/load-list.js'
import { PackedSource } from '../../policy/rules/lists/packed-source.js'
import type { FilesLocation, RuleFiles } from '../../policy/rules/model/folder.js'
import { YamlSource } from '../../policy/rules/model/yaml-source.js'
import type { StartThread, Thread } from '../../base/threads/thread.js'
import { keptList, type KeptList } from '../../policy/compile/kept-list.js'
import {
  textSize,
  type MemoryBudget,
  type ReadListSize
} from '../../policy/compile/memory-budget.js'
import { errorOf, type ListInit, type ListResult } from './list-job.js'

/** How long a change of the rules waits for lists that have changed with it. */
export const GRACE: Milliseconds = 500
/** The same for a list without an earlier version: without it, its rules match nothing. */
const NEW_LIST_GRACE: Milliseconds = 10_000
/** A thread that is late by so much hangs, for example in a file system; it is ended. */
const OVERTIME: Milliseconds = 5_000
/** Lists compiled at the same time, each in its thread: one may take 1 GB. */
const MAX_THREADS = 4
/** Lists of so many octets in all are read at once: starting a thread would take longer. */
const MAX_DIRECT: Octets = 4 * 1024 * 1024

/** A list that is being compiled, or was and is not yet part of a snapshot. */
interface Job {
  readonly origin: ListOrigin
  readonly started: Milliseconds
  readonly done: Promise<unknown>
  /** Undefined: not done. */
  result: ProvidedList | undefined
  /** Whether a reload has not waited for it. */
  isLate: boolean
  /** Whether the operator has asked for it, though nothing has changed. */
  readonly isForced: boolean
  /** Whether it failed, and a retry may succeed with the same files. */
  isTransient: boolean
  cancel(): void
}

/**
 * Compiles lists apart from rules, so that a rule that changes never waits for a list. An unchanged
 * list is taken from the active snapshot. A changed one is compiled in a thread; if that takes longer
 * than a moment, or fails, its earlier version stays.
 */
export class ListCompiler implements ListProvider {
  /** Whether a list failed in the current reload, and a retry may succeed with the same files. */
  isTransient = false
  private active: Snapshot | undefined
  private states: readonly ListState[] = []
  private isFull = false
  private isPatient = false
  private outdated: ReadonlySet<string> = new Set()
  private directRoom: Octets = 0
  /** Lists that are read for the current reload. */
  private readonly sizes = new Map<string, ReadListSize>()
  private readonly requested = new Set<string>()
  private readonly jobs = new Map<string, Job>()
  private running = 0
  private readonly queue: (() => void)[] = []

  /** @param onLate called when a list is done for which a reload has not waited */
  constructor(
    private readonly startThread: StartThread,
    private readonly onLate: () => void,
    private readonly budget: MemoryBudget,
    private readonly grace = { known: GRACE, new: NEW_LIST_GRACE }
  ) {}

  /** Whether there are lists that are being compiled, or that were, and are not in a snapshot. */
  get hasJobs(): boolean {
    return this.jobs.size > 0
  }

  /** Lists that are being compiled, and since when (wall-clock time). */
  get pending(): readonly { readonly id: string; readonly since: Milliseconds }[] {
    const running = [...this.jobs].filter(([, { result }]) => result === undefined)
    return running.map(([id, { started }]) => ({ id, since: performance.timeOrigin + started }))
  }

  /**
   * Begins a reload.
   *
   * @param active the active snapshot
   * @param states of the lists in it
   * @param isFull whether to compile all lists, changed or not
   * @param isPatient whether to wait for all of them
   * @param outdated lists to compile, though their files have not changed
   */
  begin(
    active: Snapshot | undefined,
    states: readonly ListState[],
    isFull: boolean,
    isPatient = false,
    outdated: ReadonlySet<string> = new Set()
  ): void {
    this.isPatient = isPatient
    this.outdated = outdated
    this.active = active
    this.states = states
    this.isFull = isFull
    this.isTransient = false
    if (!isFull) return
    for (const [id, { result }] of this.jobs) if (result !== undefined) this.jobs.delete(id)
  }

  /** Begins another attempt to read the rules. */
  beginAttempt(): void {
    this.directRoom = MAX_DIRECT
    this.requested.clear()
    this.sizes.clear()
  }

  /** Ends all work, so that its memory is freed. */
  cancelAll(): void {
    for (const id of [...this.jobs.keys()]) this.cancel(id)
  }

  /** Ends a reload that has succeeded. @param states of the lists in its snapshot */
  end(states: readonly ListState[]): void {
    for (const [id, job] of this.jobs) {
      if (!this.requested.has(id)) this.cancel(id)
      else if (states.some(state => state === job.result?.state)) this.jobs.delete(id)
    }
  }

  async provide(files: RuleFiles, request: ListRequest): Promise<ProvidedList | undefined> {
    const { active } = this
    const origin = await listOrigin(files, request)
    // At the start every list is needed, and nothing else has to be done meanwhile.
    if (active === undefined) {
      const error = this.memoryError(request, origin, undefined)
      return error && failed(error)
    }
    this.requested.add(request.id)
    const names = await namesOf(files, request.id, request.entry)
    const location = files.locate(names)
    if (origin === undefined || location === undefined) return undefined
    const kept = keptList(active, this.states, request, origin)
    const isForced = this.isFull || this.jobs.get(request.id)?.isForced === true
    const isOutdated = this.outdated.has(request.id)
    if (kept !== undefined && !isForced && !isOutdated && isCurrent(kept.state, origin, request)) {
      this.cancel(request.id)
      return keep(files, kept, [])
    }
    if (!this.jobs.has(request.id)) {
      const error = this.memoryError(request, origin, kept?.state)
      if (error !== undefined) return this.chosen(files, failed(error), kept, request)
    }
    const list = this.isSmall(origin, request)
      ? await this.readHere(files, request, origin)
      : await this.compileApart(location, request, origin, kept !== undefined)
    return this.chosen(files, list, kept, request)
  }

  /**
   * Counts a list that is to be read, unless there is not enough memory for it.
   *
   * @param origin undefined: it is in a bundle, whose size is limited
   */
  private memoryError(
    { id, positions }: ListRequest,
    origin: ListOrigin | undefined,
    before: ListOrigin | undefined
  ): InterdictError | undefined {
    if (origin === undefined) return undefined
    const size = { octets: sizeOfList(origin), before: before ? sizeOfList(before) : 0 }
    const shortage = this.budget.checkLists([...this.sizes.values(), size], this.active)
    if (shortage !== undefined) return failureAt(positions['']!, 'RULES_MEMORY', ...shortage)
    this.sizes.set(id, size)
    return undefined
  }

  /** The new version of a list if there is one, else the earlier one. */
  private chosen(
    files: RuleFiles,
    list: ProvidedList | undefined,
    kept: KeptList | undefined,
    { id, positions }: ListRequest
  ): ProvidedList {
    if (list?.errors.length === 0) {
      if (list.state !== undefined) files.keep(list.state.files, list.state.zone)
      return list
    }
    if (kept !== undefined) return keep(files, kept, list?.errors ?? [])
    if (list !== undefined) return list
    return {
      sources: [new YamlSource('inline', id, id, 'networks.yaml', [], [])],
      reports: [],
      state: undefined,
      errors: [],
      warnings: [failureAt(positions['']!, 'RULES_LIST_PENDING', id)]
    }
  }

  /** Whether the list is read at once. Compressed files may be a thousand times as large. */
  private isSmall({ fingerprints }: ListOrigin, { id, entry }: ListRequest): boolean {
    const paths = [...fingerprints.keys()]
    if (this.jobs.has(id) || entry.url !== undefined) return false
    if (paths.some(path => path.endsWith('.gz'))) return false
    const size = [...fingerprints.values()].reduce((sum, print) => sum + sizeOf(print), 0)
    if (size > this.directRoom) return false
    this.directRoom -= size
    return true
  }

  private async readHere(
    files: RuleFiles,
    request: ListRequest,
    origin: ListOrigin
  ): Promise<ProvidedList> {
    const { content, ...problems } = await loadList(files, request)
    this.isTransient ||= content === undefined && files.hadTransientError
    const state = content && listState(request.id, origin, content)
    return { sources: content?.sources, reports: content?.reports ?? [], state, ...problems }
  }

  /** Undefined: it takes longer. */
  private async compileApart(
    location: FilesLocation,
    request: ListRequest,
    origin: ListOrigin,
    isKnown: boolean
  ): Promise<ProvidedList | undefined> {
    const { id } = request
    let job = this.jobs.get(id)
    if (job !== undefined && !isUsable(job, origin, request)) {
      this.cancel(id)
      job = undefined
    }
    if (job === undefined) {
      job = this.start(location, request, origin)
      this.jobs.set(id, job)
    }
    const grace = isKnown ? this.grace.known : this.grace.new
    if (this.isPatient) await job.done
    else await within(job.done, job.started + grace - performance.now())
    this.isTransient ||= job.isTransient
    if (job.result === undefined) job.isLate = true
    else if (!isUsable(job, origin, request)) return undefined
    return job.result
  }

  private start(location: FilesLocation, request: ListRequest, origin: ListOrigin): Job {
    let thread: Thread<never> | undefined
    let isCanceled = false
    let settle: (result: ProvidedList) => void = () => undefined
    const result = new Promise<ProvidedList>(resolve => (settle = resolve))
    const run = (): void => {
      if (isCanceled) return
      this.running++
      const finish = (list: ProvidedList): void => {
        clearTimeout(timer)
        settle(list)
      }
      const data: ListInit = { location, request }
      thread = this.startThread<never, ListResult>('list-main.js', data, {
        message: read => {
          job.isTransient = read.isTransient
          finish(listOf(request.id, read))
        },
        exited: error => {
          this.release()
          if (job.result !== undefined) return
          job.isTransient = true
          const why = `its thread died: ${error?.message ?? 'no result'}`
          finish(failed(failureAt(request.positions['']!, 'RULES_LIST_REFUSED', why)))
        }
      })
      const maxTime = request.entry['max-time']
      const timer = setTimeout(() => {
        finish(failed(failureAt(request.positions['']!, 'RULES_LIST_SLOW', maxTime)))
        void thread?.end().then(() => this.release())
      }, maxTime + OVERTIME)
      timer.unref()
    }
    const done = result.then(list => {
      job.result = list
      if (job.isLate && !isCanceled) this.onLate()
    })
    const cancel = (): void => {
      isCanceled = true
      void thread?.end().then(() => this.release())
    }
    const job: Job = {
      ...{ origin, started: performance.now(), done, result: undefined, cancel },
      ...{ isLate: false, isForced: this.isFull, isTransient: false }
    }
    if (this.running < MAX_THREADS) run()
    else this.queue.push(run)
    return job
  }

  private cancel(id: string): void {
    const job = this.jobs.get(id)
    if (job?.result === undefined) job?.cancel()
    this.jobs.delete(id)
  }

  private release(): void {
    this.running--
    while (this.running < MAX_THREADS && this.queue.length > 0) this.queue.shift()!()
  }
}

/** Whether a job is for the current version of the list. */
function isUsable({ origin, result }: Job, now: ListOrigin, request: ListRequest): boolean {
  const { state } = result ?? {}
  return state === undefined ? isSameOrigin(origin, now) : isCurrent(state, now, request)
}

/** The earlier version of a list. @param errors why there is no later one */
function keep(
  files: RuleFiles,
  { state, sources }: KeptList,
  errors: readonly InterdictError[]
): ProvidedList {
  files.keep(state.files, state.zone)
  return { sources, reports: state.reports, state, errors, warnings: [] }
}

function listOf(id: string, { origin, content, errors, warnings }: ListResult): ProvidedList {
  const sources = content?.sources.map(source => new PackedSource(source))
  return {
    sources,
    reports: content?.reports ?? [],
    state: content && listState(id, origin, { ...content, sources: sources! }),
    errors: errors.map(errorOf),
    warnings: warnings.map(errorOf)
  }
}

function failed(error: InterdictError): ProvidedList {
  return { sources: undefined, reports: [], state: undefined, errors: [error], warnings: [] }
}

const sizeOfList = ({ fingerprints }: ListOrigin): Octets =>
  textSize([...fingerprints].map(([path, print]) => [path, sizeOf(print)] as const))

/** Size of a file, by its fingerprint. */
function sizeOf(fingerprint: string): Octets {
  return Number(/ (\d+):/.exec(fingerprint)?.[1] ?? 0)
}

/** Resolves when the promise does, or after this time. */
async function within(promise: Promise<unknown>, time: Milliseconds): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise(resolve => (timer = setTimeout(resolve, Math.max(0, time))))
  await Promise.race([promise, timeout])
  clearTimeout(timer)
}
