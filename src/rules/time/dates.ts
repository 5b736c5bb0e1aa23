import type { Seconds } from '../../base/units.js'
import type { Place } from '../model/place.js'
import type { Term } from '../model/types.js'
import { INSTANT, readInstant } from './instant.js'

/** So long before its end, a ban or an exception is warned of. */
export const NOTICE: Seconds = 14 * 86_400

/** Reads the dates of a rule, in the time zone of the file. */
export class Dates {
  constructor(
    readonly zone: string,
    /** What is past is warned of. */
    readonly now: Seconds
  ) {}

  /** @param place of the rule */
  term(entry: { from?: string | undefined; until?: string | undefined }, place: Place): Term {
    const from = this.instant(entry.from, place.at('from')) ?? -Infinity
    const until = this.instant(entry.until, place.at('until')) ?? Infinity
    if (until <= from) {
      const at = place.at('until')
      at.refuse('RULES_DATE_ORDER', at.text, entry.from!, entry.until!)
    }
    return { from, until }
  }

  /** Whether a rule with this end is to be warned of. */
  isNear(until: Seconds): boolean {
    return until - NOTICE <= this.now
  }

  /** @param place of the date */
  instant(text: string | undefined, place: Place): Seconds | undefined {
    if (text === undefined) return undefined
    const instant = readInstant(text, this.zone)
    if (instant === undefined) place.refuse('RULES_DATE', place.text, text, INSTANT)
    return instant
  }
}
