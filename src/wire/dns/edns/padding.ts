import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE, OPTION_HEADER_SIZE } from '../registry/sizes.js'
import { appendOption, findOpt, findOption } from './opt.js'

/** Padding. RFC 7830 §3. */
const OPTION_PADDING = 12
/** Responses are padded to a multiple of this. RFC 8467 §4.1. */
const BLOCK: Octets = 468

/** Whether the query has a Padding option, so that its response must be padded. RFC 7830 §4. */
export function hasPaddingOption(octets: Uint8Array, start: Octets, end: Octets): boolean {
  // No additional records, no OPT.
  if (end - start < HEADER_SIZE || getUint16(octets, start + 10) === 0) return false
  const opt = findOpt(octets, start, end)
  return opt !== 0 && findOption(octets, opt, OPTION_PADDING) !== 0
}

/** Size of the message once it is padded; its own size if it is too long for that. */
export function paddedSize(size: Octets): Octets {
  const least = size + OPTION_HEADER_SIZE
  if (least > MAX_MESSAGE_SIZE) return size
  return Math.min(Math.ceil(least / BLOCK) * BLOCK, MAX_MESSAGE_SIZE)
}

/**
 * Pads the response `octets[start, end)`, if it ends with an OPT record, to a whole number of blocks. Only
 * over an encrypted transport, and as the last option. RFC 7830 §3, §6. The buffer must have room for
 * `paddedSize` octets from `start`.
 *
 * @returns the new end
 */
export function appendPadding(octets: Uint8Array, start: Octets, end: Octets): Octets {
  const size = end - start
  const added = paddedSize(size) - size - OPTION_HEADER_SIZE
  if (added < 0) return end
  const data = appendOption(octets, start, end, OPTION_PADDING, added)
  return data === 0 ? end : data + added
}
