import { failure } from '../base/error.js'
import type { Octets, Seconds } from '../base/units.js'
import { HEADER, passName } from '../dns/message/query.js'
import { QUESTION_FIXED } from '../dns/message/question.js'
import { expandName } from '../dns/name/name.js'
import { checkRdata, word32 } from '../dns/rdata/rdata.js'
import { OPCODE } from '../dns/registry/opcode.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { putLong, putWord } from '../dns/reply/reply-frame.js'

/*
 * The messages between a secondary and its primaries: questions for a zone's SOA and for the zone,
 * and their answers. RFC 1035 §3.3.13, RFC 1995, RFC 5936.
 */

/** TYPE, CLASS, TTL and RDLENGTH. RFC 1035 §4.1.3. */
const RECORD_FIXED: Octets = 10
/** An SOA without names: a pointer to QNAME, and RDATA of two roots and five numbers. */
const BARE_SOA: Octets = 2 + RECORD_FIXED + 22

/** What a zone says of itself. RFC 1035 §3.3.13. */
export interface Soa {
  readonly serial: number
  /** Between two looks whether there is a newer one. */
  readonly refresh: Seconds
  /** The same after a look that failed. */
  readonly retry: Seconds
  /** So long without a primary, a zone is to be given up. */
  readonly expire: Seconds
  readonly minimum: Seconds
}

/**
 * A question about a zone.
 *
 * @param zone lower-cased wire form
 * @param have for IXFR: the serial of the state that is there. RFC 1995 §3
 */
export function encodeZoneQuery(
  id: number,
  zone: Uint8Array,
  qtype: number,
  have?: number
): Uint8Array {
  const end = HEADER + zone.length + QUESTION_FIXED
  const octets = new Uint8Array(have === undefined ? end : end + BARE_SOA)
  putWord(octets, 0, id)
  octets[5] = 1
  octets.set(zone, HEADER)
  putWord(octets, end - 4, qtype)
  putWord(octets, end - 2, RRCLASS.IN)
  if (have !== undefined) {
    octets[9] = 1
    putWord(octets, end, 0xc000 | HEADER)
    putWord(octets, end + 2, RRTYPE.SOA)
    putWord(octets, end + 4, RRCLASS.IN)
    putWord(octets, end + 10, 22)
    putLong(octets, end + 14, have)
  }
  return octets
}

/** A record in a message. */
export interface ZoneRecord {
  readonly owner: Octets
  /** Where TYPE stands. */
  readonly fixed: Octets
  readonly type: number
  /** Of RDATA. */
  readonly end: Octets
}

/** A message of an answer about a zone, from its head to its records. */
export class ZoneAnswer {
  private readonly start: Octets
  readonly rcode: number
  /** How many records ANSWER has. */
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
    if (message.length < HEADER) throw failure('WIRE_SHORT', message.length)
    const opcode = (message[2]! >> 3) & 0x0f
    const isAnswer = (message[2]! & 0x80) !== 0 && opcode === OPCODE.QUERY
    if (!isAnswer || word(message, 0) !== id) throw failure('WIRE_QUESTION', 0)
    this.rcode = message[3]! & 0x0f
    this.count = word(message, 6)
    // Messages after the first need not repeat the question. RFC 5936 §2.2.1.
    const questions = word(message, 4)
    this.start = questions === 0 ? HEADER : this.passQuestion(qtype)
    if (questions > 1) throw failure('WIRE_QUESTION', HEADER)
  }

  /** Calls for each record of ANSWER. @throws InterdictError WIRE_SHORT, WIRE_CLASS */
  each(take: (record: ZoneRecord) => void): void {
    const { message } = this
    let pos = this.start
    for (let left = this.count; left > 0; left--) {
      const owner = pos
      const fixed = passName(message, owner, message.length)
      if (fixed === 0 || fixed + RECORD_FIXED > message.length) {
        throw failure('WIRE_SHORT', message.length)
      }
      const end = fixed + RECORD_FIXED + word(message, fixed + 8)
      if (end > message.length) throw failure('WIRE_SHORT', message.length)
      if (word(message, fixed + 2) !== RRCLASS.IN) throw failure('WIRE_CLASS', owner)
      take({ owner, fixed, type: word(message, fixed), end })
      pos = end
    }
  }

  private passQuestion(qtype: number): Octets {
    const { message, zone } = this
    const name: number[] = []
    const end = expandName(message, HEADER, name)
    const isSame = name.length === zone.length && name.every((octet, i) => octet === zone[i])
    if (!isSame || word(message, end) !== qtype || word(message, end + 2) !== RRCLASS.IN) {
      throw failure('WIRE_QUESTION', HEADER)
    }
    return end + QUESTION_FIXED
  }
}

/** Reads the numbers of an SOA. @throws InterdictError WIRE_RDATA */
export function readSoa(message: Uint8Array, { fixed, end }: ZoneRecord): Soa {
  checkRdata(message, RRTYPE.SOA, fixed + RECORD_FIXED, end)
  const [serial, refresh, retry, expire, minimum] = [20, 16, 12, 8, 4].map(back =>
    word32(message, end - back)
  ) as [number, number, number, number, number]
  return { serial, refresh, retry, expire, minimum }
}

/** How an owner stands to a zone: how many labels it has more; -1: it is not in it. */
export function depthIn(message: Uint8Array, owner: Octets, zone: Uint8Array): number {
  const name: number[] = []
  expandName(message, owner, name)
  const start = name.length - zone.length
  let labels = 0
  let at = 0
  for (; at < start; at += 1 + name[at]!) labels++
  if (at !== start) return -1
  for (let i = 0; i < zone.length; i++) if (name[start + i] !== zone[i]) return -1
  return labels
}

function word(octets: Uint8Array, at: Octets): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)
}
