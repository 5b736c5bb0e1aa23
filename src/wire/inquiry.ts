import type { Octets } from '../base/units.js'
import { RRTYPE } from '../dns/rrtype.js'
import { MAX_COOKIE, type ClientCookie } from './client-cookie.js'
import { OPT_BARE } from './opt.js'
import { HEADER } from './query.js'
import { QUESTION_FIXED } from './question.js'
import { UDP_SIZE } from './reply-frame.js'

/** Most octets that an inquiry takes: header, longest name, QTYPE and QCLASS, OPT and cookie. */
export const MAX_INQUIRY: Octets = HEADER + 255 + QUESTION_FIXED + OPT_BARE + MAX_COOKIE

/**
 * Gives each letter of QNAME upper or lower case by chance, in place. A response that says the
 * question in the same case comes from somebody who saw it: one more bit a letter to guess for a
 * forger, beside ID and port. draft-vixie-dnsext-dns0x20 §2; names have no case by RFC 4343.
 *
 * @param random unforeseeable words of 32 bits
 */
export function mixCase(question: Uint8Array, random: { word(): number }): void {
  const end = question.length - QUESTION_FIXED
  let bits = 0
  let left = 0
  for (let i = 0; i < end; i++) {
    // The octets of lengths are no letters: they are at most 63.
    const upper = question[i]! & 0xdf
    if (upper < 0x41 || upper > 0x5a) continue
    if (left === 0) {
      bits = random.word()
      left = 32
    }
    question[i] = upper | ((bits & 1) << 5)
    bits >>>= 1
    left--
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
  const { length: asked } = question
  for (let i = 0; i < asked; i++) into[pos + i] = question[i]!
  pos += asked
  into[pos++] = 0
  pos = putWord(into, pos, RRTYPE.OPT)
  pos = putWord(into, pos, UDP_SIZE)
  pos = putWord(into, pos, 0)
  pos = putWord(into, pos, dnssecOk ? 0x8000 : 0)
  if (cookie === undefined) return putWord(into, pos, 0) - at
  const { option, length } = cookie
  pos = putWord(into, pos, length)
  for (let i = 0; i < length; i++) into[pos + i] = option[i]!
  return pos + length - at
}

/** Returns the position after the word. */
function putWord(into: Uint8Array, at: Octets, value: number): Octets {
  into[at] = value >> 8
  into[at + 1] = value
  return at + 2
}
