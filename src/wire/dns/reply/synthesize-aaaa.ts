import { getUint16, getUint32 } from '../../../base/bytes/octets.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../../../base/units.js'
import type { HashedName } from '../name/hashed-name.js'
import { decompressName, skipName } from '../name/name.js'
import type { Answer } from '../records/answer.js'
import { decompressRdata } from '../records/rdata.js'
import { RRTYPE } from '../registry/rrtype.js'
import {
  HEADER_SIZE,
  MAX_MESSAGE_SIZE,
  QUESTION_FIXED_SIZE,
  RECORD_FIXED_SIZE
} from '../registry/sizes.js'

/** A pointer to QNAME, which follows the header. RFC 1035 §4.1.4. */
const QNAME_POINTER = 0xc000 | HEADER_SIZE
const MAPPED = 0xffff

/** What of the addresses in an answer a network gets. */
export interface AddressTranslation {
  /** IPv4-mapped, four words at `at`. */
  excludesA(words: Uint32Array, at: number): boolean
  excludesAaaa(words: Uint32Array, at: number): boolean
  /** The address for an IPv4 address, in memory that the next call may reuse. */
  embed(ipv4: number): Uint8Array
}

/** Whether an answer to AAAA has an address that counts. RFC 6147 §5.1.4. */
export function hasUsableAddress({ addresses }: Answer, rules: AddressTranslation): boolean {
  for (let at = 0; at < addresses.length; at += 4)
    if (!rules.excludesAaaa(addresses, at)) return true
  return false
}

/** Whether an answer to AAAA has an address that is left out. */
export function hasExcludedAddress({ addresses }: Answer, rules: AddressTranslation): boolean {
  for (let at = 0; at < addresses.length; at += 4)
    if (rules.excludesAaaa(addresses, at)) return true
  return false
}

/**
 * The answer to AAAA that is made of an answer to A: each A record becomes an AAAA record, the CNAMEs before them stay. What
 * the A records were signed with is left out, and the answer is not authentic. RFC 6147 §5.1.7, §5.5.
 *
 * Its `addresses` are those of both families, so that policy applies to both. It is of now: TTLs are what is left of them.
 *
 * @param most highest TTL: that of the answer that there is no AAAA record
 * @returns `answer` itself if it has no address; undefined if the result is too long for a message
 */
export function synthesizeAaaa(
  answer: Answer,
  qname: HashedName,
  rules: AddressTranslation,
  most: Seconds,
  now: Milliseconds
): Answer | undefined {
  const age = Math.floor((now - answer.storedAt) / MS_PER_SECOND)
  const lifetime = Math.min(most, Math.max(0, answer.lifetime - age))
  const ttlOf = (ttl: Seconds): Seconds => Math.min(most, Math.max(0, ttl - age))
  const words: number[] = []
  const copy = new AnswerCopy(answer, qname)
  copy.filter((type, data) => {
    if (type !== RRTYPE.A) return type === RRTYPE.CNAME || type === RRTYPE.DNAME || copy.signs(data)
    const ipv4 = getUint32(copy.message, data)
    const mapped = Uint32Array.of(0, 0, MAPPED, ipv4)
    if (rules.excludesA(mapped, 0)) return false
    const address = rules.embed(ipv4)
    words.push(...mapped, ...[0, 4, 8, 12].map(at => getUint32(address, at)))
    return address
  }, ttlOf)
  if (copy.translated === 0 && copy.left === 0) return answer
  const addresses = Uint32Array.from(words)
  return copy.toAnswer({ storedAt: now, lifetime, addresses })
}

/** An answer to AAAA without the addresses that do not count. RFC 6147 §5.1.4. */
export function withoutExcluded(
  answer: Answer,
  qname: HashedName,
  rules: AddressTranslation
): Answer | undefined {
  const copy = new AnswerCopy(answer, qname)
  copy.filter((type, data) => {
    if (type !== RRTYPE.AAAA) return type !== RRTYPE.RRSIG || copy.signs(data)
    return !rules.excludesAaaa(copy.wordsAt(data), 0)
  })
  return copy.toAnswer({})
}

/** True: the record stays; false: it is left out; octets: the RDATA of an AAAA record in its place. */
type Choice = boolean | Uint8Array

/** The ANSWER of an answer, written without compression except QNAME. `decodeResponse` has validated the records. */
class AnswerCopy {
  readonly message: Uint8Array
  /** Numbers of records that became AAAA records, and that were left out though they are addresses. */
  translated = 0
  left = 0
  private readonly out: number[] = []
  private readonly ttls: number[] = []
  private count = 0
  private readonly start: Octets
  private type = 0

  constructor(
    private readonly answer: Answer,
    qname: HashedName
  ) {
    this.start = HEADER_SIZE + qname.length + QUESTION_FIXED_SIZE
    this.message = new Uint8Array(this.start + answer.body.length)
    this.message.set(qname.octets.subarray(0, qname.length), HEADER_SIZE)
    this.message.set(answer.body, this.start)
  }

  /** Whether the current record signs CNAMEs or DNAMEs, which stay as they are. @param data of its RDATA */
  signs(data: Octets): boolean {
    if (this.type !== RRTYPE.RRSIG) return false
    const covered = getUint16(this.message, data)
    return covered === RRTYPE.CNAME || covered === RRTYPE.DNAME
  }

  wordsAt(at: Octets): Uint32Array {
    return Uint32Array.from([0, 4, 8, 12], offset => getUint32(this.message, at + offset))
  }

  filter(
    choose: (type: number, data: Octets) => Choice,
    ttlOf: (ttl: Seconds) => Seconds = ttl => ttl
  ): void {
    const { message, out } = this
    let pos = this.start
    for (let record = 0; record < this.answer.answers; record++) {
      const owner = pos
      const at = skipName(message, owner, HEADER_SIZE)
      const type = (this.type = getUint16(message, at))
      const data = at + RECORD_FIXED_SIZE
      pos = data + getUint16(message, at + 8)
      const choice = choose(type, data)
      if (choice === false) {
        if (type === RRTYPE.A || type === RRTYPE.AAAA) this.left++
        continue
      }
      if (getUint16(message, owner) === QNAME_POINTER) out.push(0xc0, HEADER_SIZE)
      else decompressName(message, owner, out)
      const isNew = choice !== true
      if (isNew) this.translated++
      const written = isNew ? RRTYPE.AAAA : type
      out.push(written >> 8, written & 0xff, message[at + 2]!, message[at + 3]!)
      this.ttls.push(out.length)
      const ttl = ttlOf(getUint32(message, at + 4))
      out.push(ttl >>> 24, (ttl >>> 16) & 0xff, (ttl >>> 8) & 0xff, ttl & 0xff, 0, 0)
      const from = out.length
      if (isNew) out.push(...choice)
      else decompressRdata(message, type, data, pos, out)
      out[from - 2] = (out.length - from) >> 8
      out[from - 1] = (out.length - from) & 0xff
      this.count++
    }
  }

  toAnswer(changes: Partial<Answer>): Answer | undefined {
    const { answer, start, out, ttls, count } = this
    if (start + out.length > MAX_MESSAGE_SIZE) return undefined
    return {
      ...answer,
      ...changes,
      body: Uint8Array.from(out),
      ttls: Uint16Array.from(ttls),
      answers: count,
      authorities: 0,
      authentic: false,
      cleanEpoch: -1,
      cleanClass: -1
    }
  }
}
