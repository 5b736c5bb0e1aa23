import type { Octets } from '../base/units.js'
import { findOpt, OPT_BARE, questionEnd } from './opt.js'

const TC = 0x02
/** RA and CD stay; AD and RCODE are about records that are not there any more. */
const KEPT_FLAGS = 0x90

/**
 * Takes all records out of the reply `octets[start, end)` and sets TC, as `writeTruncated` makes
 * it from the query: header, question and, if it has one, an OPT without options.
 *
 * @returns the new end; `start` for what is no reply
 */
export function truncateReply(octets: Uint8Array, start: Octets, end: Octets): Octets {
  const records = questionEnd(octets, start, end)
  if (records === 0) return start
  const opt = findOpt(octets, start, end)
  octets[start + 2]! |= TC
  octets[start + 3]! &= KEPT_FLAGS
  octets.fill(0, start + 6, start + 12)
  if (opt === 0) return records
  octets[start + 11] = 1
  octets.copyWithin(records, opt, opt + OPT_BARE)
  // The upper bits of RCODE, and the length of the options.
  octets[records + 5] = 0
  octets.fill(0, records + OPT_BARE - 2, records + OPT_BARE)
  return records + OPT_BARE
}
