import { failure } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { LOWER } from '../dns/name/hashed-name.js'
import { skipName } from '../dns/name/name.js'
import { checkRdata, decompressRdata } from '../dns/records/rdata.js'
import { RRTYPE, showRrtype } from '../dns/registry/rrtype.js'

/** Key Exchanger. RFC 2230. */
const KX = 36
const NAPTR_ORDER_AND_PREFERENCE: Octets = 4
const NAPTR_STRINGS = 3

/**
 * RDATA in canonical form: names decompressed and, for the types of RFC 4034 §6.2, in lower case. NSEC and RRSIG keep
 * the case of their names (RFC 6840 §5.1), HINFO has none; A6 and NXT are obsolete and left as they are.
 *
 * @throws InterdictError WIRE_RDATA and as `skipName`
 */
export function canonicalRdata(
  message: Uint8Array,
  type: number,
  at: Octets,
  end: Octets
): Uint8Array {
  checkRdata(message, type, at, end)
  const out: number[] = []
  decompressRdata(message, type, at, end, out)
  const rdata = new Uint8Array(out)
  const name = laterName(rdata, type)
  if (name === -1) return rdata
  if (skipName(rdata, name, 0) !== rdata.length) throw failure('WIRE_RDATA', showRrtype(type), at)
  for (let i = name; i < rdata.length; i++) rdata[i] = LOWER[rdata[i]!]!
  return rdata
}

/** Position of the last field, a name, in types whose names were never compressed; -1: none. */
function laterName(rdata: Uint8Array, type: number): Octets {
  if (type === KX) return 2
  if (type !== RRTYPE.NAPTR) return -1
  let pos = NAPTR_ORDER_AND_PREFERENCE
  for (let i = 0; i < NAPTR_STRINGS; i++) pos += 1 + (rdata[pos] ?? 0)
  return pos
}
