import type { Octets } from '../../../base/units.js'
import { RRTYPE } from '../registry/rrtype.js'

/** Addresses of one reply that are looked at. */
export const MAX_REPLY_ADDRESSES = 64

const HEADER: Octets = 12
const QUESTION_END: Octets = 4
const RECORD_HEADER: Octets = 10
const SVC_HEADER: Octets = 4
const IPV4_HINT = 4
const IPV6_HINT = 6

/**
 * Finds the addresses that a reply of the gateway leads to: A, AAAA, and hints of SVCB and HTTPS. It allocates nothing.
 *
 * @param words receives four 32-bit words for each, IPv4 as mapped addresses
 * @returns the number of addresses
 */
export function findReplyAddresses(
  octets: Uint8Array,
  at: Octets,
  length: Octets,
  words: Uint32Array
): number {
  const end = at + length
  const answers = length < HEADER ? 0 : (octets[at + 6]! << 8) | octets[at + 7]!
  if (answers === 0) return 0
  let pos = skip(octets, at + HEADER, end) + QUESTION_END
  let found = 0
  for (let i = 0; i < answers; i++) {
    const record = skip(octets, pos, end)
    const data = record + RECORD_HEADER
    if (data > end) break
    const type = (octets[record]! << 8) | octets[record + 1]!
    pos = data + ((octets[record + 8]! << 8) | octets[record + 9]!)
    if (pos > end) break
    if (type === RRTYPE.A) found = add(octets, data, pos, 4, words, found)
    else if (type === RRTYPE.AAAA) found = add(octets, data, pos, 16, words, found)
    else if (type === RRTYPE.HTTPS || type === RRTYPE.SVCB)
      found = addHints(octets, data, pos, words, found)
  }
  return found
}

/** The end of a name; a pointer ends it. */
function skip(octets: Uint8Array, at: Octets, end: Octets): Octets {
  let pos = at
  while (pos < end) {
    const head = octets[pos]!
    if (head >= 0xc0) return pos + 2
    pos += 1 + head
    if (head === 0) return pos
  }
  return pos
}

/** RFC 9460 §2.2. */
function addHints(
  octets: Uint8Array,
  at: Octets,
  end: Octets,
  words: Uint32Array,
  before: number
): number {
  let found = before
  let pos = skip(octets, at + 2, end)
  while (pos + SVC_HEADER <= end) {
    const key = (octets[pos]! << 8) | octets[pos + 1]!
    const value = pos + SVC_HEADER
    pos = value + ((octets[pos + 2]! << 8) | octets[pos + 3]!)
    if (pos > end) break
    if (key === IPV4_HINT) found = add(octets, value, pos, 4, words, found)
    else if (key === IPV6_HINT) found = add(octets, value, pos, 16, words, found)
  }
  return found
}

/** Adds addresses of `size` octets each. */
function add(
  octets: Uint8Array,
  at: Octets,
  end: Octets,
  size: Octets,
  words: Uint32Array,
  before: number
): number {
  let found = before
  for (let pos = at; pos + size <= end && found < MAX_REPLY_ADDRESSES; pos += size) {
    let word = 4 * found++
    if (size === 4) {
      words[word++] = 0
      words[word++] = 0
      words[word++] = 0xffff
    }
    for (let part = pos; part < pos + size; part += 4)
      words[word++] =
        (octets[part]! << 24) |
        (octets[part + 1]! << 16) |
        (octets[part + 2]! << 8) |
        octets[part + 3]!
  }
  return found
}
