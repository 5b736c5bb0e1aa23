import { didYouMean } from '../../yaml/closest.js'
import { oneOf } from '../../yaml/expected.js'
import type { Location } from '../model/location.js'
import type { Term } from '../model/types.js'
import { endKey } from '../time/dates.js'
import type { ExceptionEntry, ExceptionLimits } from '../schema/networks-schema.js'

const SECONDS_PER_DAY = 86_400
/** A calendar day may be an hour longer than 24 hours. */
const DST_SHIFT = 3600

/**
 * Rejects an exception for a purpose that is not allowed, or that lasts too long. Depends only on the
 * file, not on the clock, so that a gateway with the wrong time starts all the same.
 *
 * @param location of the exception
 */
export function checkExceptionLimits(
  limits: ExceptionLimits,
  entry: ExceptionEntry,
  term: Term,
  location: Location
): void {
  const { purpose, from } = entry
  const { purposes, 'max-days': days } = limits
  if (purposes?.includes(purpose) === false) {
    const at = location.at('purpose')
    const expected = `${oneOf(purposes)} (exceptions.purposes)${didYouMean(purpose, purposes)}`
    at.error('RULES_PURPOSE', at.pathText, purpose, expected)
  }
  const lasts = term.until - term.from
  if (Number.isFinite(lasts) && lasts > days * SECONDS_PER_DAY + DST_SHIFT) {
    const at = location.at(endKey(entry))
    at.error('RULES_EXCEPTION_LONG', at.pathText, entry['last-day'] ?? entry.until!, days, from)
  }
}
