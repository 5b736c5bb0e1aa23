import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../units.js'

/** Describes what `readInstant` accepts, for messages. */
export const INSTANT = 'a date such as 2023-03-13, or a time such as 2023-03-13T08:00 or …T08:00Z'

const MS_PER_DAY: Milliseconds = 86_400_000
const FORM =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d))?(?:([Zz])|([+-])(\d\d):(\d\d))?)?$/

/**
 * Parses a date, or a date and time (RFC 3339, with optional seconds and offset). A date means the
 * first second of its day. Without an offset it is local time in `zone`. A local time that occurs
 * twice (clocks set back) means the first occurrence; one that is skipped (clocks set forward) is
 * read with the offset before the change.
 *
 * @param zone IANA name for which `isTimeZone` is true
 * @returns undefined if the text is not a date, or not a day of the calendar
 */
export function readInstant(text: string, zone: string): Seconds | undefined {
  const parts = FORM.exec(text)
  if (parts === null) return undefined
  const [year, month, day, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(numberOf)
  const local = Date.UTC(year!, month! - 1, day, hour, minute, second)
  const exists = new Date(local).toISOString().startsWith(parts.slice(1, 4).join('-'))
  if (!exists || year! < 1970 || hour > 23 || minute > 59 || second > 59) return undefined
  const [, , , , , , , utc, sign, hours, minutes] = parts
  if (sign !== undefined && (Number(hours) > 23 || Number(minutes) > 59)) return undefined
  const offset =
    (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === '-' ? -60_000 : 60_000)
  const known = utc !== undefined || sign !== undefined
  return (known ? local - offset : localToInstant(local, zone)) / MS_PER_SECOND
}

/** Describes what `readDayEnd` accepts, for messages. */
export const DAY = 'a day such as 2026-12-31'

/** The first second after a day: that of the next one in `zone`. Undefined if the text is not a day of the calendar. */
export function readDayEnd(text: string, zone: string): Seconds | undefined {
  if (text.length !== '2026-12-31'.length || readInstant(text, 'UTC') === undefined)
    return undefined
  const next = new Date(Date.parse(text) + MS_PER_DAY).toISOString()
  return readInstant(next.slice(0, text.length), zone)
}

/** The last day before an end that is a midnight in `zone`; undefined: it is not. */
export function lastDayBefore(end: Seconds, zone: string): string | undefined {
  const [day, time] = showInstant(end, zone).split('T') as [string, string]
  if (!time.startsWith('00:00:00')) return undefined
  return new Date(Date.parse(day) - MS_PER_DAY).toISOString().slice(0, day.length)
}

/** An end as people say it: `last day 2026-12-31`, or `until 2026-12-31T17:00:00+01:00`. */
export function showEnd(end: Seconds, zone: string): string {
  const day = lastDayBefore(end, zone)
  return day === undefined ? `until ${showInstant(end, zone)}` : `last day ${day}`
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits)
}

export function isTimeZone(zone: string): boolean {
  // Shortcut: the first use of Intl costs 15 ms of every start.
  if (zone === 'UTC') return true
  try {
    formatter(zone)
    return true
  } catch {
    return false
  }
}

/** The instant at which the local time in `zone` equals the UTC time of `local`. */
function localToInstant(local: Milliseconds, zone: string): Milliseconds {
  // No zone has changed its offset twice within two days.
  const before = offsetAt(local - MS_PER_DAY, zone)
  const after = offsetAt(local + MS_PER_DAY, zone)
  const candidates = [local - before, local - after].filter(
    instant => instant + offsetAt(instant, zone) === local
  )
  return candidates.length > 0 ? Math.min(...candidates) : local - before
}

/**
 * An instant as local time in `zone` with its offset: `2024-03-20T00:00:00+01:00`; in UTC
 * `2024-03-19T23:00:00Z`. Parsing it yields the same instant, whatever the zone.
 */
export function showInstant(instant: Seconds, zone: string): string {
  const at = Math.floor(instant) * MS_PER_SECOND
  const offset = offsetAt(at, zone)
  const local = new Date(at + offset).toISOString().slice(0, -'.000Z'.length)
  return `${local}${zone === 'UTC' ? 'Z' : showOffset(offset)}`
}

/** As `showInstant`, with milliseconds: `2024-03-20T00:00:00.000+01:00`. */
export function showTime(at: Milliseconds, zone: string): string {
  if (zone === 'UTC') return new Date(at).toISOString()
  const offset = offsetAt(at, zone)
  return `${new Date(at + offset).toISOString().slice(0, -1)}${showOffset(offset)}`
}

/** The start of the local day that contains an instant. */
export function startOfDay(at: Milliseconds, zone: string): Milliseconds {
  const local = at + offsetAt(at, zone)
  return localToInstant(local - (((local % MS_PER_DAY) + MS_PER_DAY) % MS_PER_DAY), zone)
}

/** The same local time, so many days later. */
export function shiftDays(at: Milliseconds, days: number, zone: string): Milliseconds {
  return localToInstant(at + offsetAt(at, zone) + days * MS_PER_DAY, zone)
}

function showOffset(offset: Milliseconds): string {
  const minutes = Math.abs(Math.round(offset / 60_000))
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60]
  const digits = [hours, rest].map(count => String(count).padStart(2, '0')).join(':')
  return `${offset < 0 ? '-' : '+'}${digits}`
}

/** The offset of `zone` from UTC. */
export function offsetAt(instant: Milliseconds, zone: string): Milliseconds {
  if (zone === 'UTC') return 0
  const shown: Record<string, number> = {}
  for (const { type, value } of formatter(zone).formatToParts(instant)) shown[type] = Number(value)
  const { year, month, day, hour, minute, second } = shown
  const local = Date.UTC(year!, month! - 1, day, hour, minute, second)
  return local - Math.floor(instant / MS_PER_SECOND) * MS_PER_SECOND
}

const formatters = new Map<string, Intl.DateTimeFormat>()

/** @throws RangeError for an unknown zone */
function formatter(zone: string): Intl.DateTimeFormat {
  let found = formatters.get(zone)
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit'
    })
    formatters.set(zone, found)
  }
  return found
}
