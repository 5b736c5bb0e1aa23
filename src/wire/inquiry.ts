import type { Octets } from '../base/units.js'
import { RRTYPE } from '../dns/rrtype.js'
import { HEADER } from './query.js'
import { UDP_SIZE } from './reply.js'

/** OPT without options. RFC 6891 §6.1.2. */
const OPT_BARE: Octets = 11

/** Most octets that an inquiry takes: header, longest name, QTYPE and QCLASS, OPT. */
export const MAX_INQUIRY: Octets = HEADER + 255 + 4 + OPT_BARE

/**
 * Writes our own query to an upstream into `into` from `at` on: RD set, since upstreams resolve
 * for us; AD set, which asks for an honest AD in the response (RFC 6840 §5.7); one OPT.
 *
 * @param qname wire form, root label included
 * @returns its length in octets, at most MAX_INQUIRY
 */
export function writeInquiry(
  into: Uint8Array,
  at: Octets,
  id: number,
  qname: Uint8Array,
  qtype: number,
  qclass: number,
  dnssecOk: boolean,
  checkingDisabled: boolean
): Octets {
  let pos = at
  pos = putWord(into, pos, id)
  pos = putWord(into, pos, 0x0120 | (checkingDisabled ? 0x10 : 0))
  pos = putWord(into, pos, 1)
  pos = putWord(into, pos, 0)
  pos = putWord(into, pos, 0)
  pos = putWord(into, pos, 1)
  into.set(qname, pos)
  pos += qname.length
  pos = putWord(into, pos, qtype)
  pos = putWord(into, pos, qclass)
  into[pos++] = 0
  pos = putWord(into, pos, RRTYPE.OPT)
  pos = putWord(into, pos, UDP_SIZE)
  pos = putWord(into, pos, 0)
  pos = putWord(into, pos, dnssecOk ? 0x8000 : 0)
  pos = putWord(into, pos, 0)
  return pos - at
}

/** Returns the position after the word. */
function putWord(into: Uint8Array, at: Octets, value: number): Octets {
  into[at] = value >> 8
  into[at + 1] = value
  return at + 2
}
