import type { Seconds } from '../../../base/units.js'
import { readInstant, showInstant } from '../../../base/time/instant.js'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const SYSLOG = /^([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d)/
const ISO = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?/
/** Allowed difference between two clocks. */
const DAY: Seconds = 86_400

/**
 * Parses incomplete timestamps: `Nov 26 08:44:01` has neither year nor time zone. The year is the
 * latest one that does not place it after the end of the log; the time zone is that of the rules.
 */
export class TimestampReader {
  private readonly known = new Map<string, Seconds | undefined>()

  /** @param end when the log was last written */
  constructor(
    readonly zone: string,
    readonly end: Seconds
  ) {}

  /** Undefined if the text does not start with a timestamp. */
  read(text: string): Seconds | undefined {
    const key = text.slice(0, 40)
    if (this.known.size > 4096) this.known.clear()
    if (!this.known.has(key)) this.known.set(key, this.parse(key))
    return this.known.get(key)
  }

  private parse(text: string): Seconds | undefined {
    const [, date, clock, offset = ''] = ISO.exec(text) ?? []
    if (date !== undefined) {
      return readInstant(`${date}T${clock!}${offset.replace(/(\d\d)(\d\d)$/, '$1:$2')}`, this.zone)
    }
    const [, month, day, time] = SYSLOG.exec(text) ?? []
    const number = MONTHS.indexOf(month ?? '') + 1
    if (number === 0) return undefined
    const last = Number(showInstant(this.end + DAY, this.zone).slice(0, 4))
    for (const year of [last, last - 1]) {
      const rest = `${String(number).padStart(2, '0')}-${day!.padStart(2, '0')}T${time!}`
      const at = readInstant(`${year}-${rest}`, this.zone)
      if (at !== undefined && at <= this.end + DAY) return at
    }
    return undefined
  }
}
