import { getUint16, getUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { findQuestionEnd } from '../edns/opt.js'
import { findNameEnd } from '../name/compressed-name.js'
import { soaMinimum } from '../records/rdata.js'
import { RRTYPE } from '../registry/rrtype.js'
import { RECORD_FIXED_SIZE } from '../registry/sizes.js'

/**
 * How long the response `octets[start, end)` may be reused: the smallest TTL in ANSWER and AUTHORITY, with MINIMUM
 * of an SOA; 0 for one without records there, such as an error, or one that is malformed. RFC 8484 §5.1.
 */
export function freshnessOf(octets: Uint8Array, start: Octets, end: Octets): Seconds {
  let pos = findQuestionEnd(octets, start, end)
  if (pos === 0) return 0
  const records = getUint16(octets, start + 6) + getUint16(octets, start + 8)
  let lowest = -1
  for (let i = 0; i < records; i++) {
    pos = findNameEnd(octets, pos, end)
    if (pos === 0 || pos + RECORD_FIXED_SIZE > end) return 0
    const type = getUint16(octets, pos)
    const next = pos + RECORD_FIXED_SIZE + getUint16(octets, pos + 8)
    if (next > end) return 0
    let ttl = getUint32(octets, pos + 4)
    if (type === RRTYPE.SOA) ttl = Math.min(ttl, soaMinimum(octets, next))
    if (lowest < 0 || ttl < lowest) lowest = ttl
    pos = next
  }
  return lowest < 0 ? 0 : lowest
}
