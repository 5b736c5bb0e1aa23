import { copyOctets, putFour, fourAt } from '../../base/octets.js'
import type { Octets } from '../../base/units.js'
import { MAX_COOKIE, type ClientCookie } from '../edns/client-cookie.js'
import { OPT_BARE } from '../edns/opt.js'
import { letters } from '../name/hashed-name.js'
import { RRTYPE } from '../registry/rrtype.js'
import { UDP_SIZE } from '../reply/reply-frame.js'
import { HEADER } from './query.js'
import { QUESTION_FIXED } from './question.js'

/** Most octets that an inquiry takes: header, longest name, QTYPE and QCLASS, OPT and cookie. */
export const MAX_INQUIRY: Octets = HEADER + 255 + QUESTION_FIXED + OPT_BARE + MAX_COOKIE

/**
 * Gives each letter of QNAME upper or lower case by chance, in place, by a bit of its own. A response
 * that says the question in the same case comes from somebody who saw it: one more bit a letter to
 * guess for a forger, beside ID and port. draft-vixie-dnsext-dns0x20 §2; names have no case by RFC 4343.
 *
 * @param random unforeseeable words of 32 bits
 */
export function mixCase(question: Uint8Array, random: { word(): number }): void {
  const end = question.length - QUESTION_FIXED
  let bits = 0
  // Four octets at a time; behind the last ones there is QTYPE, which is not to be touched.
  for (let at = 0; at < end; at = (at + 4) | 0) {
    // One bit in each octet makes a letter's case: turned by one, it is another one eight times.
    bits = (at & 31) === 0 ? random.word() : (bits << 1) | (bits >>> 31)
    const word = fourAt(question, at)
    // The octets of lengths are no letters: they are at most 63.
    const mask = end - at < 4 ? letters(word) & ((1 << (8 * (end - at))) - 1) : letters(word)
    putFour(question, at, (word & ~mask) | (bits & mask))
  }
}

/**
 * Writes our own query to an upstream into `into` from `at` on: RD set, since upstreams resolve
 * for us; AD set, which asks for an honest AD in the response (RFC 6840 §5.7); one OPT.
 *
 * @param cookie the only option that there may be; those of clients are for us
 * @returns its length in octets, at most MAX_INQUIRY
 */
export function writeInquiry(
  into: Uint8Array,
  at: Octets,
  id: number,
  question: Uint8Array,
  dnssecOk: boolean,
  checkingDisabled: boolean,
  cookie?: ClientCookie
): Octets {
  let pos = at
  pos = putWord(into, pos, id)
  pos = putWord(into, pos, 0x0120 | (checkingDisabled ? 0x10 : 0))
  pos = putWord(into, pos, 1)
  pos = putWord(into, pos, 0)
  pos = putWord(into, pos, 0)
  pos = putWord(into, pos, 1)
  pos = copyOctets(question, 0, question.length, into, pos)
  into[pos++] = 0
  pos = putWord(into, pos, RRTYPE.OPT)
  pos = putWord(into, pos, UDP_SIZE)
  pos = putWord(into, pos, 0)
  pos = putWord(into, pos, dnssecOk ? 0x8000 : 0)
  if (cookie === undefined) return putWord(into, pos, 0) - at
  const { option, length } = cookie
  pos = putWord(into, pos, length)
  return copyOctets(option, 0, length, into, pos) - at
}

/** Returns the position after the word. */
function putWord(into: Uint8Array, at: Octets, value: number): Octets {
  into[at] = value >> 8
  into[at + 1] = value
  return at + 2
}
