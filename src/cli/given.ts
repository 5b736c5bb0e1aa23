import type { Milliseconds } from '../base/units.js'
import { usage } from './exit.js'

/** Reads what was given on the command line; where it is wrong, says so and ends the process. */
export function given<T>(argument: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    return usage(`${argument}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** At least one of them, less than 17 minutes. */
export function milliseconds(argument: string, text: string): Milliseconds {
  const isWhole = /^\d{1,6}$/.test(text) && Number(text) > 0
  return isWhole ? Number(text) : usage(`${argument}: ${text} is no number of milliseconds`)
}
