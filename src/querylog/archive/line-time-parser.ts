import type { Octets } from '../../base/units.js'
import { SCHEMA_VERSION } from '../record/schema.js'

/** How the recorder begins a line, up to its time, and what that looks like. */
const START = `{"v":${SCHEMA_VERSION},"time":"`
const FORM = Buffer.from(`${START}0000-00-00T00:00:00.000Z"`)
const YEAR = START.length
const [MONTH, DAY, HOUR, MINUTE] = [YEAR + 5, YEAR + 8, YEAR + 11, YEAR + 14]
/** Lines of the same minute are the same up to there. */
const HEAD = MINUTE + 2
const [SECOND, CENTISECOND, LAST] = [HEAD + 1, HEAD + 4, HEAD + 6]
const [ZERO, NINE] = [0x30, 0x39]

/** The shortest line that begins so. */
export const MIN_LINE: Octets = FORM.length

/** Times of lines, which mostly are of the same minute as the line before. */
export class LineTimeParser {
  private readonly head = Buffer.alloc(HEAD)
  /** The time at which that minute begins. */
  private minute = NaN

  /**
   * By when a line of the recorder is, in milliseconds: later times have higher numbers, a day 86,400,000
   * of them. A month has always 32 days here, so that there is no calendar to look into.
   *
   * @param at where the line begins; it has at least `SHORTEST` octets
   * @returns NaN for a line that begins otherwise
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

/** Whether there are digits where there have to be, and all else is as it is. */
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
