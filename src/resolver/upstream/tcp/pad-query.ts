import { setUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { OPTION_HEADER_SIZE } from '../../../wire/dns/registry/sizes.js'

/** OPTION-CODE of padding. RFC 7830 §3. */
const OPTION_PADDING = 12
/** Encrypted queries are padded to a multiple of this. RFC 8467 §4.1. */
export const PADDED_BLOCK: Octets = 128

/**
 * Pads the query in `octets[at, at + length)`, whose last record is an OPT without options. RFC 7830 §3.
 *
 * @returns its new length
 */
export function padQuery(octets: Uint8Array, at: Octets, length: Octets): Octets {
  const bare = length + OPTION_HEADER_SIZE
  const padded = Math.ceil(bare / PADDED_BLOCK) * PADDED_BLOCK
  const option = at + length
  setUint16(octets, option - 2, OPTION_HEADER_SIZE + padded - bare)
  setUint16(octets, option, OPTION_PADDING)
  setUint16(octets, option + 2, padded - bare)
  // There may be an earlier query.
  octets.fill(0, option + OPTION_HEADER_SIZE, at + padded)
  return padded
}
