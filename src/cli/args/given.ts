import { epochSeconds, systemClock } from '../../base/clock.js'
import type { Milliseconds, Seconds } from '../../base/units.js'
import { INSTANT, readInstant } from '../../rules/time/instant.js'
import { usage } from '../exit.js'

/** Reads what was given on the command line; where it is wrong, says so and ends the process. */
export function given<T>(argument: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    return usage(`${argument}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Ends the process where what was given for `--at` is no instant in any time zone. */
export function checkAt(at: string | undefined): void {
  if (at !== undefined && readInstant(at, 'UTC') === undefined)
    usage(`--at: ${at} is not ${INSTANT}`)
}

/** What was given for `--at`, once the time zone of the rules is known; now, if nothing was. */
export function secondsAt(at: string | undefined, timeZone: string): Seconds {
  return readInstant(at ?? '', timeZone) ?? epochSeconds(systemClock)
}

/** At least one of them, less than 17 minutes. */
export function milliseconds(argument: string, text: string): Milliseconds {
  const isWhole = /^\d{1,6}$/.test(text) && Number(text) > 0
  return isWhole ? Number(text) : usage(`${argument}: ${text} is no number of milliseconds`)
}
