import type { Seconds } from '../../../base/units.js'
import type { Location } from '../model/location.js'
import type { Term } from '../model/types.js'
import { dateHint } from '../../../base/time/date-hint.js'
import { DAY, INSTANT, readDayEnd, readInstant, showEnd } from '../../../base/time/instant.js'

/** How long before its end a ban or exception is warned about. */
export const EXPIRY_NOTICE: Seconds = 14 * 86_400

/** A date further away than this is usually a typing error. */
const FAR: Seconds = 20 * 365.25 * 86_400

/** When a rule begins and ends, as it is written. */
export interface TermEntry {
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly 'last-day'?: string | undefined
}

/** The key that gives the end of a rule. */
export const endKey = (entry: TermEntry): 'last-day' | 'until' =>
  entry['last-day'] === undefined ? 'until' : 'last-day'

/** Parses the dates of rules in the time zone of the file. */
export class Dates {
  private lastText: string | undefined
  private lastInstant: Seconds | undefined

  constructor(
    readonly zone: string,
    /** For warnings about expired rules. */
    readonly now: Seconds
  ) {}

  /** @param location of the rule */
  term(entry: TermEntry, location: Location): Term {
    const from = this.instant(entry.from, 'from', location) ?? -Infinity
    const until = this.until(entry, location) ?? Infinity
    const end = entry['last-day'] ?? entry.until
    if (until <= from) {
      const at = location.at(endKey(entry))
      at.error('RULES_DATE_ORDER', at.pathText, entry.from!, end!)
    }
    this.warnIfFar(from, entry.from, 'from', location)
    this.warnIfFar(until, end, endKey(entry), location)
    return { from, until }
  }

  private until({ until, 'last-day': day }: TermEntry, location: Location): Seconds | undefined {
    if (day === undefined) return this.instant(until, 'until', location)
    const end = readDayEnd(day, this.zone)
    if (end === undefined) {
      const at = location.at('last-day')
      at.error('RULES_DATE', at.pathText, day, DAY, dateHint(day))
    }
    return end
  }

  /** As `showEnd`, in the time zone of the file. */
  showEnd(until: Seconds): string {
    return showEnd(until, this.zone)
  }

  /** Whether a rule with this end is to be warned about. */
  endsSoon(until: Seconds): boolean {
    return until - EXPIRY_NOTICE <= this.now
  }

  private warnIfFar(
    instant: Seconds,
    text: string | undefined,
    key: string,
    location: Location
  ): void {
    if (text === undefined || Math.abs(instant - this.now) <= FAR) return
    const at = location.at(key)
    at.warn('RULES_DATE_FAR', at.pathText, text)
  }

  /** @param location of the rule that has the date under `key` */
  instant(text: string | undefined, key: string, location: Location): Seconds | undefined {
    if (text === undefined) return undefined
    // The rules of many networks have the same few dates.
    if (text === this.lastText) return this.lastInstant
    const instant = readInstant(text, this.zone)
    if (instant === undefined) {
      const at = location.at(key)
      at.error('RULES_DATE', at.pathText, text, INSTANT, dateHint(text))
      return undefined
    }
    this.lastText = text
    this.lastInstant = instant
    return instant
  }
}
