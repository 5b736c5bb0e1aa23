import { failure } from '../../../base/errors/error.js'
import { getUint16, getUint32, setUint16, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { findNameEnd } from '../name/compressed-name.js'
import { decompressName } from '../name/name.js'
import { checkRdata } from '../records/rdata.js'
import { OPCODE } from '../registry/opcode.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'

/*
 * Messages between a secondary and its primaries: queries for the SOA and the content of a zone, and
 * their responses. RFC 1035 §3.3.13, RFC 1995 (IXFR), RFC 5936 (AXFR).
 */

/** An SOA record with minimal names: a pointer to QNAME, and RDATA of two roots and five numbers. */
const MINIMAL_SOA_SIZE: Octets = 2 + RECORD_FIXED_SIZE + 22

/** The numbers of an SOA record. RFC 1035 §3.3.13. */
export interface Soa {
  readonly serial: number
  /** Interval between checks for a newer serial. */
  readonly refresh: Seconds
  /** Interval after a failed check. */
  readonly retry: Seconds
  /** The zone expires after this long without contact to a primary. */
  readonly expire: Seconds
  readonly minimum: Seconds
}

/**
 * Encodes a query for a zone: SOA, AXFR or IXFR.
 *
 * @param zone lower-cased wire form
 * @param have for IXFR: the serial of the current copy. RFC 1995 §3
 */
export function encodeZoneQuery(
  id: number,
  zone: Uint8Array,
  qtype: number,
  have?: number
): Uint8Array {
  const end = HEADER_SIZE + zone.length + QUESTION_FIXED_SIZE
  const octets = new Uint8Array(have === undefined ? end : end + MINIMAL_SOA_SIZE)
  setUint16(octets, 0, id)
  octets[5] = 1
  octets.set(zone, HEADER_SIZE)
  setUint16(octets, end - 4, qtype)
  setUint16(octets, end - 2, RRCLASS.IN)
  if (have !== undefined) {
    octets[9] = 1
    setUint16(octets, end, 0xc000 | HEADER_SIZE)
    setUint16(octets, end + 2, RRTYPE.SOA)
    setUint16(octets, end + 4, RRCLASS.IN)
    setUint16(octets, end + 10, 22)
    setUint32(octets, end + 14, have)
  }
  return octets
}

/** Positions of a record in a message. */
export interface ZoneRecord {
  readonly owner: Octets
  /** Position of TYPE, after the owner name. */
  readonly fixed: Octets
  readonly type: number
  /** End of RDATA. */
  readonly end: Octets
}

/** One message of a response from a primary. */
export class ZoneResponse {
  private readonly start: Octets
  readonly rcode: number
  /** Number of records in ANSWER. */
  readonly count: number

  /**
   * @param zone lower-cased wire form
   * @throws InterdictError WIRE_SHORT, WIRE_QUESTION
   */
  constructor(
    private readonly message: Uint8Array,
    private readonly zone: Uint8Array,
    id: number,
    qtype: number
  ) {
    if (message.length < HEADER_SIZE) throw failure('WIRE_SHORT', message.length)
    const opcode = (message[2]! >> 3) & 0x0f
    const isAnswer = (message[2]! & 0x80) !== 0 && opcode === OPCODE.QUERY
    if (!isAnswer || getUint16(message, 0) !== id) throw failure('WIRE_QUESTION', 0)
    this.rcode = message[3]! & 0x0f
    this.count = getUint16(message, 6)
    // Messages after the first need not repeat the question. RFC 5936 §2.2.1.
    const questions = getUint16(message, 4)
    this.start = questions === 0 ? HEADER_SIZE : this.passQuestion(qtype)
    if (questions > 1) throw failure('WIRE_QUESTION', HEADER_SIZE)
  }

  /** Calls `take` for each record of ANSWER. @throws InterdictError WIRE_SHORT, WIRE_CLASS */
  each(take: (record: ZoneRecord) => void): void {
    const { message } = this
    let pos = this.start
    for (let left = this.count; left > 0; left--) {
      const owner = pos
      const fixed = findNameEnd(message, owner, message.length)
      if (fixed === 0 || fixed + RECORD_FIXED_SIZE > message.length) {
        throw failure('WIRE_SHORT', message.length)
      }
      const end = fixed + RECORD_FIXED_SIZE + getUint16(message, fixed + 8)
      if (end > message.length) throw failure('WIRE_SHORT', message.length)
      if (getUint16(message, fixed + 2) !== RRCLASS.IN) throw failure('WIRE_CLASS', owner)
      take({ owner, fixed, type: getUint16(message, fixed), end })
      pos = end
    }
  }

  private passQuestion(qtype: number): Octets {
    const { message, zone } = this
    const name: number[] = []
    const end = decompressName(message, HEADER_SIZE, name)
    const isSame = name.length === zone.length && name.every((octet, i) => octet === zone[i])
    if (
      !isSame ||
      getUint16(message, end) !== qtype ||
      getUint16(message, end + 2) !== RRCLASS.IN
    ) {
      throw failure('WIRE_QUESTION', HEADER_SIZE)
    }
    return end + QUESTION_FIXED_SIZE
  }
}

/** Decodes the numbers of an SOA record. @throws InterdictError WIRE_RDATA */
export function decodeSoa(message: Uint8Array, { fixed, end }: ZoneRecord): Soa {
  checkRdata(message, RRTYPE.SOA, fixed + RECORD_FIXED_SIZE, end)
  const [serial, refresh, retry, expire, minimum] = [20, 16, 12, 8, 4].map(back =>
    getUint32(message, end - back)
  ) as [number, number, number, number, number]
  return { serial, refresh, retry, expire, minimum }
}

/** How many labels an owner has below the zone's name; -1: it is not in the zone. */
export function labelsBelowZone(message: Uint8Array, owner: Octets, zone: Uint8Array): number {
  const name: number[] = []
  decompressName(message, owner, name)
  const start = name.length - zone.length
  let labels = 0
  let at = 0
  for (; at < start; at += 1 + name[at]!) labels++
  if (at !== start) return -1
  for (let i = 0; i < zone.length; i++) if (name[start + i] !== zone[i]) return -1
  return labels
}
