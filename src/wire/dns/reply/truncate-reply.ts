import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { OPTION_COOKIE, findOpt, findOption, findQuestionEnd } from '../edns/opt.js'
import { RCODE } from '../registry/rcode.js'
import { OPTION_HEADER_SIZE, OPT_FIXED_SIZE } from '../registry/sizes.js'

const TC = 0x02
/** RA and CD are kept; AD and RCODE concern the removed records. */
const KEPT_FLAGS = 0x90

/**
 * Removes all records from the reply `octets[start, end)` and sets TC, with the same result as
 * `encodeTruncated`: header, question and, if present, an OPT without options. A reply with a cookie
 * keeps it and becomes BADCOOKIE without TC: the client retries with the cookie, which is cheaper
 * for both sides than TCP. RFC 7873 §5.2.3.
 *
 * @returns the new end; `start` if this is not a valid reply
 */
export function truncateReply(octets: Uint8Array, start: Octets, end: Octets): Octets {
  const records = findQuestionEnd(octets, start, end)
  if (records === 0) return start
  const opt = findOpt(octets, start, end)
  const cookie = opt === 0 ? 0 : findOption(octets, opt, OPTION_COOKIE)
  if (cookie === 0) octets[start + 2]! |= TC
  octets[start + 3]! &= KEPT_FLAGS
  octets.fill(0, start + 6, start + 12)
  if (opt === 0) return records
  octets[start + 11] = 1
  octets.copyWithin(records, opt, opt + OPT_FIXED_SIZE)
  // The upper bits of RCODE, and the length of the options.
  octets[records + 5] = 0
  octets.fill(0, records + OPT_FIXED_SIZE - 2, records + OPT_FIXED_SIZE)
  if (cookie === 0) return records + OPT_FIXED_SIZE
  octets[start + 3]! |= RCODE.BADCOOKIE & 0x0f
  octets[records + 5] = RCODE.BADCOOKIE >> 4
  const length = OPTION_HEADER_SIZE + getUint16(octets, cookie + 2)
  octets[records + OPT_FIXED_SIZE - 1] = length
  octets.copyWithin(records + OPT_FIXED_SIZE, cookie, cookie + length)
  return records + OPT_FIXED_SIZE + length
}
