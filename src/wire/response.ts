import { failure } from '../base/error.js'
import type { Milliseconds, Octets, Seconds } from '../base/units.js'
import { OPCODE } from '../dns/opcode.js'
import { RCODE } from '../dns/rcode.js'
import { RRCLASS } from '../dns/rrclass.js'
import { RRTYPE } from '../dns/rrtype.js'
import type { Answer } from './answer.js'
import { addEde, edeOption, OPTION_EDE } from './ede-option.js'
import { LOWER } from './hashed-name.js'
import { skipName } from './name.js'
import { Bailiwick } from './bailiwick.js'
import { dropUnrelated } from './related.js'
import { isAtOrBelow } from './same-name.js'
import { HEADER } from './query.js'
import { checkRdata, collectLeads, soaMinimum, word32, type Leads } from './rdata.js'

/** QTYPE and QCLASS. RFC 1035 §4.1.2. */
const QUESTION_FIXED: Octets = 4
/** TYPE, CLASS, TTL and RDLENGTH. RFC 1035 §4.1.3. */
const RECORD_FIXED: Octets = 10

const NO_OCTETS = new Uint8Array(0)
const NO_TTLS = new Uint16Array(0)
const NO_ADDRESSES = new Uint32Array(0)

/** Bounds of how long answers are kept; config says them. */
export interface TtlLimits {
  /** Raises every TTL below it but 0, which means "use once" and is left to mean that. */
  readonly minTtl: Seconds
  /** Lowers every TTL above it; stronger than `minTtl`. RFC 8767 §4 has reasons. */
  readonly maxTtl: Seconds
  /** For NXDOMAIN and NODATA; `minTtl` does not hold for them. RFC 2308 §5. */
  readonly negativeMaxTtl: Seconds
  /** For SERVFAIL and the like, at most 5 minutes. RFC 9520 §3.2. */
  readonly failureTtl: Seconds
}

/** What was asked of the upstream. */
export interface Asked {
  /** Wire form, root label included. */
  readonly qname: Uint8Array
  readonly qtype: number
}

/**
 * Whether the message in `message[start, end)` answers our inquiry: a response to a QUERY with
 * our ID and our question (RFC 5452 §9.1); or without any question, if the upstream could not or
 * would not read ours (FORMERR, SERVFAIL, NOTIMP, REFUSED).
 *
 * @param question QNAME as sent, QTYPE and QCLASS, in wire form
 * @param exactCase whether the case of QNAME has to come back as it was sent; else any will do
 */
export function answersQuestion(
  message: Uint8Array,
  start: Octets,
  end: Octets,
  id: number,
  question: Uint8Array,
  exactCase = false
): boolean {
  if (end - start < HEADER) return false
  if (((message[start]! << 8) | message[start + 1]!) !== id) return false
  const flags = message[start + 2]!
  if ((flags & 0x80) === 0 || ((flags >> 3) & 0x0f) !== OPCODE.QUERY) return false
  const questions = (message[start + 4]! << 8) | message[start + 5]!
  if (questions === 0) return isFailure(message[start + 3]! & 0x0f)
  if (questions !== 1 || start + HEADER + question.length > end) return false
  const name = question.length - QUESTION_FIXED
  for (let i = 0; i < question.length; i++) {
    const theirs = message[start + HEADER + i]!
    const ours = question[i]!
    if (theirs !== ours && (exactCase || i >= name || LOWER[theirs] !== LOWER[ours])) return false
  }
  return true
}

function isFailure(rcode: number): boolean {
  return (
    rcode === RCODE.FORMERR ||
    rcode === RCODE.SERVFAIL ||
    rcode === RCODE.NOTIMP ||
    rcode === RCODE.REFUSED
  )
}

/**
 * SERVFAIL on behalf of an upstream that did not answer, to be kept like an answer, so that a dead
 * upstream is not asked again for every query. RFC 9520 §3.2.
 *
 * @param ede INFO-CODE that says why
 */
export function failedAnswer(
  ede: number,
  limits: TtlLimits,
  now: Milliseconds,
  upstream: number
): Answer {
  const reading = new Reading(NO_OCTETS)
  reading.rcode = RCODE.SERVFAIL
  reading.ede = { code: ede, option: edeOption(ede, NO_OCTETS) }
  return reading.answer(limits.failureTtl, NO_OCTETS, NO_TTLS, now, upstream)
}

/**
 * Reads an upstream's response, for which `answersQuestion` held, into the form in which answers
 * are kept. Its lifetime is
 *
 * - with data for QTYPE: the lowest TTL in ANSWER;
 * - NXDOMAIN or NODATA: the lower of the SOA's TTL and MINIMUM (RFC 2308 §5), and of what CNAMEs
 *   led there; 0 without an SOA;
 * - any other RCODE: `failureTtl`; FORMERR, NOTIMP and all from 16 on are about our own query to
 *   the upstream and mean nothing to the client, who gets SERVFAIL instead;
 * - truncated: 0.
 *
 * An owner name that is spelt out and is QNAME, or above it, is kept in lower case: the upstream
 * copied it from our inquiry, in whose case we hid a secret. Pointers to the question take the
 * case of whoever asks.
 *
 * Records that have nothing to do with the question are dropped: see `dropUnrelated`.
 *
 * OPT and TSIG belong to one hop and are cut out. So are the records behind them, if any, because
 * pointers over the cut would lead elsewhere. Whatever stands after the last record is ignored.
 *
 * @throws InterdictError WIRE_QUESTION, WIRE_OPT, WIRE_RDATA, WIRE_LARGE and those of `expandName`
 */
export function readResponse(
  message: Uint8Array,
  asked: Asked,
  limits: TtlLimits,
  now: Milliseconds,
  upstream: number
): Answer {
  if (message.length < HEADER) throw failure('WIRE_SHORT', message.length)
  let reading = new Reading(message)
  const start = reading.readQuestion(asked)
  let end = reading.readRecords(start, asked.qtype)
  if (reading.isDoubtful) {
    const related = dropUnrelated(message, asked)
    if (related !== message) {
      message = related
      reading = new Reading(message)
      end = reading.readRecords(reading.readQuestion(asked), asked.qtype)
    }
  }
  const body = message.slice(start, end)
  for (const owner of reading.spelt) lowerLabels(body, owner - start)
  const ttls = new Uint16Array(reading.ttls)
  for (let i = 0; i < ttls.length; i++) ttls[i]! -= start
  const lifetime = reading.settleTtls(body, ttls, limits)
  return reading.answer(lifetime, body, ttls, now, upstream)
}

/** One response while it is being read. */
class Reading implements Leads {
  rcode: number
  ede: Answer['ede']
  /** Positions of TTLs in the message. */
  readonly ttls: number[] = []
  readonly targets: number[] = []
  readonly leads: number[] = []
  readonly addresses: number[] = []
  /** Positions of owner names that are QNAME or above it and not, or not all, a pointer. */
  readonly spelt: number[] = []
  /** Records kept of ANSWER, AUTHORITY and ADDITIONAL. */
  private readonly counts: [number, number, number] = [0, 0, 0]
  /** Whether ANSWER has a record of QTYPE. */
  private hasData = false
  /** From the SOA in AUTHORITY: the lower of TTL and MINIMUM. */
  private negativeTtl: Seconds | undefined
  /** Position of the first OPT or TSIG. */
  private cut: Octets | undefined
  private hasOpt = false
  private bailiwick: Bailiwick | undefined

  constructor(private readonly message: Uint8Array) {
    this.rcode = (message[3] ?? 0) & 0x0f
  }

  /** Whether some record does not obviously belong to the question. */
  get isDoubtful(): boolean {
    return this.bailiwick?.doubtful === true
  }

  /** Returns the position after the question, which must be as long as the one that was asked. */
  readQuestion({ qname, qtype }: Asked): Octets {
    const { message } = this
    const questions = this.count(0)
    if (questions === 0 && isFailure(this.rcode)) return message.length
    const nameEnd = skipName(message, HEADER, HEADER)
    const end = nameEnd + QUESTION_FIXED
    if (end > message.length) throw failure('WIRE_SHORT', message.length)
    const type = (message[nameEnd]! << 8) | message[nameEnd + 1]!
    if (questions !== 1 || nameEnd !== HEADER + qname.length || type !== qtype) {
      throw failure('WIRE_QUESTION', HEADER)
    }
    return end
  }

  /** Reads all records from `start` on and returns the end of those that are kept. */
  readRecords(start: Octets, qtype: number): Octets {
    let pos = start
    if (this.count(0) === 0) return start // a failure without a question: nothing to keep
    const qclass = (this.message[start - 2]! << 8) | this.message[start - 1]!
    this.bailiwick = new Bailiwick(this.message, qtype, qclass)
    for (let section = 0; section < 3; section++) {
      for (let left = this.count(section + 1); left > 0; left--) {
        pos = this.readRecord(pos, section, qtype)
      }
    }
    return this.cut ?? pos
  }

  /** Returns the position after the record. */
  private readRecord(owner: Octets, section: number, qtype: number): Octets {
    const { message } = this
    const at = skipName(message, owner, HEADER)
    const data = at + RECORD_FIXED
    if (data > message.length) throw failure('WIRE_SHORT', message.length)
    const type = (message[at]! << 8) | message[at + 1]!
    const end = data + ((message[at + 8]! << 8) | message[at + 9]!)
    if (end > message.length) throw failure('WIRE_SHORT', message.length)
    if (type === RRTYPE.OPT) this.readOpt(owner, at, end, section)
    if (type === RRTYPE.OPT || type === RRTYPE.TSIG) this.cut ??= owner
    if (this.cut !== undefined) return end

    checkRdata(message, type, data, end)
    this.bailiwick?.see(section, owner, at, type, end)
    if (isSpelt(message[owner]!) && isAtOrBelow(message, HEADER, owner)) this.spelt.push(owner)
    this.ttls.push(at + 4)
    this.counts[section as 0 | 1 | 2]++
    if (section === 0) this.readAnswerRecord(at, type, end, qtype)
    if (section === 1 && type === RRTYPE.SOA) {
      this.negativeTtl = Math.min(ttlAt(message, at + 4), sane(soaMinimum(message, end)))
    }
    return end
  }

  private readAnswerRecord(at: Octets, type: number, end: Octets, qtype: number): void {
    const { message } = this
    if (type === qtype || qtype === RRTYPE.ANY) this.hasData = true
    const rrclass = (message[at + 2]! << 8) | message[at + 3]!
    if (rrclass === RRCLASS.IN) collectLeads(message, type, at + RECORD_FIXED, end, this)
  }

  /** RFC 6891 §6.1.3 for the upper bits of RCODE. */
  private readOpt(owner: Octets, at: Octets, end: Octets, section: number): void {
    const { message } = this
    if (section !== 2 || this.hasOpt || message[owner] !== 0) throw failure('WIRE_OPT', owner)
    this.hasOpt = true
    this.rcode |= message[at + 4]! << 4
    for (let pos = at + RECORD_FIXED; pos < end;) {
      const value = pos + 4
      const next = value + (((message[pos + 2] ?? 0) << 8) | (message[pos + 3] ?? 0))
      if (value > end || next > end) throw failure('WIRE_RDATA', 'OPT', pos)
      const option = (message[pos]! << 8) | message[pos + 1]!
      if (option === OPTION_EDE && next >= value + 2) {
        this.ede = addEde(this.ede, message.subarray(value, next))
      }
      pos = next
    }
  }

  /** Writes TTLs as they are kept into `body` and returns the answer's lifetime. */
  settleTtls(body: Uint8Array, ttls: Uint16Array, limits: TtlLimits): Seconds {
    const { rcode, counts } = this
    const answered = rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
    const negative = answered && (rcode === RCODE.NXDOMAIN || !this.hasData)
    const negativeTtl = Math.min(this.negativeTtl ?? 0, limits.negativeMaxTtl)
    let lowest = negative ? negativeTtl : limits.maxTtl
    for (let i = 0; i < ttls.length; i++) {
      const at = ttls[i]!
      let ttl = ttlAt(body, at)
      if (ttl > 0) ttl = Math.min(Math.max(ttl, limits.minTtl), limits.maxTtl)
      // The SOA of a negative answer, and what proves it, live as long as it does. RFC 9077 §3.
      const proof = negative && i >= counts[0] && i < counts[0] + counts[1]
      if (proof) ttl = Math.min(ttl, negativeTtl)
      if (i < counts[0]) lowest = Math.min(lowest, ttl)
      putTtl(body, at, ttl)
    }
    if ((this.message[2]! & 0x02) !== 0) return 0
    return answered ? lowest : limits.failureTtl
  }

  answer(
    lifetime: Seconds,
    body: Uint8Array,
    ttls: Uint16Array,
    now: Milliseconds,
    upstream: number
  ): Answer {
    const { rcode, counts, leads, targets, addresses } = this
    const ours = rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP || rcode > 0x0f
    return {
      body,
      rcode: ours ? RCODE.SERVFAIL : rcode,
      answers: counts[0],
      authorities: counts[1],
      additionals: counts[2],
      authentic: ((this.message[3] ?? 0) & 0x20) !== 0,
      ttls,
      storedAt: now,
      lifetime,
      ede: this.ede,
      upstream,
      targets: leads.length === 0 ? NO_OCTETS : new Uint8Array(targets),
      leads: leads.length === 0 ? NO_OCTETS : new Uint8Array(leads),
      addresses: addresses.length === 0 ? NO_ADDRESSES : new Uint32Array(addresses),
      cleanEpoch: -1,
      cleanClass: -1
    }
  }

  /** Count number `i` of the header's four. */
  private count(i: number): number {
    return (this.message[4 + 2 * i]! << 8) | this.message[5 + 2 * i]!
  }
}

/** Whether a name that begins with this octet has a label here: neither a pointer nor the root. */
function isSpelt(head: number): boolean {
  return head !== 0 && head < 0xc0
}

/** Puts the labels at `at` into lower case, up to the root label or a pointer. */
function lowerLabels(octets: Uint8Array, at: Octets): void {
  for (let pos = at; isSpelt(octets[pos]!);) {
    for (const next = pos + 1 + octets[pos]!; ++pos < next;) octets[pos] = LOWER[octets[pos]!]!
  }
}

/** A TTL with bit 31 set is 0. RFC 2181 §8. */
function sane(ttl: number): Seconds {
  return ttl > 0x7fff_ffff ? 0 : ttl
}

function ttlAt(octets: Uint8Array, at: Octets): Seconds {
  return sane(word32(octets, at))
}

function putTtl(octets: Uint8Array, at: Octets, ttl: Seconds): void {
  octets[at] = ttl >> 24
  octets[at + 1] = ttl >> 16
  octets[at + 2] = ttl >> 8
  octets[at + 3] = ttl
}
