import type { Milliseconds } from '../../base/units.js'
import type { LogStanding } from '../../querylog/archive/standing.js'
import type { LogLine, Trouble } from '../threads/messages.js'

/** Errors that are kept of one time: all of them are in the service log. */
const KEPT = 20

/** What came of looking after the closed files of the query log, the last time. */
export interface Tended {
  /** When it was over: milliseconds of the calendar. */
  readonly at: Milliseconds
  /** `failed`: something could not be done; `died`: so did the process, midway. */
  readonly outcome: 'done' | 'failed' | 'died'
  /** How many there were; with `done`, those that hold up nothing, as a chain that was put aside. */
  readonly errors: number
  /** The first of them. */
  readonly first: readonly Trouble[]
}

/** What the archive process said, the last time, for who asks. */
export class ArchiveNews {
  /** Undefined: there was no time yet. */
  last: Tended | undefined
  /** What there was on the disk then; undefined: it could not be read yet. */
  standing: LogStanding | undefined
  #troubles: Trouble[] = []

  /** Another time begins. */
  begin(): void {
    this.#troubles = []
  }

  hear({ level, fields: { code }, message }: LogLine): void {
    if (level !== 'info' && typeof code === 'string') this.#troubles.push({ code, message })
  }

  end(at: Milliseconds, outcome: Tended['outcome']): void {
    const errors = this.#troubles.length
    this.last = { at, outcome, errors, first: this.#troubles.slice(0, KEPT) }
  }
}
