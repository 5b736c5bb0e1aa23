import { getUint16 } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { encodeEde } from '../edns/ede-option.js'
import { findNameEnd, isAtOrBelow } from '../name/compressed-name.js'
import { NameBudget } from '../name/name-budget.js'
import { isKeyAtOrBelow, nameKeyAt, type NameKey } from '../name/name-key.js'
import type { Answer } from '../records/answer.js'
import { EDE } from '../registry/ede.js'
import { RCODE } from '../registry/rcode.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'
import { isNeededInAuthority, MAX_CHAIN_LENGTH } from './bailiwick.js'
import { findRecords, RecordWriter, type MessageRecord } from './message-records.js'
import { qtypeOf } from './question.js'
import { ResponseDecoder } from './response-decoder.js'
import { CNAME_LOOP, scrubResponse } from './scrub-response.js'

const AD = 0x20
const NO_OPTIONS = new Uint8Array(0)
const TOO_LONG = `upstreams answered with more than ${MAX_CHAIN_LENGTH} CNAMEs in a chain`

/** Shared by all calls: each message is read synchronously. */
const budget = new NameBudget()
const decoder = new ResponseDecoder()

/**
 * Whether a response seems to end with a CNAME whose target it says nothing about: NOERROR, no record of QTYPE, and no
 * SOA of a zone that contains the target, which would mean NODATA (RFC 2308 §2.2). Typical of a server that is
 * authoritative for QNAME but not for the target.
 *
 * Runs for every response. It reads the message in place and errs on one side only: `ResponseChain` finds out whether
 * the records belong to the question.
 *
 * @param message answers `question`
 */
export function seemsPartial(message: Uint8Array, question: Uint8Array): boolean {
  const qtype = qtypeOf(question)
  let left = getUint16(message, 6)
  if (left === 0 || (message[3]! & 0x0f) !== RCODE.NOERROR || !followsAliases(qtype)) return false
  const end = message.length
  let target = 0
  let pos = HEADER_SIZE + question.length
  for (; left > 0; left--) {
    const at = findNameEnd(message, pos, end)
    if (at === 0 || at + RECORD_FIXED_SIZE > end) return false
    const type = getUint16(message, at)
    if (type === qtype) return false
    if (type === RRTYPE.CNAME) target = at + RECORD_FIXED_SIZE
    pos = at + RECORD_FIXED_SIZE + getUint16(message, at + 8)
  }
  return target !== 0 && !hasSoaOf(message, pos, target)
}

/** Whether AUTHORITY, which begins at `pos`, has an SOA of a zone that contains `name`. */
function hasSoaOf(message: Uint8Array, pos: Octets, name: Octets): boolean {
  const end = message.length
  budget.begin(end)
  for (let left = getUint16(message, 8); left > 0; left--) {
    const at = findNameEnd(message, pos, end)
    if (at === 0 || at + RECORD_FIXED_SIZE > end) return false
    if (getUint16(message, at) === RRTYPE.SOA) return contains(message, pos, name)
    pos = at + RECORD_FIXED_SIZE + getUint16(message, at + 8)
  }
  return false
}

/** Also true if the names take too much work: `decodeResponse` rejects the message. */
function contains(message: Uint8Array, zone: Octets, name: Octets): boolean {
  try {
    return isAtOrBelow(message, name, zone, budget)
  } catch {
    return true
  }
}

/** CNAME and ANY ask for an alias itself: RFC 1034 §4.3.2, step 3a. */
function followsAliases(qtype: number): boolean {
  return qtype !== RRTYPE.CNAME && qtype !== RRTYPE.ANY
}

/** What is kept of one response. */
interface Part {
  readonly message: Uint8Array
  readonly records: readonly MessageRecord[]
}

/**
 * Responses of which each answers the question for the last CNAME of the one before, from one upstream or several. `join`
 * makes one response of them, as if the first upstream had followed the CNAMEs itself: RFC 1034 §4.3.2, step 3a.
 *
 * Of each response only what belongs to its own question is kept, and no name may come twice, so that an upstream
 * cannot replace what another one said.
 */
export class ResponseChain {
  /** The question whose response has to be added next; undefined: the chain is complete, or broken for good. */
  next: Uint8Array | undefined
  private readonly parts: Part[] = []
  private readonly names = new Set<NameKey>()
  private cnames = 0
  private rcode = 0
  private isAuthentic = true
  private edes: Uint8Array = NO_OPTIONS
  private broken: string | undefined

  /** @param question for which a response is wanted */
  constructor(private readonly question: Uint8Array) {
    this.next = question.slice()
  }

  /**
   * Adds a response, unless it is malformed. A copy is kept.
   *
   * @param message answers `next`
   * @throws InterdictError as `decodeResponse`
   */
  add(message: Uint8Array): void {
    const question = this.next!
    this.next = undefined
    decoder.begin(message)
    decoder.decodeQuestion(question)
    decoder.decodeRecords(qtypeOf(question))
    this.rcode = decoder.rcode
    this.isAuthentic &&= ((message[3] ?? 0) & AD) !== 0
    this.addEdes(decoder.ede)
    if (!decoder.isAnswer) return
    const scrubbed = decoder.isSuspect ? scrubResponse(message, question, decoder.budget) : message
    if (scrubbed === undefined) this.broken = CNAME_LOOP
    else this.addPart(scrubbed.slice(), question)
  }

  /**
   * One response to the first question: all ANSWERs in order, the proofs of all, the SOA and RCODE of the last, AD if all
   * have it. SERVFAIL without records for a loop or too many CNAMEs.
   *
   * @throws InterdictError WIRE_LARGE and as `decompressName`
   */
  join(): Uint8Array {
    const head = new Uint8Array(HEADER_SIZE + this.question.length)
    head.set(this.question, HEADER_SIZE)
    const rcode = this.broken === undefined ? this.rcode : RCODE.SERVFAIL
    const flags = (this.isAuthentic ? AD : 0) | (rcode & 0x0f)
    head.set([0, 0, 0x81, 0x80 | flags, 0, 1])
    const writer = new RecordWriter(head)
    const parts = this.broken === undefined ? this.parts : []
    for (const section of [0, 1])
      for (const { message, records } of parts)
        for (const record of records) if (record.section === section) writer.add(message, record)
    const edes = this.broken === undefined ? this.edes : encodeEde(EDE.OTHER, this.broken)
    if (edes.length > 0 || rcode > 0x0f) writer.addOpt(rcode, edes)
    return writer.finish()
  }

  private addPart(message: Uint8Array, question: Uint8Array): void {
    const qtype = qtypeOf(question)
    budget.begin(message.length)
    const all = findRecords(message, question, budget)
    const answers = all.filter(({ section }) => section === 0)
    const cnames = answers.filter(({ type }) => type === RRTYPE.CNAME && type !== qtype)
    this.addNames(answers.filter(({ type }) => type === qtype || type === RRTYPE.CNAME))
    this.cnames += cnames.length
    if (this.cnames > MAX_CHAIN_LENGTH) this.broken ??= TOO_LONG
    const hasData = answers.some(({ type }) => type === qtype)
    const last = cnames.at(-1)
    const target = last === undefined ? undefined : nameKeyAt(message, last.data).key
    const isOpen = target !== undefined && !hasData && !this.isSettled(all, target)
    this.parts.push({ message, records: all.filter(one => isKept(message, one, isOpen)) })
    if (target === undefined || !isOpen || !followsAliases(qtype)) return
    if (this.names.has(target)) this.broken ??= CNAME_LOOP
    if (this.broken === undefined) this.next = questionFor(target, question)
  }

  /** The names that the response has records of; none of them may have come before. */
  private addNames(records: readonly MessageRecord[]): void {
    const owners = new Set(records.map(({ owner }) => owner))
    for (const owner of owners) {
      if (this.names.has(owner)) this.broken ??= CNAME_LOOP
      this.names.add(owner)
    }
  }

  /** Whether the response denies the target or its records, or has a DNAME for it. */
  private isSettled(records: readonly MessageRecord[], target: NameKey): boolean {
    if (this.rcode !== RCODE.NOERROR) return true
    return records.some(
      ({ section, type, owner }) =>
        type === (section === 1 ? RRTYPE.SOA : RRTYPE.DNAME) && isKeyAtOrBelow(target, owner)
    )
  }

  private addEdes(ede: Answer['ede']): void {
    if (ede !== undefined) this.edes = Uint8Array.of(...this.edes, ...ede.option)
  }
}

/** @param isOpen another response follows: an SOA would say something about the wrong name */
function isKept(
  message: Uint8Array,
  { section, type, data }: MessageRecord,
  isOpen: boolean
): boolean {
  if (section === 0) return true
  if (!isNeededInAuthority(message, type, data)) return false
  const covered = type === RRTYPE.RRSIG ? getUint16(message, data) : type
  return !isOpen || covered !== RRTYPE.SOA
}

function questionFor(name: NameKey, question: Uint8Array): Uint8Array {
  const type = question.subarray(question.length - QUESTION_FIXED_SIZE)
  return Uint8Array.of(...Buffer.from(name, 'latin1'), ...type)
}
