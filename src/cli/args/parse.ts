import { epochSeconds, systemClock } from '../../base/time/clock.js'
import type { Milliseconds, Seconds } from '../../base/units.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import type { NameSelection } from '../../analysis/report/questions/selection.js'
import { readPattern } from '../../policy/rules/model/pattern.js'
import { dateHint } from '../../base/time/date-hint.js'
import { INSTANT, readInstant } from '../../base/time/instant.js'
import { usageError } from '../exit.js'

/** Parses an argument or option. An error of the parser becomes a usage error that names it. */
export function parseArgument<T>(argument: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    return usageError(`${argument}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A whole number between `min` and `max`, both included. */
export function parseWholeNumber(
  argument: string,
  text: string,
  { min = 0, max }: { readonly min?: number; readonly max: number }
): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : -1
  return min <= value && value <= max
    ? value
    : usageError(`${argument}: ${text} is not a whole number from ${min} to ${max}`)
}

/** At least 1 ms, less than 17 minutes. */
export function parseMilliseconds(argument: string, text: string): Milliseconds {
  return parseWholeNumber(argument, text, { min: 1, max: 999_999 })
}

export function checkChoice(
  argument: string,
  value: string | undefined,
  choices: readonly string[]
): void {
  if (value === undefined || choices.includes(value)) return
  usageError(`${argument}: ${value} is not one of ${choices.join(', ')}`)
}

/** Rejects a value of `--at` that is not a valid time in any time zone. */
export function checkTime(at: string | undefined): void {
  if (at !== undefined && readInstant(at, 'UTC') === undefined)
    usageError(`--at: ${at} is not ${INSTANT}${dateHint(at)}`)
}

/** The instant of a checked `--at` in the time zone of the rules; now, without one. */
export function resolveTime(at: string | undefined, timeZone: string): Seconds {
  return readInstant(at ?? '', timeZone) ?? epochSeconds(systemClock)
}

/**
 * A name pattern as rules write it: `name` for itself and all below it, `=name`, `*.name`; Unicode is
 * accepted. A text with a backslash is a name as the log escapes it, which no rule can have.
 */
export function parseNamePattern(text: string): NameSelection {
  if (text.includes('\\')) return { shown: text, name: text.toLowerCase(), cover: 'suffix' }
  return parseArgument('--name', () => {
    const pattern = readPattern(text)
    if (pattern === undefined) throw new Error(`${text} is not a domain name, =name or *.name`)
    const name = showCanonical(showName(pattern.name))
    // Everything is below the root.
    const cover = name === '.' ? 'exact' : pattern.cover
    return { shown: SHOWN[pattern.cover](name), name, cover }
  })
}

const SHOWN = {
  suffix: (name: string) => `${name} and below`,
  exact: (name: string) => name,
  below: (name: string) => `below ${name}`
} as const
