import type { Milliseconds } from '../../base/units.js'
import type { ArchiveContents } from '../../querylog/archive/archive-contents.js'
import type { LogLine } from '../threads/messages.js'
import type { SerializedError } from '../threads/serialized-error.js'

/** Errors that are kept of one time: all of them are in the service log. */
const MAX_REPORTED = 20

/** What came of looking after the closed files of the query log, the last time. */
export interface MaintenanceRun {
  /** When it was over: milliseconds of the calendar. */
  readonly at: Milliseconds
  /** `failed`: something could not be done; `died`: so did the process, midway. */
  readonly outcome: 'done' | 'failed' | 'died'
  /** How many there were; with `done`, those that hold up nothing, as a chain that was put aside. */
  readonly errors: number
  /** The first of them. */
  readonly first: readonly SerializedError[]
}

/** What the archive process said, the last time, for who asks. */
export class MaintenanceReporter {
  /** Undefined: there was no time yet. */
  last: MaintenanceRun | undefined
  /** What there was on the disk then; undefined: it could not be read yet. */
  standing: ArchiveContents | undefined
  #troubles: SerializedError[] = []

  /** Another time begins. */
  begin(): void {
    this.#troubles = []
  }

  onLogLine({ level, fields: { code }, message }: LogLine): void {
    if (level !== 'info' && typeof code === 'string') this.#troubles.push({ code, message })
  }

  end(at: Milliseconds, outcome: MaintenanceRun['outcome']): void {
    const errors = this.#troubles.length
    this.last = { at, outcome, errors, first: this.#troubles.slice(0, MAX_REPORTED) }
  }
}
