import type { Seconds } from '../../base/units.js'
import type { Location } from '../model/location.js'
import type { Term } from '../model/types.js'
import { INSTANT, readInstant } from './instant.js'

/** How long before its end a ban or exception is warned about. */
export const EXPIRY_NOTICE: Seconds = 14 * 86_400

/** Parses the dates of rules in the time zone of the file. */
export class Dates {
  constructor(
    readonly zone: string,
    /** For warnings about expired rules. */
    readonly now: Seconds
  ) {}

  /** @param place location of the rule */
  term(entry: { from?: string | undefined; until?: string | undefined }, place: Location): Term {
    const from = this.instant(entry.from, place.at('from')) ?? -Infinity
    const until = this.instant(entry.until, place.at('until')) ?? Infinity
    if (until <= from) {
      const at = place.at('until')
      at.error('RULES_DATE_ORDER', at.pathText, entry.from!, entry.until!)
    }
    return { from, until }
  }

  /** Whether a rule with this end is to be warned about. */
  endsSoon(until: Seconds): boolean {
    return until - EXPIRY_NOTICE <= this.now
  }

  /** @param place location of the date */
  instant(text: string | undefined, place: Location): Seconds | undefined {
    if (text === undefined) return undefined
    const instant = readInstant(text, this.zone)
    if (instant === undefined) place.error('RULES_DATE', place.pathText, text, INSTANT)
    return instant
  }
}
