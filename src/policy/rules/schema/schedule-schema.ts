import * as z from 'zod'
import type { Seconds } from '../../../base/units.js'
import { sentence } from '../../yaml/issues.js'
import { parsedString } from '../../yaml/parsed-string.js'
import { isTimeZone } from '../../../base/time/instant.js'

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** A time range in seconds of the day; ends on the next day if `until` is not later than `from`. */
export interface DayHours {
  readonly from: Seconds
  readonly until: Seconds
}

/** `schedule` of a rule: docs/reference/rules.md, "Schedules". */

export const timeZoneSchema = z.string().refine(isTimeZone, 'a time zone such as Europe/Brussels')

const DAY = 'a day (mon, tue, wed, thu, fri, sat, sun) or a range of days such as mon-fri'
const HOURS = 'hours such as 08:00-17:00, or across midnight such as 22:00-06:00'
/** 24:00 */
const MIDNIGHT: Seconds = 86_400

/** One value, or a list of them. */
const some = <T>(one: z.ZodType<T>) => z.union([one.transform(it => [it]), z.array(one).min(1)])

const part = z
  .strictObject({
    days: some(parsedString(DAY, readDays)).optional(),
    hours: some(parsedString(HOURS, readHours)).optional(),
    'time-zone': timeZoneSchema.optional()
  })
  .refine(
    ({ days, hours }) => days !== undefined || hours !== undefined,
    sentence('expected days, hours or both')
  )

const SCHEDULE = 'a mapping with the keys days, hours and time-zone, or a list of them'

export const scheduleSchema = z.preprocess(
  (value, context) => {
    if (typeof value !== 'string') return value
    context.addIssue({ code: 'custom', message: SCHEDULE, params: { hint: scheduleHint(value) } })
    return z.NEVER
  },
  z.union([part.transform(it => [it]), z.array(part).min(1)])
)

export type ScheduleEntry = z.output<typeof scheduleSchema>

/** For `mon-fri 08:00-17:00`, the end of an error message: `; write { days: mon-fri, hours: 08:00-17:00 }`. */
function scheduleHint(text: string): string {
  const parts = text
    .toLowerCase()
    .trim()
    .split(/[\s,]+/)
  const days = parts.filter(part => readDays(part) !== undefined)
  const hours = parts.filter(part => readHours(part) !== undefined)
  if (days.length + hours.length < parts.length) return ''
  const keys = Object.entries({ days, hours }).filter(([, found]) => found.length > 0)
  const shown = keys.map(([key, [one, ...more]]) =>
    more.length === 0 ? `${key}: ${one}` : `${key}: [${[one, ...more].join(', ')}]`
  )
  return `; write { ${shown.join(', ')} }`
}

/** Day numbers, Monday is 0; a range may wrap around the end of the week. */
function readDays(text: string): readonly number[] | undefined {
  const [first, last, ...rest] = text.split('-').map(day => DAYS.indexOf(day.trim() as 'mon'))
  if (first === undefined || rest.length > 0 || first < 0 || (last ?? 0) < 0) return undefined
  const length = ((last ?? first) - first + DAYS.length) % DAYS.length
  return Array.from({ length: length + 1 }, (_, i) => (first + i) % DAYS.length)
}

/** An `until` not later than `from` is on the next day. */
function readHours(text: string): DayHours | undefined {
  const [from, until, ...rest] = text.split('-').map(readClock)
  const isRead = from !== undefined && until !== undefined && rest.length === 0
  return isRead && from !== until && from < MIDNIGHT ? { from, until } : undefined
}

/** Seconds of the day, up to 24:00. */
function readClock(text: string): Seconds | undefined {
  const parts = /^(\d\d):([0-5]\d)(?::([0-5]\d))?$/.exec(text.trim())
  if (parts === null) return undefined
  const [, hours, minutes, seconds = '0'] = parts
  const time = 3600 * Number(hours) + 60 * Number(minutes) + Number(seconds)
  return time <= MIDNIGHT ? time : undefined
}
