import { isDeepStrictEqual } from 'node:util'
import { failure } from '../../base/errors/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import type { SettingsFile } from '../config/load-settings.js'
import {
  changedSections,
  pendingRestart,
  withoutRestart,
  type PendingRestart
} from '../config/restart-keys.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { CompilerHandle, SettingsSource } from '../compiler/compiler-handle.js'
import { FileWatcher } from '../compiler/file-watcher.js'
import { RetryTimer } from './retry-timer.js'
import type { ReloadReason, ReloadStatus } from './reload-reporter.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'

/** SHA-256 of nothing: a file that was emptied, or that is about to be written. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** Errors of a reload that the status shows; the service log has all of them. */
const MAX_REPORTED = 20
/** Errors that only a change of the settings file can end. */
const OWN_CODES: readonly string[] = [
  'DOCUMENT_INVALID',
  'DOCUMENT_SYNTAX',
  'DOCUMENT_DUPLICATE',
  'CONFIG_EMPTY'
]
const REFUSED = 'settings reload failed: previous settings remain active'

export interface SettingsReloaderOptions {
  readonly compiler: Pick<CompilerHandle, 'readSettings' | 'ensureStarted'>
  readonly log: ServiceLog
  /** The settings of the start, and the file that they come from. */
  readonly config: Config
  readonly source: SettingsSource
  /** Changes the settings, or nothing at all. @returns the errors that prevent it */
  readonly apply: (config: Config) => Promise<readonly SerializedError[]>
  /** Called when the file has changed. */
  readonly onChange: () => void
}

/** The settings in force. */
export interface SettingsState {
  readonly file: SettingsFile
  /** 1 at the start, one more with each change. */
  readonly generation: number
  /** Wall-clock time since which they have been in force. */
  readonly since: Milliseconds
  /** What of the file takes effect after a restart. */
  readonly restart: readonly PendingRestart[]
  /** The last reload; undefined: none yet. */
  readonly last: ReloadStatus | undefined
}

/**
 * Keeps the settings in step with their file: watches it, reads it again when it changes or on request,
 * and changes everything that does not need a restart, or nothing if there is an error.
 */
export class SettingsReloader {
  private readonly watcher: FileWatcher
  /** Files that the settings name are not watched. */
  private readonly retry: RetryTimer
  private isClosed = false
  private config: Config
  private current: SettingsState
  /** The errors of the last reload, one per line; empty if it succeeded. */
  private lastErrors = ''
  /** What the log has last named as waiting for a restart. */
  private reportedRestart: readonly PendingRestart[] = []

  constructor(private readonly options: SettingsReloaderOptions) {
    const { config, source, compiler, onChange } = options
    this.config = config
    const { file } = source
    this.current = { file, generation: 1, since: Date.now(), restart: [], last: undefined }
    this.watcher = new FileWatcher({ onActivity: () => compiler.ensureStarted(), onChange })
    this.retry = new RetryTimer(onChange)
  }

  get state(): SettingsState {
    return this.current
  }

  /** The file may have been read seconds ago: a change since is reported at once. */
  startWatching(): void {
    this.watcher.watch(this.options.source.watchState)
  }

  /** The compiler thread may end while it reads: that is not an error in the settings. */
  close(): void {
    this.isClosed = true
    this.watcher.close()
    this.retry.reset()
  }

  /** Reads the file again, and applies it. Errors are logged, and the previous settings remain active. */
  async reload(reason: ReloadReason): Promise<void> {
    const { compiler, apply, log } = this.options
    const { file } = this.current
    // Once there is a file, its absence is an error: defaults in its place would open the gateway.
    const isNamed = file.sha256 !== undefined
    const read = await compiler.readSettings(isNamed ? file.path : undefined)
    if (this.hasClosed()) return
    if (read.source !== undefined) this.watcher.watch(read.source.watchState)
    const found = read.source?.file ?? file
    if (isNamed && found.sha256 === EMPTY) {
      const { code, message } = failure('CONFIG_EMPTY', file.path)
      this.refuse(reason, [{ code, message }])
      return
    }
    if (read.config === undefined) {
      this.refuse(reason, read.errors)
      return
    }
    const before = this.config
    const restart = pendingRestart(before, read.config)
    const config = withoutRestart(before, read.config)
    const changed = changedSections(before, config)
    const errors = isDeepStrictEqual(before, config) ? [] : await apply(config)
    if (errors.length > 0) {
      this.refuse(reason, errors)
      return
    }
    this.config = config
    this.accept(reason, found, restart, changed)
    const isReported = JSON.stringify(this.reportedRestart) === JSON.stringify(restart)
    this.reportedRestart = restart
    if (restart.length === 0 || (isReported && reason !== 'SIGHUP')) return
    const { code, message } = failure('CONFIG_RESTART', showRestart(restart))
    log.warn({ code }, message)
  }

  /** A method, since the compiler would take `isClosed` for still false after an await. */
  private hasClosed(): boolean {
    return this.isClosed
  }

  private accept(
    reason: ReloadReason,
    file: SettingsFile,
    restart: readonly PendingRestart[],
    changed: readonly string[]
  ): void {
    const { log } = this.options
    const { generation, since } = this.current
    const isNew = changed.length > 0
    const fixed = this.lastErrors !== ''
    this.retry.reset()
    this.lastErrors = ''
    const last = this.result(reason, isNew ? 'accepted' : 'unchanged', [])
    const state = { file, restart, last }
    this.current = isNew
      ? { ...state, generation: generation + 1, since: Date.now() }
      : { ...state, generation, since }
    const { sha256 } = file
    if (isNew)
      log.info({ reason, generation: generation + 1, sha256, changed }, 'settings reloaded')
    else if (fixed || reason === 'SIGHUP')
      log.info({ reason, generation }, `settings unchanged${fixed ? '; errors are fixed' : ''}`)
  }

  private refuse(reason: ReloadReason, errors: readonly SerializedError[]): void {
    const { log } = this.options
    this.current = { ...this.current, last: this.result(reason, 'refused', errors) }
    const messages = errors.map(({ message }) => message).join('\n')
    if (messages !== this.lastErrors) this.retry.reset()
    if (errors.some(({ code }) => !OWN_CODES.includes(code))) this.retry.schedule()
    if (reason !== 'SIGHUP' && messages === this.lastErrors) return
    this.lastErrors = messages
    for (const { code, message } of errors) log.error({ code }, message)
    log.error({ reason, errors: errors.length, generation: this.current.generation }, REFUSED)
  }

  private result(
    reason: ReloadReason,
    outcome: ReloadStatus['outcome'],
    errors: readonly SerializedError[]
  ): ReloadStatus {
    const first = errors.slice(0, MAX_REPORTED)
    return { at: Date.now(), reason, outcome, errors: errors.length, first }
  }
}

function showRestart(restart: readonly PendingRestart[]): string {
  return restart.map(({ key, running, wanted }) => `${key} (${running} → ${wanted})`).join(', ')
}
