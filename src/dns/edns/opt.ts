import type { Octets } from '../../base/units.js'
import { HEADER, passName } from '../message/query.js'
import { RRTYPE } from '../registry/rrtype.js'

/** TYPE, CLASS, TTL and RDLENGTH between a record's owner and its data. RFC 1035 §4.1.3. */
const RECORD_FIXED: Octets = 10
/** Root owner and the fixed fields: OPT without its options. RFC 6891 §6.1.2. */
export const OPT_BARE: Octets = 1 + RECORD_FIXED
/** Where in it the upper bits of RCODE are. RFC 6891 §6.1.3. */
const UPPER_RCODE: Octets = 5
/** OPTION-CODE and OPTION-LENGTH. RFC 6891 §6.1.2. */
export const OPTION_HEAD: Octets = 4

/**
 * Where the OPT record of the message `octets[start, end)` begins, whichever section it is in; 0
 * if it has none, or is broken before one.
 */
export function findOpt(octets: Uint8Array, start: Octets, end: Octets): Octets {
  let pos = questionEnd(octets, start, end)
  if (pos === 0) return 0
  const records = word(octets, start + 6) + word(octets, start + 8) + word(octets, start + 10)
  for (let i = 0; i < records; i++) {
    const owner = pos
    pos = passName(octets, owner, end)
    if (pos === 0 || pos + RECORD_FIXED > end) return 0
    const next = pos + RECORD_FIXED + word(octets, pos + 8)
    if (next > end) return 0
    if (word(octets, pos) === RRTYPE.OPT && octets[owner] === 0) return owner
    pos = next
  }
  return 0
}

/** RCODE of the message `octets[start, end)`, which has a whole header. RFC 6891 §6.1.3. */
export function extendedRcode(octets: Uint8Array, start: Octets, end: Octets): number {
  const opt = findOpt(octets, start, end)
  const upper = opt === 0 ? 0 : octets[opt + UPPER_RCODE]!
  return (upper << 4) | (octets[start + 3]! & 0x0f)
}

/** The end of the one question, or of the header where QDCOUNT is 0; 0 if it is broken. */
export function questionEnd(octets: Uint8Array, start: Octets, end: Octets): Octets {
  if (end - start < HEADER) return 0
  const questions = word(octets, start + 4)
  if (questions === 0) return start + HEADER
  const nameEnd = questions === 1 ? passName(octets, start + HEADER, end) : 0
  return nameEnd === 0 || nameEnd + 4 > end ? 0 : nameEnd + 4
}

/** Where the option of this code begins in the OPT at `opt`, which `findOpt` found; 0: nowhere. */
export function findOption(octets: Uint8Array, opt: Octets, code: number): Octets {
  const end = optEnd(octets, opt)
  let pos = opt + OPT_BARE
  while (pos + OPTION_HEAD <= end) {
    const next = pos + OPTION_HEAD + word(octets, pos + 2)
    if (next > end) return 0
    if (word(octets, pos) === code) return pos
    pos = next
  }
  return 0
}

/** After the last option of the OPT at `opt`. */
export function optEnd(octets: Uint8Array, opt: Octets): Octets {
  return opt + OPT_BARE + word(octets, opt + OPT_BARE - 2)
}

/** 16 bits, most significant first. */
export function word(octets: Uint8Array, at: Octets): number {
  return (octets[at]! << 8) | octets[at + 1]!
}
