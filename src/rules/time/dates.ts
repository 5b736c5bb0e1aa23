import type { Seconds } from '../../base/units.js'
import type { Location } from '../model/location.js'
import type { Term } from '../model/types.js'
import { dateHint } from './date-hint.js'
import { INSTANT, readInstant } from './instant.js'

/** How long before its end a ban or exception is warned about. */
export const EXPIRY_NOTICE: Seconds = 14 * 86_400

/** A date further away than this is usually a typing error. */
const FAR: Seconds = 20 * 365.25 * 86_400

/** Parses the dates of rules in the time zone of the file. */
export class Dates {
  constructor(
    readonly zone: string,
    /** For warnings about expired rules. */
    readonly now: Seconds
  ) {}

  /** @param location of the rule */
  term(entry: { from?: string | undefined; until?: string | undefined }, location: Location): Term {
    const from = this.instant(entry.from, location.at('from')) ?? -Infinity
    const until = this.instant(entry.until, location.at('until')) ?? Infinity
    if (until <= from) {
      const at = location.at('until')
      at.error('RULES_DATE_ORDER', at.pathText, entry.from!, entry.until!)
    }
    this.warnIfFar(from, entry.from, location.at('from'))
    this.warnIfFar(until, entry.until, location.at('until'))
    return { from, until }
  }

  /** Whether a rule with this end is to be warned about. */
  endsSoon(until: Seconds): boolean {
    return until - EXPIRY_NOTICE <= this.now
  }

  private warnIfFar(instant: Seconds, text: string | undefined, at: Location): void {
    if (text === undefined || Math.abs(instant - this.now) <= FAR) return
    at.warn('RULES_DATE_FAR', at.pathText, text)
  }

  /** @param location of the date */
  instant(text: string | undefined, location: Location): Seconds | undefined {
    if (text === undefined) return undefined
    const instant = readInstant(text, this.zone)
    if (instant === undefined) {
      location.error('RULES_DATE', location.pathText, text, INSTANT, dateHint(text))
    }
    return instant
  }
}
