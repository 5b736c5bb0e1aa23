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
/** TIMEOUT counts in these. RFC 7828 §3.1. */
const UNIT: Milliseconds = 100
const MAX_TIMEOUT = 0xffff
/** Octets that the option adds to a reply. */
export const KEEPALIVE_OPTION_SIZE: Octets = OPTION_HEADER_SIZE + 2

/** Whether the query asks how long it may keep its connection. RFC 7828 §3.2.1. */
export function hasKeepaliveOption(octets: Uint8Array, start: Octets, end: Octets): boolean {
  // Without a record behind the question there is no OPT to look for.
  if (end - start < HEADER_SIZE || getUint16(octets, start + 10) === 0) return false
  const opt = findOpt(octets, start, end)
  return opt !== 0 && findOption(octets, opt, OPTION_KEEPALIVE) !== 0
}

/**
 * Adds to the reply `octets[start, end)`, if it ends with an OPT record, for how long its
 * connection may be idle. Only for replies over TCP: RFC 7828 §3.3.1. The buffer has `KEEPALIVE`
 * octets of room behind `end`, or the reply is as long as a message can be.
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
