import { endKey, type Dates } from '../time/dates.js'
import type { Location } from '../model/location.js'
import type { DnssecException } from '../model/types.js'
import type { NetworksFile } from '../schema/networks-schema.js'

const SECONDS_PER_DAY = 86_400
/** A calendar day may be an hour longer than 24 hours. */
const DST_SHIFT = 3600

/**
 * Builds the negative trust anchors: names that are not validated for a while. RFC 7646 §2.
 *
 * @param top the location of the whole file
 */
export function buildDnssecExceptions(
  { dnssec }: Pick<NetworksFile, 'dnssec'>,
  dates: Dates,
  top: Location
): readonly DnssecException[] {
  const { exceptions, 'max-days': days } = dnssec
  return exceptions.map((entry, i) => {
    const location = top.at('dnssec', 'exceptions', i)
    const { name, purpose, 'approved-by': approvedBy, reference } = entry
    const term = dates.term(entry, location)
    const lasts = term.until - term.from
    if (Number.isFinite(lasts) && lasts > days * SECONDS_PER_DAY + DST_SHIFT) {
      const at = location.at(endKey(entry))
      const end = entry['last-day'] ?? entry.until!
      at.error('RULES_DNSSEC_LONG', at.pathText, end, days, entry.from)
    }
    const { title, url } = reference ?? {}
    const why = { purpose, approvedBy, reference: title, referenceUrl: url }
    return { ...name, ...why, position: location.messagePosition, ...term }
  })
}
