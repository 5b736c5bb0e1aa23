import { failure } from '../../../base/errors/error.js'
import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import type { NameBudget } from '../name/name-budget.js'
import { nameKeyAt, type NameKey } from '../name/name-key.js'
import { decompressRdata } from '../records/rdata.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'

/** Largest offset of a compression pointer: 14 bits. RFC 1035 §4.1.4. */
const MAX_POINTER: Octets = 0x3fff

/** A record of a message. */
export interface MessageRecord {
  readonly section: number
  readonly owner: NameKey
  readonly type: number
  readonly inClass: boolean
  /** Positions after the owner name, of RDATA, and after the record. */
  readonly at: Octets
  readonly data: Octets
  readonly end: Octets
}

/** The records of ANSWER and AUTHORITY. */
export function findRecords(
  message: Uint8Array,
  question: Uint8Array,
  budget: NameBudget
): MessageRecord[] {
  const records: MessageRecord[] = []
  const qname = nameKeyAt(message, HEADER_SIZE).key
  let pos = HEADER_SIZE + question.length
  const qclass = getUint16(message, pos - 2)
  for (let section = 0; section < 2; section++) {
    for (let left = getUint16(message, 6 + 2 * section); left > 0; left--) {
      const isQname = message[pos] === 0xc0 && message[pos + 1] === HEADER_SIZE
      const { key: owner, end: at } = isQname
        ? { key: qname, end: pos + 2 }
        : nameKeyAt(message, pos)
      budget.spend(isQname ? 1 : owner.length >> 2)
      const data = at + RECORD_FIXED_SIZE
      const end = data + getUint16(message, at + 8)
      const type = getUint16(message, at)
      const inClass = qclass === RRCLASS.ANY || getUint16(message, at + 2) === qclass
      records.push({ section, owner, type, inClass, at, data, end })
      pos = end
    }
  }
  return records
}

/**
 * Builds a message of records of other messages. Names in RDATA are written without compression and in lower case; an
 * owner is a pointer to the question, to an earlier owner or to the target of a CNAME, if it is the same.
 */
export class RecordWriter {
  private readonly out: number[]
  private readonly counts = [0, 0, 0]
  private readonly names = new Map<NameKey, Octets>()

  /** @param head header and question; the counts of records are set by `finish` */
  constructor(head: Uint8Array) {
    this.out = [...head]
    // So the owner gets the case of the client's query.
    this.names.set(nameKeyAt(head, HEADER_SIZE).key, HEADER_SIZE)
  }

  /** @throws InterdictError WIRE_LARGE and as `decompressName` */
  add(message: Uint8Array, { section, owner, type, at, data, end }: MessageRecord): void {
    const { out, counts } = this
    counts[section]!++
    this.addOwner(owner)
    for (let i = at; i < data - 2; i++) out.push(message[i]!)
    const length = out.length
    out.push(0, 0)
    decompressRdata(message, type, data, end, out)
    if (type === RRTYPE.CNAME) this.remember(nameKeyAt(message, data).key, length + 2)
    const octets = out.length - length - 2
    out[length] = octets >> 8
    out[length + 1] = octets & 0xff
    if (out.length > MAX_MESSAGE_SIZE) throw failure('WIRE_LARGE')
  }

  /** Adds an OPT record. RFC 6891 §6.1.2. @param rcode the extended RCODE @param options encoded */
  addOpt(rcode: number, options: Uint8Array): void {
    const { out, counts } = this
    counts[2]!++
    const size = options.length
    out.push(0, 0, RRTYPE.OPT, 0, 0, rcode >> 4, 0, 0, 0, size >> 8, size & 0xff, ...options)
  }

  finish(): Uint8Array {
    const message = Uint8Array.from(this.out)
    this.counts.forEach((count, section) => {
      message[6 + 2 * section] = count >> 8
      message[7 + 2 * section] = count & 0xff
    })
    return message
  }

  private addOwner(owner: NameKey): void {
    const { out } = this
    const pointer = this.names.get(owner)
    if (pointer === undefined) {
      this.remember(owner, out.length)
      for (let i = 0; i < owner.length; i++) out.push(owner.charCodeAt(i))
    } else out.push(0xc0 | (pointer >> 8), pointer & 0xff)
  }

  private remember(name: NameKey, at: Octets): void {
    if (at <= MAX_POINTER && name.length > 2 && !this.names.has(name)) this.names.set(name, at)
  }
}
