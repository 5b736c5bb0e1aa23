import { configuredFiles } from '../../gateway/compiler/configured-files.js'
import { isTimeZone } from '../../base/time/instant.js'
import { readRulesTimeZone } from '../../policy/rules/time/rules-time-zone.js'
import { didYouMean } from '../../policy/yaml/closest.js'
import { usageError } from '../exit.js'
import { loadSettings, type CommonOptions } from './settings.js'

export interface TimeZoneOptions extends CommonOptions {
  readonly timeZone?: string | undefined
}

/** The value of `--time-zone`, if there is one. */
export function givenTimeZone({ timeZone }: TimeZoneOptions): string | undefined {
  if (timeZone === undefined || isTimeZone(timeZone)) return timeZone
  const hint = didYouMean(timeZone, Intl.supportedValuesOf('timeZone'))
  return usageError(`--time-zone: ${timeZone} is not a time zone such as Europe/Brussels${hint}`)
}

/**
 * The time zone of `--time-zone`, otherwise that of the rules; UTC, with a remark, where the rules
 * cannot be read. Reads no other part of the rules.
 */
export async function chooseTimeZone(
  options: TimeZoneOptions
): Promise<{ readonly timeZone: string; readonly remarks: readonly string[] }> {
  const given = givenTimeZone(options)
  if (given !== undefined) return { timeZone: given, remarks: [] }
  const [files] = (await configuredFiles(await loadSettings(options))).files
  const found = files === undefined ? undefined : await readRulesTimeZone(files)
  if (found !== undefined) return { timeZone: found, remarks: [] }
  return {
    timeZone: 'UTC',
    remarks: ['The time zone of the rules could not be read: days and times are in UTC.']
  }
}
