import { failure } from '../../base/error.js'
import { getUint16 } from '../../base/octets.js'
import type { Octets } from '../../base/units.js'
import { decompressName } from '../name/name.js'
import { decompressRdata } from '../rdata/rdata.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'
import {
  isAdditionalType,
  MAX_CHAIN_LENGTH,
  ADDITIONAL_NAME_OFFSET,
  RRSIG_SIGNER_OFFSET
} from './bailiwick.js'
import { qtypeOf } from './question.js'

/** A lower-cased name in wire form as a string, one character per octet, for maps and sets. */
type NameKey = string

interface MessageRecord {
  readonly section: number
  readonly owner: NameKey
  readonly type: number
  readonly inClass: boolean
  /** Positions after the owner name, of RDATA, and after the record. */
  readonly at: Octets
  readonly data: Octets
  readonly end: Octets
}

/**
 * Removes records unrelated to the question from a response, so that they are never cached or served:
 *
 * - ANSWER keeps the chain of CNAMEs and DNAMEs from QNAME, in any order, and the records of QTYPE at
 *   its end; of a chain that is broken, loops or is longer than 16, only its valid beginning;
 * - AUTHORITY keeps SOA, NS and DS at or above names of the chain, RRSIGs of such zones, and NSEC
 *   and NSEC3 in such zones;
 * - ADDITIONAL keeps addresses and SVCB of names that kept records refer to, and OPT.
 *
 * Returns `message` itself if nothing has to be removed. Otherwise names are rewritten without
 * compression, except QNAME, because pointers could point into removed records. Slow, but rarely
 * needed: only for responses that `BailiwickCheck` finds suspect. `decodeResponse` has validated the
 * message before.
 *
 * @throws InterdictError WIRE_LARGE and as `decompressName`
 */
export function scrubResponse(message: Uint8Array, question: Uint8Array): Uint8Array {
  const { records, end, opt } = findRecords(message, question)
  const kept = new Scrubber(message, qtypeOf(question), records).select()
  if (kept.size === records.length) return message
  return rewrite(message, question, records, kept, message.subarray(opt ?? end, end))
}

function findRecords(
  message: Uint8Array,
  question: Uint8Array
): { records: MessageRecord[]; end: Octets; opt: Octets | undefined } {
  const records: MessageRecord[] = []
  let pos = HEADER_SIZE + question.length
  const qclass = getUint16(message, pos - 2)
  for (let section = 0; section < 3; section++) {
    for (let left = getUint16(message, 6 + 2 * section); left > 0; left--) {
      const { key: owner, end: at } = nameKeyAt(message, pos)
      const data = at + RECORD_FIXED_SIZE
      const end = data + getUint16(message, at + 8)
      const type = getUint16(message, at)
      // Records after OPT or TSIG are dropped in any case.
      if (type === RRTYPE.OPT) return { records, end, opt: pos }
      if (type === RRTYPE.TSIG) return { records, end: pos, opt: undefined }
      const inClass = qclass === RRCLASS.ANY || getUint16(message, at + 2) === qclass
      records.push({ section, owner, type, inClass, at, data, end })
      pos = end
    }
  }
  return { records, end: pos, opt: undefined }
}

/** Selects the records that belong to the question. */
class Scrubber {
  private readonly kept = new Set<MessageRecord>()
  private readonly chain = new Set<NameKey>()
  private readonly byOwner = new Map<NameKey, MessageRecord[]>()
  private readonly bySection: MessageRecord[][] = [[], [], []]

  constructor(
    private readonly message: Uint8Array,
    private readonly qtype: number,
    records: readonly MessageRecord[]
  ) {
    for (const record of records.filter(({ inClass }) => inClass)) {
      this.bySection[record.section]!.push(record)
      if (record.section > 0) continue
      const same = this.byOwner.get(record.owner)
      if (same === undefined) this.byOwner.set(record.owner, [record])
      else same.push(record)
    }
  }

  select(): ReadonlySet<MessageRecord> {
    let name: NameKey | undefined = nameKeyAt(this.message, HEADER_SIZE).key
    while (name !== undefined && !this.chain.has(name) && this.chain.size <= MAX_CHAIN_LENGTH) {
      this.chain.add(name)
      name = this.follow(name)
    }
    this.keepAuthority()
    this.keepAdditional()
    return this.kept
  }

  /** Keeps the records of ANSWER at `name`, and returns the next name of the chain. */
  private follow(name: NameKey): NameKey | undefined {
    const { qtype } = this
    const here = this.byOwner.get(name) ?? []
    const data = here.filter(({ type }) => type === qtype || qtype === RRTYPE.ANY)
    if (data.length > 0) {
      this.keepSigned(data, here)
      return undefined
    }
    const dname = this.findDname(name)
    const cname = here.find(({ type }) => type === RRTYPE.CNAME)
    const target = cname === undefined ? undefined : nameKeyAt(this.message, cname.data).key
    if (cname === undefined || target === undefined) return this.followDname(name, dname)
    if (this.chain.has(target) || this.chain.size > MAX_CHAIN_LENGTH) return undefined
    if (dname !== undefined) this.keepSigned([dname], this.byOwner.get(dname.owner)!)
    this.keepSigned([cname], here)
    return target
  }

  private findDname(name: NameKey): MessageRecord | undefined {
    for (const above of ancestors(name)) {
      const found = this.byOwner.get(above)?.find(({ type }) => type === RRTYPE.DNAME)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Follows a DNAME for which the upstream did not synthesize a CNAME. RFC 6672 §2.2. */
  private followDname(name: NameKey, dname: MessageRecord | undefined): NameKey | undefined {
    if (dname === undefined) return undefined
    this.keepSigned([dname], this.byOwner.get(dname.owner)!)
    return name.slice(0, -dname.owner.length) + nameKeyAt(this.message, dname.data).key
  }

  /** Keeps records and the signatures at their owner. */
  private keepSigned(records: readonly MessageRecord[], here: readonly MessageRecord[]): void {
    for (const record of records) this.kept.add(record)
    for (const record of here) if (record.type === RRTYPE.RRSIG) this.kept.add(record)
  }

  private keepAuthority(): void {
    const { message, kept } = this
    const above = new Set([...this.chain].flatMap(name => [name, ...ancestors(name)]))
    const zones = new Set<NameKey>()
    const proofs: MessageRecord[] = []
    for (const record of this.bySection[1]!) {
      const { type, owner } = record
      if (type === RRTYPE.NSEC || type === RRTYPE.NSEC3) proofs.push(record)
      else if (type === RRTYPE.RRSIG) {
        const signer = signerOf(message, record)
        if (signer === undefined || !above.has(signer) || !isIn(owner, signer)) continue
        zones.add(signer)
        kept.add(record)
      } else if (isZoneType(type) && above.has(owner)) {
        if (type !== RRTYPE.DS) zones.add(owner)
        kept.add(record)
      }
    }
    for (const proof of proofs) {
      if ([proof.owner, ...ancestors(proof.owner)].some(name => zones.has(name))) kept.add(proof)
    }
  }

  private keepAdditional(): void {
    const { kept } = this
    const mentions = new Set<NameKey>()
    for (const record of kept) this.collectAdditionalName(record, mentions)
    const helpers = this.bySection[2]!.filter(({ type }) => isAdditionalType(type))
    const services = helpers.filter(({ type }) => ADDITIONAL_NAME_OFFSET[type] !== undefined)
    for (const record of [...services, ...helpers]) {
      if (!mentions.has(record.owner)) continue
      kept.add(record)
      this.collectAdditionalName(record, mentions)
    }
  }

  private collectAdditionalName(
    { type, owner, data }: MessageRecord,
    mentions: Set<NameKey>
  ): void {
    const offset = ADDITIONAL_NAME_OFFSET[type]
    if (offset === undefined) return
    const at = data + offset
    mentions.add(this.message[at] === 0 ? owner : nameKeyAt(this.message, at).key)
  }
}

function isZoneType(type: number): boolean {
  return type === RRTYPE.SOA || type === RRTYPE.NS || type === RRTYPE.DS
}

function isIn(name: NameKey, zone: NameKey): boolean {
  return name === zone || ancestors(name).includes(zone)
}

function signerOf(message: Uint8Array, { data, end }: MessageRecord): NameKey | undefined {
  return data + RRSIG_SIGNER_OFFSET < end
    ? nameKeyAt(message, data + RRSIG_SIGNER_OFFSET).key
    : undefined
}

/** All ancestors of a name, nearest first. */
function ancestors(name: NameKey): NameKey[] {
  const found: NameKey[] = []
  for (let at = 0; name.charCodeAt(at) > 0;) {
    at += 1 + name.charCodeAt(at)
    found.push(name.slice(at))
  }
  return found
}

function rewrite(
  message: Uint8Array,
  question: Uint8Array,
  records: readonly MessageRecord[],
  kept: ReadonlySet<MessageRecord>,
  opt: Uint8Array
): Uint8Array {
  const out = [...message.subarray(0, HEADER_SIZE + question.length)]
  const qname = nameKeyAt(message, HEADER_SIZE).key
  const counts = [0, 0, opt.length > 0 ? 1 : 0]
  for (const record of records) {
    if (!kept.has(record)) continue
    counts[record.section]!++
    encodeRecord(message, record, qname, out)
    if (out.length > MAX_MESSAGE_SIZE) throw failure('WIRE_LARGE', out.length)
  }
  counts.forEach((count, section) => {
    out[6 + 2 * section] = count >> 8
    out[7 + 2 * section] = count & 0xff
  })
  const whole = new Uint8Array(out.length + opt.length)
  whole.set(out)
  whole.set(opt, out.length)
  return whole
}

function encodeRecord(
  message: Uint8Array,
  { owner, type, at, data, end }: MessageRecord,
  question: NameKey,
  out: number[]
): void {
  // A pointer to the question, so that the owner gets the case of the client's query.
  if (owner === question) out.push(0xc0, HEADER_SIZE)
  else for (let i = 0; i < owner.length; i++) out.push(owner.charCodeAt(i))
  out.push(...message.subarray(at, data - 2))
  const length = out.length
  out.push(0, 0)
  decompressRdata(message, type, data, end, out)
  const octets = out.length - length - 2
  out[length] = octets >> 8
  out[length + 1] = octets & 0xff
}

function nameKeyAt(message: Uint8Array, at: Octets): { key: NameKey; end: Octets } {
  const name: number[] = []
  const end = decompressName(message, at, name)
  return { key: String.fromCharCode(...name), end }
}
