import type { Octets } from '../../base/units.js'

/*
 * Writes fields without the dynamic table, so that blocks depend on nothing sent before: RFC 7541 §6. Each
 * function returns the position after what it wrote.
 */

/**
 * Sets the size of the dynamic table to 0: the first octet of the first block, since a receiver that allows less
 * than the default demands a change. RFC 7541 §4.2.
 */
export const EMPTY_TABLE = 0x20
/** Longest integer that is written: six octets. */
const SEVEN_BITS = 0x7f

/** A field that is in the static table with this value, by its index. RFC 7541 §6.1. */
export function appendIndexed(octets: Uint8Array, at: Octets, index: number): Octets {
  return appendInteger(octets, at, 0x80, 7, index)
}

/** A field whose name is in the static table at this index; without indexing. RFC 7541 §6.2.2. */
export function appendNamed(octets: Uint8Array, at: Octets, index: number, value: string): Octets {
  return appendString(octets, appendInteger(octets, at, 0, 4, index), value)
}

/** A field whose name is not in the static table; without indexing. RFC 7541 §6.2.2. */
export function appendLiteral(octets: Uint8Array, at: Octets, name: string, value: string): Octets {
  octets[at] = 0
  return appendString(octets, appendString(octets, at + 1, name), value)
}

/** RFC 7541 §5.2, without Huffman coding. Characters are octets, as in Latin-1. */
function appendString(octets: Uint8Array, at: Octets, text: string): Octets {
  let pos = appendInteger(octets, at, 0, 7, text.length)
  for (let i = 0; i < text.length; i++) octets[pos++] = text.charCodeAt(i)
  return pos
}

/** RFC 7541 §5.1. @param flags the bits in front of the prefix */
function appendInteger(
  octets: Uint8Array,
  at: Octets,
  flags: number,
  prefix: number,
  value: number
): Octets {
  const max = (1 << prefix) - 1
  if (value < max) {
    octets[at] = flags | value
    return at + 1
  }
  octets[at] = flags | max
  let pos = at + 1
  let rest = value - max
  for (; rest > SEVEN_BITS; rest >>>= 7) octets[pos++] = 0x80 | (rest & SEVEN_BITS)
  octets[pos++] = rest
  return pos
}
