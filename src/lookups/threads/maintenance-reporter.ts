import type { Milliseconds } from '../../base/units.js'
import type { ArchiveContents } from '../archive/archive-contents.js'
import type { LogLine } from '../../base/threads/thread-log.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'

/** Errors of a run that the status shows; the service log has all of them. */
const MAX_REPORTED = 20

/** The result of a maintenance run on the closed query log files. */
export interface MaintenanceRun {
  /** Wall-clock time when it ended. */
  readonly at: Milliseconds
  /** `failed`: not everything could be done; `died`: the process died during the run. */
  readonly outcome: 'done' | 'failed' | 'died'
  /** The number of errors; with `done`, those that block nothing, such as a chain that was set aside. */
  readonly errors: number
  /** The first of the errors. */
  readonly first: readonly SerializedError[]
}

/** Keeps the result of the last maintenance run for the status. */
export class MaintenanceReporter {
  /** Undefined: no run yet. */
  last: MaintenanceRun | undefined
  /** The files on disk after that run; undefined: not known yet. */
  stored: ArchiveContents | undefined
  private errors: SerializedError[] = []

  /** Call when a run begins. */
  begin(): void {
    this.errors = []
  }

  onLogLine({ level, fields: { code }, message }: LogLine): void {
    if (level !== 'info' && typeof code === 'string') this.errors.push({ code, message })
  }

  end(at: Milliseconds, outcome: MaintenanceRun['outcome']): void {
    const errors = this.errors.length
    this.last = { at, outcome, errors, first: this.errors.slice(0, MAX_REPORTED) }
  }
}
