import { copyOctets, setUint16, getInt32Le, setInt32Le } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { MAX_COOKIE_OPTION_SIZE, type ClientCookie } from '../edns/client-cookie.js'
import { letterMask } from '../name/hashed-name.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, OPT_FIXED_SIZE, QUESTION_FIXED_SIZE, UDP_PAYLOAD } from '../registry/sizes.js'

/** Largest query to an upstream: header, longest name, QTYPE and QCLASS, OPT and cookie. */
export const MAX_UPSTREAM_QUERY_SIZE: Octets =
  HEADER_SIZE + 255 + QUESTION_FIXED_SIZE + OPT_FIXED_SIZE + MAX_COOKIE_OPTION_SIZE

/**
 * Randomizes the case of each letter of QNAME in place ("0x20"). A response with the same case comes
 * from a server that saw the query: a forger has to guess one more bit per letter, in addition to ID
 * and port. draft-vixie-dnsext-dns0x20 §2; names are case-insensitive by RFC 4343.
 *
 * @param random unpredictable 32-bit words
 */
export function randomizeCase(question: Uint8Array, random: { word(): number }): void {
  const end = question.length - QUESTION_FIXED_SIZE
  let bits = 0
  // Four octets at a time; QTYPE follows the name and must stay unchanged.
  for (let at = 0; at < end; at = (at + 4) | 0) {
    // The mask uses one bit of each octet; rotating by one gives eight different words per draw.
    bits = (at & 31) === 0 ? random.word() : (bits << 1) | (bits >>> 31)
    const word = getInt32Le(question, at)
    // Length octets are at most 63, so none is a letter.
    const mask = end - at < 4 ? letterMask(word) & ((1 << (8 * (end - at))) - 1) : letterMask(word)
    setInt32Le(question, at, (word & ~mask) | (bits & mask))
  }
}

/**
 * Encodes a query to an upstream into `into` from `at` on: RD set, because upstreams resolve
 * recursively; AD set, to get AD in the response (RFC 6840 §5.7); one OPT, or none without EDNS, and
 * then neither DO nor a cookie.
 *
 * @param cookie the only option sent; options of clients are not forwarded
 * @returns its length in octets, at most MAX_UPSTREAM_QUERY_SIZE
 */
export function encodeUpstreamQuery(
  into: Uint8Array,
  at: Octets,
  id: number,
  question: Uint8Array,
  dnssecOk: boolean,
  checkingDisabled: boolean,
  cookie?: ClientCookie,
  edns = true
): Octets {
  setUint16(into, at, id)
  setUint16(into, at + 2, 0x0120 | (checkingDisabled ? 0x10 : 0))
  setUint16(into, at + 4, 1)
  setUint16(into, at + 6, 0)
  setUint16(into, at + 8, 0)
  setUint16(into, at + 10, edns ? 1 : 0)
  const opt = copyOctets(question, 0, question.length, into, at + HEADER_SIZE)
  if (!edns) return opt - at
  into[opt] = 0
  setUint16(into, opt + 1, RRTYPE.OPT)
  setUint16(into, opt + 3, UDP_PAYLOAD)
  setUint16(into, opt + 5, 0)
  setUint16(into, opt + 7, dnssecOk ? 0x8000 : 0)
  const options = opt + OPT_FIXED_SIZE
  const optionsLength = cookie === undefined ? 0 : cookie.length
  setUint16(into, opt + 9, optionsLength)
  if (cookie === undefined) return options - at
  return copyOctets(cookie.option, 0, optionsLength, into, options) - at
}
