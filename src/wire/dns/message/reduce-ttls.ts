import { getUint16, getUint32, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { findQuestionEnd } from '../edns/opt.js'
import { findNameEnd } from '../name/compressed-name.js'
import { RRTYPE } from '../registry/rrtype.js'
import { RECORD_FIXED_SIZE } from '../registry/sizes.js'

/**
 * Subtracts the time that a response spent in HTTP caches from the TTLs of all its records. RFC 8484 §5.1.
 *
 * @param message a whole message, at least a header long
 * @returns false if it ends within a record; TTLs before that are reduced
 */
export function reduceTtls(message: Uint8Array, age: Seconds): boolean {
  const end: Octets = message.length
  let pos = findQuestionEnd(message, 0, end)
  if (pos === 0) return false
  const records = getUint16(message, 6) + getUint16(message, 8) + getUint16(message, 10)
  for (let i = 0; i < records; i++) {
    pos = findNameEnd(message, pos, end)
    if (pos === 0 || pos + RECORD_FIXED_SIZE > end) return false
    // The TTL field of OPT has flags. RFC 6891 §6.1.3.
    if (age > 0 && getUint16(message, pos) !== RRTYPE.OPT) {
      setUint32(message, pos + 4, Math.max(0, getUint32(message, pos + 4) - age))
    }
    pos += RECORD_FIXED_SIZE + getUint16(message, pos + 8)
  }
  return pos <= end
}
