import { failure } from '../../../base/errors/error.js'
import { getUint16, getUint32, setUint32 } from '../../../base/bytes/octets.js'
import { Uint32List } from '../../../base/bytes/uint32-list.js'
import type { Milliseconds, Octets, Seconds } from '../../../base/units.js'
import { appendEde, encodeEde, OPTION_EDE } from '../edns/ede-option.js'
import { findNameEnd, findSharedSuffix } from '../name/compressed-name.js'
import { NameBudget } from '../name/name-budget.js'
import { skipName } from '../name/name.js'
import {
  checkRdata,
  collectTargets,
  RDATA_NAMES,
  soaMinimum,
  type AnswerTargets
} from '../records/rdata.js'
import { EDE } from '../registry/ede.js'
import { RCODE, showRcode } from '../registry/rcode.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'
import type { Answer, TtlLimits } from '../records/answer.js'
import { mayOmitQuestion } from './answers-question.js'
import { BailiwickCheck, isNeededInAuthority } from './bailiwick.js'
import { qtypeOf } from './question.js'
import { collectSubstitutedNames, type DnamePosition } from './substituted-names.js'

const NO_OCTETS = new Uint8Array(0)
const NO_TTLS = new Uint16Array(0)
const NO_ADDRESSES = new Uint32Array(0)
/** Why a client gets SERVFAIL. */
const TRUNCATED = 'upstream truncated its answer over TCP'

/** Decodes one response. One instance is reused for all responses. */
export class ResponseDecoder implements AnswerTargets {
  /** Position of the first record, after the question. */
  start: Octets = 0
  rcode = 0
  ede: Answer['ede']
  /** Positions of TTL fields in the message. */
  readonly ttls = new Uint32List()
  readonly targets: number[] = []
  readonly targetKinds: number[] = []
  readonly addresses = new Uint32List()
  /** Positions of labels, not pointers, at which a suffix of QNAME begins in other names. */
  readonly copiesOfQname = new Uint32List()
  private message: Uint8Array = NO_OCTETS
  /** Number of records kept of ANSWER and AUTHORITY. */
  private readonly counts: [number, number] = [0, 0]
  /** Whether ANSWER has a record of QTYPE. */
  private hasData = false
  /** The lower of TTL and MINIMUM of the SOA in AUTHORITY. */
  private negativeTtl: Seconds | undefined
  /** Position of the first record of AUTHORITY that is dropped, where the kept records end. */
  private recordsEnd: Octets | undefined
  private hasOpt = false
  /** DNAMEs in ANSWER. */
  private readonly dnames: DnamePosition[] = []
  readonly budget = new NameBudget()
  private readonly bailiwick = new BailiwickCheck(this.budget)

  /** Starts a new response. */
  begin(message: Uint8Array): void {
    this.message = message
    this.rcode = (message[3] ?? 0) & 0x0f
    this.ede = undefined
    this.ttls.length = 0
    this.addresses.length = 0
    this.copiesOfQname.length = 0
    // Setting the length frees an array's memory, and most are empty already.
    if (this.targets.length > 0) this.targets.length = 0
    if (this.targetKinds.length > 0) this.targetKinds.length = 0
    if (this.dnames.length > 0) this.dnames.length = 0
    this.counts[0] = this.counts[1] = 0
    this.hasData = false
    this.negativeTtl = undefined
    this.recordsEnd = undefined
    this.hasOpt = false
    this.bailiwick.isSuspect = false
    this.budget.begin(message.length)
  }

  /** Whether any record of ANSWER or AUTHORITY has to be dropped, or may have to. */
  get isSuspect(): boolean {
    return this.bailiwick.isSuspect
  }

  /** Validates the question, which must have the length and type of the one sent. */
  decodeQuestion(question: Uint8Array): void {
    const { message } = this
    const questions = this.sectionCount(0)
    this.start = message.length
    if (questions === 0 && mayOmitQuestion(this.rcode)) return
    const nameEnd = skipName(message, HEADER_SIZE, HEADER_SIZE)
    const end = nameEnd + QUESTION_FIXED_SIZE
    if (end > message.length) throw failure('WIRE_SHORT', message.length)
    const type = (message[nameEnd]! << 8) | message[nameEnd + 1]!
    if (questions !== 1 || end !== HEADER_SIZE + question.length || type !== qtypeOf(question)) {
      throw failure('WIRE_QUESTION', HEADER_SIZE)
    }
    this.start = end
  }

  /** Decodes all records and returns the end of those that are kept. */
  decodeRecords(qtype: number): Octets {
    const { start } = this
    let pos = start
    if (this.sectionCount(0) === 0) return start // a failure without a question has no records
    const qclass = (this.message[start - 2]! << 8) | this.message[start - 1]!
    this.bailiwick.begin(this.message, qtype, qclass)
    let end = pos
    for (let section = 0; section < 3; section++) {
      for (let left = this.sectionCount(section + 1); left > 0; left--) {
        pos = this.decodeRecord(pos, section, qtype)
      }
      if (section < 2) end = pos
    }
    return this.recordsEnd ?? end
  }

  /** Adds the names that DNAMEs substitute to the targets. Call it after unrelated records are dropped. */
  collectSubstitutedNames(): void {
    if (this.dnames.length > 0) collectSubstitutedNames(this.message, this.dnames, this)
  }

  /** Decodes a record and returns the position after it. */
  private decodeRecord(owner: Octets, section: number, qtype: number): Octets {
    const { message, budget } = this
    const at = skipName(message, owner, HEADER_SIZE, this.ttls, budget)
    const data = at + RECORD_FIXED_SIZE
    if (data > message.length) throw failure('WIRE_SHORT', message.length)
    const type = (message[at]! << 8) | message[at + 1]!
    const end = data + ((message[at + 8]! << 8) | message[at + 9]!)
    if (end > message.length) throw failure('WIRE_SHORT', message.length)
    if (type === RRTYPE.OPT) this.decodeOpt(owner, at, end, section)
    if (section === 2) return end
    if (section === 1 && !isNeededInAuthority(message, type, data)) {
      this.recordsEnd ??= owner
      return end
    }

    this.ttls.push(at + 4)
    checkRdata(message, type, data, end, this.ttls, budget)
    if (this.recordsEnd === undefined) this.bailiwick.check(section, owner, at, type, end)
    else this.bailiwick.isSuspect = true // the dropped record is not the last
    this.findCopyOfQname(owner)
    this.findCopiesInRdata(type, data, end)
    this.counts[section as 0 | 1]++
    if (section === 0) this.decodeAnswerRecord(owner, at, type, end, qtype)
    if (section === 1 && type === RRTYPE.SOA) {
      this.negativeTtl = Math.min(ttlAt(message, at + 4), validTtl(soaMinimum(message, end)))
    }
    return end
  }

  private findCopyOfQname(name: Octets): void {
    const { message, budget } = this
    if (!startsWithLabel(message[name]!)) return
    const copy = findSharedSuffix(message, name, HEADER_SIZE, budget)
    if (copy > 0) this.copiesOfQname.push(copy)
  }

  private findCopiesInRdata(type: number, data: Octets, end: Octets): void {
    const layout = RDATA_NAMES[type]
    if (layout === undefined) return
    let name = data + layout[0]
    for (let i = 0; i < layout[1]; i++) {
      this.findCopyOfQname(name)
      name = findNameEnd(this.message, name, end)
    }
  }

  private decodeAnswerRecord(
    owner: Octets,
    at: Octets,
    type: number,
    end: Octets,
    qtype: number
  ): void {
    const { message, targets, budget } = this
    if (type === qtype || qtype === RRTYPE.ANY) this.hasData = true
    const rrclass = (message[at + 2]! << 8) | message[at + 3]!
    if (rrclass !== RRCLASS.IN) return
    const length = targets.length
    collectTargets(message, type, at + RECORD_FIXED_SIZE, end, this)
    budget.spend(targets.length - length)
    if (type === RRTYPE.DNAME) this.dnames.push({ owner, target: at + RECORD_FIXED_SIZE })
  }

  /** RFC 6891 §6.1.3 for the upper bits of RCODE. */
  private decodeOpt(owner: Octets, at: Octets, end: Octets, section: number): void {
    const { message } = this
    if (section !== 2 || this.hasOpt || message[owner] !== 0) throw failure('WIRE_OPT', owner)
    this.hasOpt = true
    this.rcode |= message[at + 4]! << 4
    for (let pos = at + RECORD_FIXED_SIZE; pos < end;) {
      const value = pos + 4
      const next = value + (((message[pos + 2] ?? 0) << 8) | (message[pos + 3] ?? 0))
      if (value > end || next > end) throw failure('WIRE_RDATA', 'OPT', pos)
      const option = (message[pos]! << 8) | message[pos + 1]!
      if (option === OPTION_EDE && next >= value + 2) {
        this.ede = appendEde(this.ede, message.subarray(value, next))
      }
      pos = next
    }
  }

  /** Applies the limits to all TTLs in `body` and returns the answer's lifetime. */
  applyTtlLimits(body: Uint8Array, ttls: Uint16Array, limits: TtlLimits): Seconds {
    const { rcode, counts } = this
    const isAnswered = rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
    const negative = isAnswered && (rcode === RCODE.NXDOMAIN || !this.hasData)
    const negativeTtl = Math.min(this.negativeTtl ?? 0, limits.negativeMaxTtl)
    let lowest = negative ? negativeTtl : limits.maxTtl
    for (let i = 0; i < ttls.length; i++) {
      const at = ttls[i]!
      let ttl = ttlAt(body, at)
      if (ttl > 0) ttl = Math.min(Math.max(ttl, limits.minTtl), limits.maxTtl)
      // The SOA and the proofs of a negative answer expire with it. RFC 9077 §3.
      const proof = negative && i >= counts[0] && i < counts[0] + counts[1]
      if (proof) ttl = Math.min(ttl, negativeTtl)
      if (i < counts[0]) lowest = Math.min(lowest, ttl)
      setUint32(body, at, ttl)
    }
    return isAnswered ? lowest : limits.failureTtl
  }

  /** Gives all records of QTYPE in ANSWER, which are one RRset, their lowest TTL. RFC 2181 §5.2. */
  levelTtls(body: Uint8Array, ttls: Uint16Array, qtype: number): void {
    const count = this.counts[0]
    let lowest = -1
    let isUneven = false
    for (let i = 0; i < count; i++) {
      const at = ttls[i]!
      if (getUint16(body, at - 4) !== qtype) continue
      const ttl = ttlAt(body, at)
      isUneven ||= lowest >= 0 && ttl !== lowest
      if (lowest < 0 || ttl < lowest) lowest = ttl
    }
    for (let i = 0; isUneven && i < count; i++) {
      if (getUint16(body, ttls[i]! - 4) === qtype) setUint32(body, ttls[i]!, lowest)
    }
  }

  /**
   * SERVFAIL, in place of a response that does not answer the question.
   *
   * @param why for people; undefined: the RCODE, or TC
   * @param body records with aliases, of which policy has to know
   */
  toFailure(
    limits: TtlLimits,
    now: Milliseconds,
    upstream: number,
    why?: string,
    body: Uint8Array = NO_OCTETS,
    ttls: Uint16Array = NO_TTLS
  ): Answer {
    const { rcode } = this
    const isOther = why !== undefined || this.isTruncated || rcode !== RCODE.SERVFAIL
    const text = why ?? (this.isTruncated ? TRUNCATED : `upstream answered ${showRcode(rcode)}`)
    if (isOther) this.ede ??= { code: EDE.OTHER, option: encodeEde(EDE.OTHER, text) }
    this.rcode = RCODE.SERVFAIL
    this.addresses.length = 0
    if (body.length === 0) {
      this.counts[0] = this.counts[1] = 0
      this.targets.length = this.targetKinds.length = 0
    }
    return this.toAnswer(limits.failureTtl, body, ttls, now, upstream)
  }

  toAnswer(
    lifetime: Seconds,
    body: Uint8Array,
    ttls: Uint16Array,
    now: Milliseconds,
    upstream: number
  ): Answer {
    const { rcode, counts, targetKinds, targets, addresses, ede } = this
    return {
      body,
      rcode,
      answers: counts[0],
      authorities: counts[1],
      authentic: rcode !== RCODE.SERVFAIL && ((this.message[3] ?? 0) & 0x20) !== 0,
      ttls,
      storedAt: now,
      lifetime,
      ede,
      upstream,
      targets: targetKinds.length === 0 ? NO_OCTETS : new Uint8Array(targets),
      targetKinds: targetKinds.length === 0 ? NO_OCTETS : new Uint8Array(targetKinds),
      addresses: addresses.length === 0 ? NO_ADDRESSES : addresses.toArray(),
      cleanEpoch: -1,
      cleanClass: -1
    }
  }

  /**
   * True if the response is complete and its RCODE says something about QNAME. YXDOMAIN does where a DNAME would
   * make the name too long: RFC 6672 §2.2.
   */
  get isAnswer(): boolean {
    const { rcode, dnames } = this
    if (this.isTruncated) return false
    if (rcode === RCODE.YXDOMAIN) return dnames.length > 0
    return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
  }

  /** True if ANSWER has aliases, and nothing but what belongs to the question. */
  get hasAliases(): boolean {
    return this.targetKinds.length > 0 && !this.isSuspect
  }

  /** TC, which only a response over TCP still has here, and which makes it useless: RFC 2181 §9. */
  private get isTruncated(): boolean {
    return ((this.message[2] ?? 0) & 0x02) !== 0
  }

  /** Count field `i` of the four in the header. */
  private sectionCount(i: number): number {
    return (this.message[4 + 2 * i]! << 8) | this.message[5 + 2 * i]!
  }
}

/** Whether a name with this first octet begins with a label: neither a pointer nor the root. */
export function startsWithLabel(head: number): boolean {
  return head !== 0 && head < 0xc0
}

/** Treats a TTL with bit 31 set as 0. RFC 2181 §8. */
function validTtl(ttl: number): Seconds {
  return ttl > 0x7fff_ffff ? 0 : ttl
}

function ttlAt(octets: Uint8Array, at: Octets): Seconds {
  return validTtl(getUint32(octets, at))
}
