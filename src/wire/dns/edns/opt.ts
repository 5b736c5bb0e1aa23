import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { findNameEnd } from '../name/compressed-name.js'
import { RRTYPE } from '../registry/rrtype.js'
import {
  HEADER_SIZE,
  MAX_MESSAGE_SIZE,
  OPTION_HEADER_SIZE,
  OPT_FIXED_SIZE,
  RECORD_FIXED_SIZE
} from '../registry/sizes.js'

/** OPTION-CODE. RFC 7873 §4. */
export const OPTION_COOKIE = 10

/** Position in an OPT record of the upper bits of RCODE. RFC 6891 §6.1.3. */
const EXTENDED_RCODE_OFFSET: Octets = 5

/**
 * Position of the OPT record in the message `octets[start, end)`, in any section; 0 if there is none
 * or the message is malformed before it.
 */
export function findOpt(octets: Uint8Array, start: Octets, end: Octets): Octets {
  let pos = findQuestionEnd(octets, start, end)
  if (pos === 0) return 0
  const records =
    getUint16(octets, start + 6) + getUint16(octets, start + 8) + getUint16(octets, start + 10)
  for (let i = 0; i < records; i++) {
    const owner = pos
    pos = findNameEnd(octets, owner, end)
    if (pos === 0 || pos + RECORD_FIXED_SIZE > end) return 0
    const next = pos + RECORD_FIXED_SIZE + getUint16(octets, pos + 8)
    if (next > end) return 0
    if (getUint16(octets, pos) === RRTYPE.OPT && octets[owner] === 0) return owner
    pos = next
  }
  return 0
}

/** Extended RCODE of the message `octets[start, end)`, at least a header long. RFC 6891 §6.1.3. */
export function extendedRcode(octets: Uint8Array, start: Octets, end: Octets): number {
  const opt = findOpt(octets, start, end)
  const upper = opt === 0 ? 0 : octets[opt + EXTENDED_RCODE_OFFSET]!
  return (upper << 4) | (octets[start + 3]! & 0x0f)
}

/** The end of the question, or of the header if QDCOUNT is 0; 0 if malformed. */
export function findQuestionEnd(octets: Uint8Array, start: Octets, end: Octets): Octets {
  if (end - start < HEADER_SIZE) return 0
  const questions = getUint16(octets, start + 4)
  if (questions === 0) return start + HEADER_SIZE
  const nameEnd = questions === 1 ? findNameEnd(octets, start + HEADER_SIZE, end) : 0
  return nameEnd === 0 || nameEnd + 4 > end ? 0 : nameEnd + 4
}

/** Position of the option with this code in the OPT at `opt` (see `findOpt`); 0: not found. */
export function findOption(octets: Uint8Array, opt: Octets, code: number): Octets {
  const end = findOptEnd(octets, opt)
  let pos = opt + OPT_FIXED_SIZE
  while (pos + OPTION_HEADER_SIZE <= end) {
    const next = pos + OPTION_HEADER_SIZE + getUint16(octets, pos + 2)
    if (next > end) return 0
    if (getUint16(octets, pos) === code) return pos
    pos = next
  }
  return 0
}

/** The end of the OPT at `opt`. */
function findOptEnd(octets: Uint8Array, opt: Octets): Octets {
  return opt + OPT_FIXED_SIZE + getUint16(octets, opt + OPT_FIXED_SIZE - 2)
}

/**
 * Appends an option of `size` zero octets to the message `octets[start, end)`, if that ends with an OPT
 * record and does not become too long. The buffer must have room for the option, unless the message
 * would become too long.
 *
 * @returns position of the option's data, or 0
 */
export function appendOption(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  code: number,
  size: Octets
): Octets {
  const opt = findOpt(octets, start, end)
  const data = end + OPTION_HEADER_SIZE
  if (opt === 0 || findOptEnd(octets, opt) !== end || data + size - start > MAX_MESSAGE_SIZE)
    return 0
  octets[end] = code >> 8
  octets[end + 1] = code & 0xff
  octets[end + 2] = size >> 8
  octets[end + 3] = size & 0xff
  octets.fill(0, data, data + size)
  const length = data + size - opt - OPT_FIXED_SIZE
  octets[opt + OPT_FIXED_SIZE - 2] = length >> 8
  octets[opt + OPT_FIXED_SIZE - 1] = length & 0xff
  return data
}
