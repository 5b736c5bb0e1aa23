import type { NameBudget } from '../name/name-budget.js'
import { ancestorsOf, isKeyAtOrBelow, nameKeyAt, type NameKey } from '../name/name-key.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE } from '../registry/sizes.js'
import { isNeededInAuthority, MAX_CHAIN_LENGTH, RRSIG_SIGNER_OFFSET } from './bailiwick.js'
import { findRecords, RecordWriter, type MessageRecord } from './message-records.js'
import { qtypeOf } from './question.js'
import { substitute } from './substituted-names.js'

/** Why a client gets SERVFAIL, for people. */
export const CNAME_LOOP = 'upstream answered with a loop of CNAMEs'

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
 * Returns `message` itself if nothing has to be removed from ANSWER and AUTHORITY, or moved. Otherwise the
 * message is rewritten by `RecordWriter`, because pointers could point into removed records.
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
  if (isSame) return message
  const writer = new RecordWriter(message.subarray(0, HEADER_SIZE + question.length))
  for (const record of kept) writer.add(message, record)
  return writer.finish()
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
