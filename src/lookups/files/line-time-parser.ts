import type { Octets } from '../../base/units.js'
import { SCHEMA_VERSION } from '../event/schema.js'

/** The start of every line written by the recorder, up to its time. */
const START = `{"v":${SCHEMA_VERSION},"time":"`
const FORM = Buffer.from(`${START}0000-00-00T00:00:00.000Z"`)
const YEAR = START.length
const [MONTH, DAY, HOUR, MINUTE] = [YEAR + 5, YEAR + 8, YEAR + 11, YEAR + 14]
/** Lines of the same minute share the octets up to here. */
const HEAD = MINUTE + 2
const [SECOND, CENTISECOND, LAST] = [HEAD + 1, HEAD + 4, HEAD + 6]
const [ZERO, NINE] = [0x30, 0x39]

/** The shortest line with this start. */
export const MIN_LINE: Octets = FORM.length

/** Parses the time of a line, optimized for lines of the same minute as the previous line. */
export class LineTimeParser {
  private readonly head = Buffer.alloc(HEAD)
  /** The time at which the minute of `head` starts. */
  private minute = NaN

  /**
   * Returns a sort key for the time of a line, in milliseconds: later times have higher numbers,
   * and a day has 86,400,000 of them. Every month counts as 32 days, so that no calendar is needed.
   *
   * @param at offset of the line, which has at least `MIN_LINE` octets
   * @returns NaN if the line starts differently
   */
  parse(octets: Buffer, at: Octets): number {
    for (let i = 0; i < HEAD; i++) {
      if (octets[at + i] !== this.head[i]) {
        this.parseMinute(octets, at)
        break
      }
    }
    if (!matchesForm(octets, at, HEAD, MIN_LINE)) return NaN
    const centiseconds = twoDigits(octets, at + SECOND) * 100 + twoDigits(octets, at + CENTISECOND)
    return this.minute + centiseconds * 10 + octets[at + LAST]! - ZERO
  }

  private parseMinute(octets: Buffer, at: Octets): void {
    octets.copy(this.head, 0, at, at + HEAD)
    const year = twoDigits(octets, at + YEAR) * 100 + twoDigits(octets, at + YEAR + 2)
    const day = (year * 12 + twoDigits(octets, at + MONTH)) * 32 + twoDigits(octets, at + DAY)
    const minute = (day * 24 + twoDigits(octets, at + HOUR)) * 60 + twoDigits(octets, at + MINUTE)
    this.minute = matchesForm(octets, at, 0, HEAD) ? minute * 60_000 : NaN
  }
}

/** Whether there are digits where required, and all other octets are as expected. */
function matchesForm(octets: Buffer, at: Octets, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const [octet, form] = [octets[at + i]!, FORM[i]!]
    if (i >= YEAR && form === ZERO ? octet < ZERO || octet > NINE : octet !== form) return false
  }
  return true
}

function twoDigits(octets: Buffer, at: Octets): number {
  return octets[at]! * 10 + octets[at + 1]! - 11 * ZERO
}
