import { failure } from '../../../base/errors/error.js'
import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import type { NameBudget } from '../name/name-budget.js'
import { ancestorsOf, isKeyAtOrBelow, nameKeyAt, type NameKey } from '../name/name-key.js'
import { decompressRdata } from '../records/rdata.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, MAX_MESSAGE_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'
import { isNeededInAuthority, MAX_CHAIN_LENGTH, RRSIG_SIGNER_OFFSET } from './bailiwick.js'
import { qtypeOf } from './question.js'
import { substitute } from './substituted-names.js'

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
 * Removes records from a response that the client does not need or that are unrelated to the
 * question, so that they are never cached or served:
 *
 * - ANSWER keeps the chain of CNAMEs and DNAMEs from QNAME, which may be in any order and is put in order, and the
 *   records of QTYPE at its end; of a chain that is broken or longer than 16, only its valid beginning;
 * - AUTHORITY keeps SOA and DS at or above names of the chain, NSEC and NSEC3 in such zones, and
 *   their RRSIGs;
 * - ADDITIONAL is dropped.
 *
 * Returns `message` itself if nothing has to be removed from ANSWER and AUTHORITY, or moved. Otherwise names are
 * rewritten without compression, except QNAME, because pointers could point into removed records.
 * Slow, but rarely needed: only for responses that `BailiwickCheck` finds suspect. `decodeResponse`
 * has validated the message before.
 *
 * @returns undefined: the chain loops, so there is no answer
 * @throws InterdictError WIRE_LARGE and as `decompressName`
 */
export function scrubResponse(
  message: Uint8Array,
  question: Uint8Array,
  budget: NameBudget
): Uint8Array | undefined {
  const records = findRecords(message, question, budget)
  const scrubber = new Scrubber(message, qtypeOf(question), records, budget)
  const selected = scrubber.select()
  if (scrubber.isLoop) return undefined
  const answers = [...selected].filter(({ section }) => section === 0)
  const kept = [...answers, ...records.filter(one => one.section === 1 && selected.has(one))]
  const isSame = kept.length === records.length && kept.every((one, i) => one === records[i])
  return isSame ? message : rewrite(message, question, kept)
}

/** The records of ANSWER and AUTHORITY. */
function findRecords(
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

/** Selects the records that belong to the question. */
class Scrubber {
  /** The chain leads back to one of its names. */
  isLoop = false
  private readonly kept = new Set<MessageRecord>()
  private readonly chain = new Set<NameKey>()
  private readonly byOwner = new Map<NameKey, MessageRecord[]>()
  private readonly authority: MessageRecord[] = []

  constructor(
    private readonly message: Uint8Array,
    private readonly qtype: number,
    records: readonly MessageRecord[],
    private readonly budget: NameBudget
  ) {
    for (const record of records.filter(({ inClass }) => inClass)) {
      if (record.section === 1) {
        this.authority.push(record)
        continue
      }
      const same = this.byOwner.get(record.owner)
      if (same === undefined) this.byOwner.set(record.owner, [record])
      else same.push(record)
    }
  }

  /** The chain with its data first, in order. */
  select(): ReadonlySet<MessageRecord> {
    let name: NameKey | undefined = nameKeyAt(this.message, HEADER_SIZE).key
    while (name !== undefined && this.chain.size <= MAX_CHAIN_LENGTH) {
      this.chain.add(name)
      name = this.follow(name)
      this.isLoop = name !== undefined && this.chain.has(name)
      if (this.isLoop) break
    }
    this.keepAuthority()
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
    if (this.chain.has(target)) return target
    if (this.chain.size > MAX_CHAIN_LENGTH) return undefined
    if (dname !== undefined) this.keepSigned([dname], this.byOwner.get(dname.owner)!)
    this.keepSigned([cname], here)
    return target
  }

  private findDname(name: NameKey): MessageRecord | undefined {
    for (const above of ancestorsOf(name)) {
      const found = this.byOwner.get(above)?.find(({ type }) => type === RRTYPE.DNAME)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Follows a DNAME for which the upstream did not synthesize a CNAME. RFC 6672 §2.2. */
  private followDname(name: NameKey, dname: MessageRecord | undefined): NameKey | undefined {
    if (dname === undefined) return undefined
    this.keepSigned([dname], this.byOwner.get(dname.owner)!)
    return substitute(name, dname.owner, nameKeyAt(this.message, dname.data).key)
  }

  /** Keeps records and the signatures at their owner. */
  private keepSigned(records: readonly MessageRecord[], here: readonly MessageRecord[]): void {
    for (const record of records) this.kept.add(record)
    for (const record of here) if (record.type === RRTYPE.RRSIG) this.kept.add(record)
  }

  private keepAuthority(): void {
    const { message, kept } = this
    const above = new Set([...this.chain].flatMap(name => [name, ...ancestorsOf(name)]))
    const zones = new Set<NameKey>()
    const proofs: MessageRecord[] = []
    for (const record of this.authority) {
      const { type, owner, data } = record
      if (!isNeededInAuthority(message, type, data)) continue
      if (type === RRTYPE.NSEC || type === RRTYPE.NSEC3) proofs.push(record)
      else if (type === RRTYPE.RRSIG) {
        const signer = this.signerOf(record)
        if (signer === undefined || !above.has(signer) || !isKeyAtOrBelow(owner, signer)) continue
        zones.add(signer)
        kept.add(record)
      } else if (above.has(owner)) {
        if (type === RRTYPE.SOA) zones.add(owner)
        kept.add(record)
      }
    }
    for (const proof of proofs) if (this.isInOneOf(zones, proof.owner)) kept.add(proof)
  }

  private signerOf({ data, end }: MessageRecord): NameKey | undefined {
    if (data + RRSIG_SIGNER_OFFSET >= end) return undefined
    const signer = nameKeyAt(this.message, data + RRSIG_SIGNER_OFFSET).key
    this.budget.spend(signer.length)
    return signer
  }

  private isInOneOf(zones: ReadonlySet<NameKey>, name: NameKey): boolean {
    const above = ancestorsOf(name)
    this.budget.spend(4 * above.length)
    return zones.has(name) || above.some(zone => zones.has(zone))
  }
}

function rewrite(
  message: Uint8Array,
  question: Uint8Array,
  records: readonly MessageRecord[]
): Uint8Array {
  const out = [...message.subarray(0, HEADER_SIZE + question.length)]
  const qname = nameKeyAt(message, HEADER_SIZE).key
  const counts = [0, 0, 0]
  for (const record of records) {
    counts[record.section]!++
    encodeRecord(message, record, qname, out)
    if (out.length > MAX_MESSAGE_SIZE) throw failure('WIRE_LARGE')
  }
  counts.forEach((count, section) => {
    out[6 + 2 * section] = count >> 8
    out[7 + 2 * section] = count & 0xff
  })
  return Uint8Array.from(out)
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
