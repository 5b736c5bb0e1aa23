import { getUint16 } from '../../base/octets.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  HEADER_SIZE,
  MAX_MESSAGE_SIZE,
  OPTION_HEADER_SIZE,
  OPT_FIXED_SIZE
} from '../registry/sizes.js'
import { findOpt, findOption, findOptEnd } from './opt.js'

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
  const opt = findOpt(octets, start, end)
  if (
    opt === 0 ||
    findOptEnd(octets, opt) !== end ||
    end - start + KEEPALIVE_OPTION_SIZE > MAX_MESSAGE_SIZE
  )
    return end
  const timeout = Math.min(MAX_TIMEOUT, Math.floor(idle / UNIT))
  octets.set([0, OPTION_KEEPALIVE, 0, 2, timeout >> 8, timeout & 0xff], end)
  const length = end - opt - OPT_FIXED_SIZE + KEEPALIVE_OPTION_SIZE
  octets[opt + OPT_FIXED_SIZE - 2] = length >> 8
  octets[opt + OPT_FIXED_SIZE - 1] = length & 0xff
  return end + KEEPALIVE_OPTION_SIZE
}
