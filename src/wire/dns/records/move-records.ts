import { getUint16, setUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'
import { RDATA_NAMES } from './rdata.js'

/** Largest offset of a compression pointer: 14 bits. RFC 1035 §4.1.4. */
const MAX_POINTER: Octets = 0x3fff

/**
 * Where the records of an answer to a question are now, in another message. Offsets count from the
 * header.
 */
export interface MovedRecords {
  /** Length of the QNAME that they followed. */
  readonly qnameLength: Octets
  /** Offset of a copy of that QNAME. */
  readonly name: Octets
  /** Offset of the first record. */
  readonly records: Octets
}

/**
 * Corrects the compression pointers in records that were copied to another message. The records are
 * valid: `decodeResponse` has checked them.
 *
 * @param at position of the first record
 * @returns false if a pointer would exceed 14 bits, or points into the fields behind QNAME: the
 *   message cannot be used
 */
export function movePointers(
  octets: Uint8Array,
  at: Octets,
  end: Octets,
  moved: MovedRecords
): boolean {
  for (let pos = at; pos < end;) {
    pos = moveName(octets, pos, moved)
    if (pos === 0) return false
    const names = RDATA_NAMES[getUint16(octets, pos)]
    const data = pos + RECORD_FIXED_SIZE
    pos = data + getUint16(octets, pos + 8)
    if (names === undefined) continue
    let name = data + names[0]
    for (let i = 0; i < names[1]; i++) {
      name = moveName(octets, name, moved)
      if (name === 0) return false
    }
  }
  return true
}

/** Returns the position after the name at `at`; 0 if its pointer cannot be corrected. */
function moveName(octets: Uint8Array, at: Octets, moved: MovedRecords): Octets {
  for (let pos = at; ; pos += 1 + octets[pos]!) {
    const head = octets[pos]!
    if (head === 0) return pos + 1
    if (head < 0xc0) continue
    const to = moveOffset(((head & 0x3f) << 8) | octets[pos + 1]!, moved)
    if (to > MAX_POINTER) return 0
    setUint16(octets, pos, 0xc000 | to)
    return pos + 2
  }
}

function moveOffset(offset: Octets, { qnameLength, name, records }: MovedRecords): Octets {
  if (offset < HEADER_SIZE + qnameLength) return offset - HEADER_SIZE + name
  const before = HEADER_SIZE + qnameLength + QUESTION_FIXED_SIZE
  return offset < before ? Infinity : offset - before + records
}
