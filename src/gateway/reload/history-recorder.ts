import { packageVersion } from '../../base/package.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import { decisiveSettings } from '../config/decisive-settings.js'
import { DECISION_REVISION } from '../../policy/evaluate/revision.js'
import type { SnapshotChanges } from '../../policy/compile/compare.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { EndEvent } from '../../policy/history/history-event.js'
import { historyFolder } from '../../policy/history/history-folder.js'
import { appendEnd, type NewEvent } from '../../policy/history/history-writer.js'
import { listCopiesFolder } from '../../sources/http/list-copies.js'
import { completesWithin } from '../../base/threads/completes-within.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import { changeSummary } from './change-summary.js'
import type { CompilerHandle } from '../compiler/compiler-handle.js'
import type { ReloadReason } from './reload-reporter.js'
import { RetryTimer } from './retry-timer.js'

/** Events that wait while the disk is full. What is beyond becomes a gap. */
const MAX_PENDING = 100
/** At the stop, how long the history may take to be written. */
const STOP_TIMEOUT: Milliseconds = 2_000

/** Why new rules, settings or pauses are in force. */
export interface Cause {
  readonly event: NewEvent['event']
  readonly reason: ReloadReason
  /** See `RulesEvent.by`. */
  readonly by: string | null
  /** Undefined: the rules are the same, or the first. */
  readonly changes?: SnapshotChanges | undefined
}

/** Whether the history has everything. The JSON form is public, see docs/reference/admin-socket.md. */
export interface HistoryStatus {
  /** Since when it lacks something; null: it has everything since the start. */
  readonly incompleteSince: string | null
  readonly error: SerializedError | null
}

export interface HistoryRecorderOptions {
  readonly compiler: Pick<CompilerHandle, 'record' | 'holdsUnrecorded'>
  readonly log: ServiceLog
  /** Called when the files of the rules in force have to be read again, to be stored. */
  readonly readAgain: () => void
}

type Pending = NewEvent | EndEvent

/**
 * Has everything that comes in force recorded in the history, after it is in force: a disk that is full or slow
 * delays nothing. What cannot be written waits and is retried, and health says so.
 */
export class HistoryRecorder {
  private config: Config
  private readonly pending: Pending[] = []
  private isWriting = false
  private hasStarted = false
  private isStopping = false
  private writing: Promise<void> = Promise.resolve()
  private readonly retryTimer = new RetryTimer(() => this.write())
  private failed: { readonly since: Milliseconds; readonly error: SerializedError } | undefined
  /** The rules whose files were last read again because they were missing. */
  private readAgain = ''
  /** The segment that was written last. */
  private path: string | undefined
  private settings: string

  constructor(
    config: Config,
    private readonly options: HistoryRecorderOptions
  ) {
    this.config = config
    this.settings = decisiveSettings(config)
  }

  get status(): HistoryStatus {
    const { failed } = this
    if (failed === undefined) return { incompleteSince: null, error: null }
    return { incompleteSince: new Date(failed.since).toISOString(), error: failed.error }
  }

  /** @returns whether settings that decide have changed */
  configure(config: Config): boolean {
    this.config = config
    const before = this.settings
    this.settings = decisiveSettings(config)
    return this.settings !== before
  }

  /** The gateway answers. Rules of a start that fails were never in force, and are not recorded. */
  start(): void {
    this.hasStarted = true
    const [first] = this.pending
    if (first !== undefined) this.pending[0] = { ...first, at: new Date().toISOString() }
    this.write()
  }

  /** Records what is in force from now on. */
  record(snapshot: Snapshot, { event, reason, by, changes }: Cause): void {
    const { sha256, filesSha256, zones, bundle, pauses } = snapshot.origin
    this.add({
      at: new Date().toISOString(),
      ...{ event, sha256, files: filesSha256, generation: snapshot.generation },
      ...{ zones, bundle: bundle ?? null, pauses, settings: this.settings },
      ...{ program: packageVersion(), revision: DECISION_REVISION, tz: process.versions.tz ?? '' },
      ...{ reason, by, summary: changes === undefined ? '' : changeSummary(changes) }
    })
  }

  /** Called when the files of the rules in force were read again. */
  readFiles(snapshot: Snapshot): void {
    if (this.readAgain !== snapshot.origin.sha256) return
    this.record(snapshot, { event: 'reload', reason: 'retry', by: null })
  }

  /** Records that nothing is in force any more, unless another process answers already. */
  async stop(leaves: boolean): Promise<void> {
    this.isStopping = true
    this.retryTimer.reset()
    await completesWithin(this.writing, STOP_TIMEOUT)
    if (this.pending.length > 0)
      this.options.log.warn({}, 'stopping: the last change of the rules is not in the history')
    if (leaves || this.path === undefined || this.pending.length > 0) return
    const end = { at: new Date().toISOString(), event: 'stop' } as const
    await completesWithin(
      appendEnd(this.path, end).catch(() => undefined),
      STOP_TIMEOUT
    )
  }

  close(): void {
    this.isStopping = true
    this.retryTimer.reset()
  }

  private add(event: NewEvent): void {
    const { pending } = this
    pending.push(event)
    if (pending.length > MAX_PENDING) {
      const [first] = pending.splice(0, 2)
      const why = `more than ${MAX_PENDING} changes could not be written`
      pending.unshift({ at: first!.at, event: 'gap', why })
    }
    this.write()
  }

  private write(): void {
    if (this.isWriting || !this.hasStarted) return
    this.isWriting = true
    this.writing = this.writeAll().finally(() => (this.isWriting = false))
  }

  private async writeAll(): Promise<void> {
    const { pending, options } = this
    const { compiler } = options
    while (pending.length > 0) {
      const [event] = pending
      compiler.holdsUnrecorded = true
      const { state, history } = this.config
      const result = await compiler.record({
        ...{ folder: historyFolder(state.folder), copiesFolder: listCopiesFolder(state.folder) },
        ...{ listSize: history.listSize, event: event! }
      })
      if (result.kind === 'not recorded') {
        this.fail(result.error)
        return
      }
      pending.splice(pending.indexOf(event!), 1)
      this.path = result.path
      if (pending.length === 0) this.recorded(event!, result.missing)
    }
  }

  private fail(error: SerializedError): void {
    const { log } = this.options
    // At the end the compiler thread is ended, whatever it does.
    if (this.failed?.error.message !== error.message && !this.isStopping)
      log.error({ code: error.code }, error.message)
    this.failed = { since: this.failed?.since ?? Date.now(), error }
    if (!this.isStopping) this.retryTimer.schedule()
  }

  /** @param missing files of the rules in force that are not stored, without lists */
  private recorded(event: Pending, missing: readonly string[]): void {
    const { log, compiler, readAgain } = this.options
    compiler.holdsUnrecorded = false
    this.retryTimer.reset()
    if (missing.length > 0 && 'sha256' in event) {
      const message = `version ${event.sha256} of the rules is in force, but not stored in full: ${missing.join(', ')}`
      this.failed ??= { since: Date.now(), error: { code: 'HISTORY_INCOMPLETE', message } }
      if (this.readAgain === event.sha256) return
      this.readAgain = event.sha256
      readAgain()
      return
    }
    this.readAgain = ''
    if (this.failed === undefined) return
    this.failed = undefined
    log.info({}, 'history of rules written again')
  }
}
