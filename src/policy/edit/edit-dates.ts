import { epochSeconds, type Clock } from '../../base/time/clock.js'
import { showInstant } from '../../base/time/instant.js'
import { MS_PER_SECOND } from '../../base/units.js'
import type { YamlValue } from '../yaml/insert-yaml.js'

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const DAY = /^\d{4}-\d\d-\d\d$/
const DAYS = /^([1-9]\d{0,3})d$/
const MS_PER_DAY = 86_400 * MS_PER_SECOND

type Values = Readonly<Record<string, YamlValue>>

/** Today in a time zone: `2026-12-01`. */
export const today = (clock: Clock, zone: string): string =>
  showInstant(epochSeconds(clock), zone).slice(0, 'YYYY-MM-DD'.length)

/**
 * The dates of a rule as the file has them. `until` with a day means through that day, as people say it, and is written
 * as `last-day`; a weekday is the next one after today.
 */
export function writtenDates(values: Values, clock: Clock, zone: string): Values {
  const { until } = values
  if (typeof until !== 'string') return values
  const day = lastDayOf(until.trim(), today(clock, zone))
  if (day === undefined) return values
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) =>
      key === 'until' ? ['last-day', day] : [key, value]
    )
  )
}

function lastDayOf(text: string, now: string): string | undefined {
  if (DAY.test(text)) return text
  const [, days] = DAYS.exec(text) ?? []
  if (days !== undefined) return addDays(now, Number(days))
  const wanted =
    text.length < 3 ? -1 : WEEKDAYS.findIndex(one => one.startsWith(text.toLowerCase()))
  if (wanted === -1) return undefined
  return addDays(now, ((wanted - new Date(now).getUTCDay() + 6) % 7) + 1)
}

const addDays = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * MS_PER_DAY).toISOString().slice(0, day.length)
