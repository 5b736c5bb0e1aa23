import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/atomic-file.js'
import { failure } from '../../base/error.js'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../record/service-log.js'
import { closedFiles, archivedDays, type LogLayout } from './log-layout.js'
import type { Day } from './retention.js'

/** The archive is for whoever may read the log. */
const BY_UMASK = 0o777
/** A clock that has gone on by more than this since it was last looked at is not believed at once. */
const MAX_CLOCK_JUMP: Milliseconds = 7 * MS_PER_DAY
/** For so long it has to go on from there. */
const CONFIRMATION_TIME: Milliseconds = MS_PER_DAY

/** What is kept in the archive, so that a restart changes nothing. */
interface ClockState {
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
export function retentionDay(names: LogLayout, wall: Milliseconds, log: ServiceLog): Day {
  const today = dayAt(wall)
  const before = read(names) ?? { day: newestDay(names, today) }
  const { state, leapt } = nextState(before, wall)
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

function nextState(
  { day, leap }: ClockState,
  wall: Milliseconds
): { state: ClockState; leapt: boolean } {
  const today = dayAt(wall)
  if (Date.parse(today) - Date.parse(day) <= MAX_CLOCK_JUMP)
    return { state: { day: today }, leapt: false }
  const goesOn = leap !== undefined && wall >= leap.last && wall - leap.last <= MAX_CLOCK_JUMP
  const since = goesOn ? leap.since : wall
  if (wall - since >= CONFIRMATION_TIME) return { state: { day: today }, leapt: false }
  return { state: { day, leap: { since, last: wall } }, leapt: true }
}

/** That the files know of, for a start: that of the newest one. */
function newestDay(names: LogLayout, today: Day): Day {
  const closed = closedFiles(names).map(name => names.closedAt(name)!.slice(0, 10))
  const days = [...archivedDays(names), ...closed].sort()
  return days.at(-1) ?? today
}

function dayAt(wall: Milliseconds): Day {
  return new Date(wall).toISOString().slice(0, 10)
}

const pathOf = (names: LogLayout): string => join(names.archiveFolder, 'clock.json')

/** Undefined: there is none, or none that makes sense. */
function read(names: LogLayout): ClockState | undefined {
  const path = pathOf(names)
  if (!existsSync(path)) return undefined
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as ClockState
    return Number.isNaN(Date.parse(state.day)) ? undefined : state
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function write(names: LogLayout, state: ClockState): void {
  writeFileAtomic(pathOf(names), JSON.stringify(state), { folderMode: BY_UMASK })
}
