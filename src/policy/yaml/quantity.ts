import type { z } from 'zod'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../../base/units.js'
import { parsedString } from './parsed-string.js'

/** Milliseconds per unit of durations. */
const DURATION = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** Octets per unit of sizes; powers of 1024. */
const SIZE = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const

/** Limits are inclusive, and written as in settings: `duration('1s', '1d')`. */
export function duration(from: string, to: string): z.ZodType<Milliseconds> {
  const limits = [readUnits(from, DURATION)!, readUnits(to, DURATION)!] as const
  return parsedString(
    `a duration from ${from} to ${to} (units: ms, s, m, h, d)`,
    text => ifWithin(readUnits(text, DURATION), limits),
    text => unitHint(text, DURATION)
  )
}

/** As `duration`, in whole seconds: for TTLs and other values of DNS messages. */
export function wholeSeconds(from: string, to: string): z.ZodType<Seconds> {
  const limits = [readUnits(from, DURATION)!, readUnits(to, DURATION)!] as const
  return parsedString(
    `a duration in whole seconds from ${from} to ${to} (units: s, m, h, d)`,
    text => {
      const ms = ifWithin(readUnits(text, DURATION), limits)
      return ms === undefined || ms % MS_PER_SECOND !== 0 ? undefined : ms / MS_PER_SECOND
    },
    text => unitHint(text, DURATION)
  )
}

/** Limits are inclusive, and written as in settings: `size('1MB', '64GB')`. */
export function size(from: string, to: string): z.ZodType<Octets> {
  const limits = [readUnits(from, SIZE)!, readUnits(to, SIZE)!] as const
  return parsedString(
    `a size from ${from} to ${to} (units: B, KB, MB, GB)`,
    text => ifWithin(readUnits(text, SIZE), limits),
    text => unitHint(text, SIZE)
  )
}

function readUnits(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit] = /^(\d{1,9}) ?([A-Za-z]{1,2})$/.exec(text) ?? []
  if (unit === undefined || !Object.hasOwn(units, unit)) return undefined
  return Number(digits) * units[unit]!
}

/** Other words for units, in lower case. */
const WORDS: Readonly<Record<string, string>> = {
  ...{ sec: 's', secs: 's', second: 's', seconds: 's', min: 'm', mins: 'm', minute: 'm' },
  ...{ minutes: 'm', hour: 'h', hours: 'h', day: 'd', days: 'd' },
  ...{ bytes: 'B', k: 'KB', kib: 'KB', mib: 'MB', g: 'GB', gib: 'GB' }
}

/** `; write 64MB` for `64mb`; otherwise an empty string. */
function unitHint(text: string, units: Readonly<Record<string, number>>): string {
  const [, digits, unit = ''] = /^(\d{1,9}) ?([A-Za-z]+)$/.exec(text) ?? []
  const word = unit.toLowerCase()
  const meant = Object.keys(units).find(it => it.toLowerCase() === word) ?? WORDS[word]
  const isOther = meant !== undefined && meant !== unit && Object.hasOwn(units, meant)
  return isOther ? `; write ${digits!}${meant}` : ''
}

function ifWithin(
  value: number | undefined,
  [from, to]: readonly [number, number]
): number | undefined {
  return value === undefined || value < from || value > to ? undefined : value
}
