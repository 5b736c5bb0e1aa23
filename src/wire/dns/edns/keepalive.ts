import { getUint16 } from '../../../base/bytes/octets.js'
import type { Milliseconds, Octets } from '../../../base/units.js'
import { HEADER_SIZE, OPTION_HEADER_SIZE } from '../registry/sizes.js'
import { appendOption, findOpt, findOption } from './opt.js'

/** edns-tcp-keepalive. RFC 7828 §3.1. */
const OPTION_KEEPALIVE = 11
/** Unit of TIMEOUT. RFC 7828 §3.1. */
const UNIT: Milliseconds = 100
const MAX_TIMEOUT = 0xffff
/** Size of the option in a reply. */
export const KEEPALIVE_OPTION_SIZE: Octets = OPTION_HEADER_SIZE + 2

/** Whether the query has an edns-tcp-keepalive option. RFC 7828 §3.2.1. */
export function hasKeepaliveOption(octets: Uint8Array, start: Octets, end: Octets): boolean {
  // No additional records, no OPT.
  if (end - start < HEADER_SIZE || getUint16(octets, start + 10) === 0) return false
  const opt = findOpt(octets, start, end)
  return opt !== 0 && findOption(octets, opt, OPTION_KEEPALIVE) !== 0
}

/**
 * Appends the idle timeout of the connection to the reply `octets[start, end)`, if it ends with an
 * OPT record. Only for replies over TCP: RFC 7828 §3.3.1. The buffer must have room for
 * KEEPALIVE_OPTION_SIZE octets after `end`, unless the reply already has the maximum message size.
 *
 * @returns the new end
 */
export function appendKeepalive(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  idle: Milliseconds
): Octets {
  const data = appendOption(octets, start, end, OPTION_KEEPALIVE, 2)
  if (data === 0) return end
  const timeout = Math.min(MAX_TIMEOUT, Math.floor(idle / UNIT))
  octets[data] = timeout >> 8
  octets[data + 1] = timeout & 0xff
  return data + 2
}
