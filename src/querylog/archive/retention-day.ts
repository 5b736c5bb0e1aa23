import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/atomic-file.js'
import { failure } from '../../base/error.js'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../record/service-log.js'
import { closedIn, daysIn, type LogNames } from './log-layout.js'
import type { Day } from './retention.js'

/** The archive is for whoever may read the log. */
const BY_UMASK = 0o777
/** A clock that has gone on by more than this since it was last looked at is not believed at once. */
const LEAP: Milliseconds = 7 * MS_PER_DAY
/** For so long it has to go on from there. */
const PROBATION: Milliseconds = MS_PER_DAY

/** What is kept in the archive, so that a restart changes nothing. */
interface State {
  /** By which ages were judged last. */
  readonly day: Day
  /** Since when the clock has been somewhere else, and where it was last. */
  readonly leap?: { readonly since: Milliseconds; readonly last: Milliseconds }
}

/**
 * The day by which the age of lookups is judged: that of the clock, unless it has leapt ahead. Then it is
 * the day of before, until the clock has gone on for a day from where it leapt: a clock that is wrong
 * for a while must not have everything deleted.
 *
 * Throws the system's error where a leap cannot be kept.
 */
export function trustedDay(names: LogNames, wall: Milliseconds, log: ServiceLog): Day {
  const today = dayAt(wall)
  const before = read(names) ?? { day: newestDay(names, today) }
  const { state, leapt } = next(before, wall)
  try {
    write(names, state)
  } catch (error) {
    // On a full disk, what is over must go all the same.
    if (leapt) throw error
  }
  if (leapt) {
    const { code, message } = failure('ARCHIVE_CLOCK', before.day, today)
    log.error({ code }, message)
  }
  return state.day
}

function next({ day, leap }: State, wall: Milliseconds): { state: State; leapt: boolean } {
  const today = dayAt(wall)
  if (Date.parse(today) - Date.parse(day) <= LEAP) return { state: { day: today }, leapt: false }
  const goesOn = leap !== undefined && wall >= leap.last && wall - leap.last <= LEAP
  const since = goesOn ? leap.since : wall
  if (wall - since >= PROBATION) return { state: { day: today }, leapt: false }
  return { state: { day, leap: { since, last: wall } }, leapt: true }
}

/** That the files know of, for a start: that of the newest one. */
function newestDay(names: LogNames, today: Day): Day {
  const closed = closedIn(names).map(name => names.closedAt(name)!.slice(0, 10))
  const days = [...daysIn(names), ...closed].sort()
  return days.at(-1) ?? today
}

function dayAt(wall: Milliseconds): Day {
  return new Date(wall).toISOString().slice(0, 10)
}

const pathOf = (names: LogNames): string => join(names.archive, 'clock.json')

/** Undefined: there is none, or none that makes sense. */
function read(names: LogNames): State | undefined {
  const path = pathOf(names)
  if (!existsSync(path)) return undefined
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as State
    return Number.isNaN(Date.parse(state.day)) ? undefined : state
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function write(names: LogNames, state: State): void {
  writeFileAtomic(pathOf(names), JSON.stringify(state), { folderMode: BY_UMASK })
}
