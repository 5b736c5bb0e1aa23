import { readInstant } from './instant.js'

const HYPHENS = /^(\d{4})-(\d\d?)-(\d\d?)(.*)$/s
const OTHER_SIGNS = /^(\d{4})[/.](\d\d?)[/.](\d\d?)$/
const YEAR_LAST = /^(\d\d?)[-/.](\d\d?)[-/.](\d{4})$/
const TIME = /^[Tt ](\d{1,2}):(\d\d)/

/**
 * What to write instead of an invalid date, as the end of an error message:
 * `; the last day of February 2027 is 2027-02-28`. Empty if that is not evident.
 */
export function dateHint(text: string): string {
  const [, year, month, day, rest = ''] = HYPHENS.exec(text) ?? OTHER_SIGNS.exec(text) ?? []
  if (day !== undefined) return hintFor(text, Number(year), Number(month), Number(day), rest)
  const [, first, second, last] = YEAR_LAST.exec(text) ?? []
  if (last === undefined) return ''
  const days = [
    [first, second],
    [second, first]
  ].map(([d, m]) => dayOf(Number(last), Number(m), Number(d)))
  const known = new Set(days.filter(it => it !== undefined))
  return known.size === 0 ? '' : `; write ${[...known].join(' or ')}`
}

function hintFor(text: string, year: number, month: number, day: number, rest: string): string {
  if (year < 1970) return '; the first year is 1970'
  if (month < 1 || month > 12) {
    const swapped = dayOf(year, day, month)
    return `; there is no month ${month}${swapped === undefined ? '' : `: write ${swapped}`}`
  }
  const last = new Date(Date.UTC(year, month, 0))
  if (day < 1 || day > last.getUTCDate()) {
    const name = last.toLocaleString('en', { month: 'long', timeZone: 'UTC' })
    return day < 1
      ? `; days begin with 1: write ${isoDay(year, month, 1)}`
      : `; the last day of ${name} ${year} is ${isoDay(year, month, last.getUTCDate())}`
  }
  const [, hour, minute] = TIME.exec(rest) ?? []
  if (Number(hour) === 24 && minute === '00') {
    const next = new Date(Date.UTC(year, month - 1, day + 1)).toISOString().slice(0, 10)
    return `; write ${next}T00:00`
  }
  const whole = `${isoDay(year, month, day)}${rest}`
  const isRight = whole !== text && readInstant(whole, 'UTC') !== undefined
  return isRight ? `; write ${whole}` : ''
}

/** The day in the form of RFC 3339; undefined if it does not exist. */
function dayOf(year: number, month: number, day: number): string | undefined {
  const exists =
    year >= 1970 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
  return exists ? isoDay(year, month, day) : undefined
}

function isoDay(year: number, month: number, day: number): string {
  return [String(year), ...[month, day].map(it => String(it).padStart(2, '0'))].join('-')
}
