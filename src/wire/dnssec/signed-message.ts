import { failure } from '../../base/errors/error.js'
import { getUint16, getUint32 } from '../../base/bytes/octets.js'
import type { Octets } from '../../base/units.js'
import { NameBudget } from '../dns/name/name-budget.js'
import { decompressName } from '../dns/name/name.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE, RECORD_FIXED_SIZE } from '../dns/registry/sizes.js'
import { canonicalRdata } from './canonical-rdata.js'
import { groupRrsets, type Rrset, type SignedRecord } from './rrset.js'

/** The parts of a response that validation needs. */
export interface SignedMessage {
  readonly rcode: number
  readonly answer: readonly Rrset[]
  readonly authority: readonly Rrset[]
}

const isSignature = (type: number): boolean => type === RRTYPE.RRSIG

/**
 * Decodes a response to one question into RRsets of class IN, with all names in lower case.
 *
 * @throws InterdictError WIRE_SHORT, WIRE_RDATA, WIRE_LARGE and as `decompressName`
 */
export function decodeSignedMessage(message: Uint8Array): SignedMessage {
  if (message.length < HEADER_SIZE) throw failure('WIRE_SHORT', message.length)
  const budget = new NameBudget()
  budget.begin(message.length)
  let pos: Octets = HEADER_SIZE
  for (let left = getUint16(message, 4); left > 0; left--)
    pos = decompressName(message, pos, []) + QUESTION_FIXED_SIZE
  const sections = [6, 8].map(count => {
    const records: SignedRecord[] = []
    for (let left = getUint16(message, count); left > 0; left--)
      pos = decodeRecord(message, pos, records, budget)
    return groupRrsets(records, isSignature)
  })
  return { rcode: message[3]! & 0xf, answer: sections[0]!, authority: sections[1]! }
}

/** Appends the record at `start`, unless it has another class. Returns the position after it. */
function decodeRecord(
  message: Uint8Array,
  start: Octets,
  records: SignedRecord[],
  budget: NameBudget
): Octets {
  const name: number[] = []
  const at = decompressName(message, start, name)
  budget.spend(name.length >> 2)
  const data = at + RECORD_FIXED_SIZE
  const end = data + (data > message.length ? 0 : getUint16(message, at + 8))
  if (data > message.length || end > message.length) throw failure('WIRE_SHORT', message.length)
  if (getUint16(message, at + 2) !== RRCLASS.IN) return end
  const type = getUint16(message, at)
  const rdata = canonicalRdata(message, type, data, end)
  budget.spend(rdata.length >> 2)
  // A TTL with the most significant bit set counts as 0. RFC 2181 §8.
  const ttl = Math.max(0, getUint32(message, at + 4) | 0)
  records.push({ name: new Uint8Array(name), type, ttl, rdata })
  return end
}
