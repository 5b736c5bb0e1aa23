import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { failure } from '../../base/errors/error.js'
import { MS_PER_DAY, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { closedFiles, archivedDays, type LogLayout } from '../files/log-layout.js'
import type { Day } from '../files/log-layout.js'

/** Same access as the log: the umask decides. */
const BY_UMASK = 0o777
/** A clock that jumps ahead by more than this is not trusted at once. */
const MAX_CLOCK_JUMP: Milliseconds = 7 * MS_PER_DAY
/** How long the clock must then continue from there. */
const CONFIRMATION_TIME: Milliseconds = MS_PER_DAY

/** Saved in the archive, to survive a restart. */
interface ClockState {
  /** The day used last. */
  readonly day: Day
  /** When the clock jumped, and its latest value. */
  readonly leap?: { readonly since: Milliseconds; readonly last: Milliseconds }
}

/**
 * The day from which the age of lookups is computed: today, unless the clock jumped ahead. In that
 * case it stays at the previous day until the clock has continued for a day from where it jumped: a
 * clock that is wrong for a while must not delete everything.
 *
 * Throws the system error if a clock jump cannot be saved.
 */
export function retentionDay(layout: LogLayout, wall: Milliseconds, log: ServiceLog): Day {
  const today = dayAt(wall)
  const before = read(layout) ?? { day: newestDay(layout, today) }
  const { state, leapt } = nextState(before, wall)
  try {
    write(layout, state)
  } catch (error) {
    // On a full disk, expired lookups must still be removed.
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

/** The newest day known from the files, for the first run. */
function newestDay(layout: LogLayout, today: Day): Day {
  const closed = closedFiles(layout).map(name => layout.closedAt(name)!.slice(0, 10))
  const days = [...archivedDays(layout), ...closed].sort()
  return days.at(-1) ?? today
}

function dayAt(wall: Milliseconds): Day {
  return new Date(wall).toISOString().slice(0, 10)
}

const pathOf = (layout: LogLayout): string => join(layout.archiveFolder, 'clock.json')

/** Undefined if it does not exist or is invalid. */
function read(layout: LogLayout): ClockState | undefined {
  const path = pathOf(layout)
  if (!existsSync(path)) return undefined
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as ClockState
    return Number.isNaN(Date.parse(state.day)) ? undefined : state
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function write(layout: LogLayout, state: ClockState): void {
  writeFileAtomic(pathOf(layout), JSON.stringify(state), { folderMode: BY_UMASK })
}
