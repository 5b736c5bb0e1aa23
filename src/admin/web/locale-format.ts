/** Numbers and times as people of a language write them. */
export class Formatter {
  private readonly whole: Intl.NumberFormat
  private readonly short: Intl.NumberFormat
  private readonly percent: Intl.NumberFormat
  private readonly tinyPercent: Intl.NumberFormat
  private readonly signed: Intl.NumberFormat
  private readonly relative: Intl.RelativeTimeFormat
  private readonly moment: Intl.DateTimeFormat
  private readonly dayOnly: Intl.DateTimeFormat
  private readonly iso: Intl.DateTimeFormat
  private readonly brief: Intl.DateTimeFormat
  private readonly hour: Intl.DateTimeFormat
  private readonly clock: Intl.DateTimeFormat

  /** @param timeZone undefined: that of the browser */
  constructor(
    readonly language: string,
    timeZone?: string
  ) {
    const zone = timeZone === undefined ? {} : { timeZone }
    this.whole = new Intl.NumberFormat(language)
    this.short = new Intl.NumberFormat(language, {
      notation: 'compact',
      maximumSignificantDigits: 3
    })
    this.percent = new Intl.NumberFormat(language, {
      ...{ style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }
    })
    this.tinyPercent = new Intl.NumberFormat(language, {
      ...{ style: 'percent', maximumSignificantDigits: 2 }
    })
    this.signed = new Intl.NumberFormat(language, {
      ...{ style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: 0 }
    })
    this.relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
    // Dates that everybody reads the same way, and 24 hours as in the log.
    const dates = language === 'en' ? 'en-GB' : language
    const times = { hourCycle: 'h23', ...zone } as const
    this.moment = new Intl.DateTimeFormat(dates, {
      ...{ dateStyle: 'medium', timeStyle: 'short', ...times }
    })
    this.dayOnly = new Intl.DateTimeFormat(dates, { dateStyle: 'medium', ...zone })
    // Canada writes dates as ISO 8601 does.
    this.iso = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short', ...zone })
    this.brief = new Intl.DateTimeFormat(dates, { month: 'short', day: 'numeric', ...zone })
    this.hour = new Intl.DateTimeFormat(dates, { timeStyle: 'short', ...times })
    this.clock = new Intl.DateTimeFormat(dates, {
      ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', ...times }
    })
  }

  /** `1,234` */
  count(value: number): string {
    return this.whole.format(value)
  }

  /** `1.23K`, for headlines. */
  compact(value: number): string {
    return value < 10_000
      ? this.whole.format(Math.round(value * 10) / 10)
      : this.short.format(value)
  }

  /** `12.5%`, so that a column lines up; small ones with two digits, as `0.034%`. */
  share(value: number | null): string {
    if (value === null) return '–'
    const isTiny = value === 0 || value === 1 || Math.abs(value) < 0.001
    return (isTiny ? this.tinyPercent : this.percent).format(value)
  }

  /** `+7%` */
  change(value: number): string {
    return this.signed.format(value)
  }

  milliseconds(value: number | null): string {
    if (value === null) return '–'
    const digits = value < 10 ? 2 : value < 100 ? 1 : 0
    return `${this.whole.format(Number(value.toFixed(digits)))} ms`
  }

  bytes(value: number): string {
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
    const power = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3))
    const unit = units[power]!
    return new Intl.NumberFormat(this.language, {
      ...{ style: 'unit', unit, unitDisplay: 'short', maximumSignificantDigits: 3 }
    }).format(value / 1000 ** power)
  }

  dateTime(at: string | number): string {
    return this.moment.format(new Date(at))
  }

  /** The day of the last moment before an end. */
  lastDay(end: string): string {
    return this.day(Date.parse(end) - 1)
  }

  day(at: string | number): string {
    return this.dayOnly.format(new Date(at))
  }

  /** `2026-11-27` */
  isoDay(at: string | number): string {
    return this.iso.format(new Date(at))
  }

  /** `27 Nov` */
  shortDay(at: string | number): string {
    return this.brief.format(new Date(at))
  }

  /** `Monday`. @param weekday 1 is Monday */
  weekday(weekday: number): string {
    const day = new Intl.DateTimeFormat(this.language, { weekday: 'long', timeZone: 'UTC' })
    // 5 January 1970 was a Monday.
    return day.format((weekday + 3) * DAY * 1000)
  }

  /** `14:05` */
  time(at: string | number): string {
    return this.hour.format(new Date(at))
  }

  /** `14:05:09` */
  second(at: string | number): string {
    return this.clock.format(new Date(at))
  }

  /** `3 days ago`, `in 2 hours`. @param now milliseconds of Unix time */
  ago(at: string | number, now: number): string {
    const seconds = (new Date(at).getTime() - now) / 1000
    // The day after tomorrow is not tomorrow, even if it begins in 25 hours.
    const days = (Date.parse(this.isoDay(at)) - Date.parse(this.isoDay(now))) / (DAY * 1000)
    const [unit, size] = RELATIVE.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1]
    return this.relative.format(unit === 'day' ? days : Math.trunc(seconds / size), unit)
  }

  /** Hours and days: `3 d 4 h`. @param most how many units */
  duration(seconds: number, most = 2): string {
    const parts = [
      [Math.floor(seconds / DAY), 'day'],
      [Math.floor((seconds % DAY) / HOUR), 'hour'],
      [Math.floor((seconds % HOUR) / 60), 'minute'],
      [Math.floor(seconds % 60), 'second']
    ] as const
    const first = parts.findIndex(([count]) => count > 0)
    return parts
      .slice(first === -1 ? 3 : first, first === -1 ? 4 : first + most)
      .filter(([count], i) => i === 0 || count > 0)
      .map(([count, unit]) =>
        new Intl.NumberFormat(this.language, { style: 'unit', unit, unitDisplay: 'short' }).format(
          count
        )
      )
      .join(' ')
  }
}

const HOUR = 3_600
const DAY = 86_400
const RELATIVE: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['year', 365 * DAY],
  ['month', 30 * DAY],
  ['day', DAY],
  ['hour', HOUR],
  ['minute', 60]
]

/** Whole days from now until a time, rounded up: what ends tonight has one day left. */
export function daysLeft(until: string, now: number): number {
  return Math.ceil((Date.parse(until) - now) / (DAY * 1000))
}

/** As the API takes times: to the second. @param at RFC 3339, or what a date field has */
export function wholeSecond(at: string): string {
  return new Date(at).toISOString().replace(/\.\d+/, '')
}
