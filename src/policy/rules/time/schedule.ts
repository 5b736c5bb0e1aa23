import type { Seconds } from '../../../base/units.js'
import type { Schedule } from '../model/types.js'
import { DAYS, type DayHours, type ScheduleEntry } from '../schema/schedule-schema.js'

const DAY: Seconds = 86_400
const WEEK: Seconds = DAYS.length * DAY
const ALL_DAY: DayHours = { from: 0, until: DAY }

type Part = ScheduleEntry[number]

/** @param zone of parts without a time zone */
export function scheduleOf(entry: ScheduleEntry, zone: string): Schedule {
  return {
    text: entry.map(part => showPart(part, zone)).join('; '),
    weeks: entry.map(part => ({ zone: part['time-zone'] ?? zone, bounds: boundsOf(part) }))
  }
}

/** Hours start on the given days, even if they end on the next day. */
function boundsOf({ days, hours = [ALL_DAY] }: Part): Seconds[] {
  const numbers = days?.flat() ?? [...DAYS.keys()]
  const stretches = numbers.flatMap(day => hours.map(it => rangeOf(day, it)))
  return mergeRanges(stretches.flatMap(splitAtWeekEnd))
}

function rangeOf(day: number, { from, until }: DayHours): DayHours {
  return { from: day * DAY + from, until: day * DAY + until + (until <= from ? DAY : 0) }
}

/** Splits a range that crosses the end of the week. */
function splitAtWeekEnd({ from, until }: DayHours): DayHours[] {
  if (until <= WEEK) return [{ from, until }]
  return [
    { from, until: WEEK },
    { from: 0, until: until - WEEK }
  ]
}

/** Merges touching and overlapping ranges. @returns alternating starts and ends */
function mergeRanges(stretches: readonly DayHours[]): Seconds[] {
  const bounds: Seconds[] = []
  for (const { from, until } of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = bounds.at(-1)
    if (last === undefined || from > last) bounds.push(from, until)
    else bounds[bounds.length - 1] = Math.max(last, until)
  }
  return bounds
}

/** `mon-fri 08:00-12:00, 13:00-17:00 (Europe/Brussels)` */
function showPart({ days, hours, 'time-zone': own }: Part, zone: string): string {
  const shownDays = days?.map(([first, ...rest]) => {
    return [first!, ...rest.slice(-1)].map(day => DAYS[day]!).join('-')
  })
  const shownHours = hours?.map(({ from, until }) => `${showClock(from)}-${showClock(until)}`)
  const parts = [shownDays ?? [], shownHours ?? []].filter(({ length }) => length > 0)
  return [...parts.map(part => part.join(', ')), `(${own ?? zone})`].join(' ')
}

/** `08:00`, `08:00:30` */
function showClock(time: Seconds): string {
  const parts = [Math.floor(time / 3600), Math.floor(time / 60) % 60, time % 60]
  const shown = time % 60 === 0 ? parts.slice(0, 2) : parts
  return shown.map(part => String(part).padStart(2, '0')).join(':')
}
