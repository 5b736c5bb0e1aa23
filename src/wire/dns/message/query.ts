import { copyOctets, getInt32Le, setInt32Le } from '../../../base/bytes/octets.js'
import type { Octets } from '../../../base/units.js'
import { findNameEnd } from '../name/compressed-name.js'
import { HashedName } from '../name/hashed-name.js'
import { OPCODE } from '../registry/opcode.js'
import { OPTION_COOKIE } from '../edns/opt.js'
import { OPTION_EDE } from '../edns/ede-option.js'
import { OPTION_PROBE, PROBE_QUERY_SIZE } from '../edns/probe-option.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import {
  HEADER_SIZE,
  MIN_UDP_PAYLOAD,
  OPTION_HEADER_SIZE,
  RECORD_FIXED_SIZE
} from '../registry/sizes.js'
import { AliasChain } from './alias-chain.js'
import { keyFlags, keySuffixSize, KEY_SET_SIZE, type QuestionKey } from './question.js'
import type { Code } from '../../../base/code.js'

/**
 * From here to ANY come zone transfers and meta types, like OPT: TKEY, TSIG, IXFR, AXFR, MAILB,
 * MAILA. There is nothing to forward. RFC 6895 §3.1.
 */
const FIRST_REFUSED_QTYPE = 249

export type QueryKind = Code<'query kind'>

/**
 * The kind of a received message, which determines the reply.
 *
 * `ok`            a normal query
 * `unanswerable`  gets no reply: shorter than a header, or itself a response
 * `formerr`       a malformed query
 * `notimp`        an opcode other than QUERY
 * `badvers`       an unknown EDNS version. RFC 6891 §6.1.3
 * `refused`       well-formed, but unsupported
 * `special`       a query with special handling: without RD, for ANY, or of class CH
 * `cookieOnly`    no question, only a COOKIE option: the client requests a cookie. RFC 7873 §5.4
 */
export const QUERY_KIND = {
  ok: 0 as QueryKind,
  unanswerable: 1 as QueryKind,
  formerr: 2 as QueryKind,
  notimp: 3 as QueryKind,
  badvers: 4 as QueryKind,
  refused: 5 as QueryKind,
  special: 6 as QueryKind,
  cookieOnly: 7 as QueryKind
} as const

/**
 * Bits of `Query.options`: options of the query that the reply depends on. `structured`: the client asks
 * for structured DNS errors. `probe`: it may be a probe of the gateway itself.
 */
export const OPTION_BIT = { cookie: 1, nsid: 2, structured: 4, probe: 8 } as const

/** OPTION-CODE. RFC 5001 §2.1. */
export const OPTION_NSID = 3
/** Size of `Query.replyOptions`: with the longest question they fit into 512 octets. */
const MAX_REPLY_OPTIONS: Octets = 128

/**
 * A query in a buffer. One instance is reused for all queries and nothing is allocated; all positions
 * count from the start of the buffer, not from the header.
 *
 * After `decode`, the fields describe the query as far as it could be decoded. After `unanswerable`
 * only `options` and `replyOptions` are valid: empty.
 */
export class Query {
  /**
   * The name to resolve, lower-cased: QNAME, or the target of the last of `aliases`. Its `length` is 0
   * without a valid question.
   */
  readonly qname = new HashedName()
  /** CNAMEs made by rules, with which the reply begins; none after `decode`. */
  readonly aliases = new AliasChain()
  /** Position of the header. */
  at: Octets = 0
  /** Position after the last octet received. */
  end: Octets = 0
  /** Position after QCLASS; `at + 12` without a valid question. */
  questionEnd: Octets = 0
  id = 0
  qtype = 0
  qclass = 0
  /** Number of the forwarders of the client's network, set once the client is known; 0: those of the settings. */
  forwarders = 0
  opcode = 0
  recursionDesired = false
  checkingDisabled = false
  /** AD in a query: the client understands AD in responses. RFC 6840 §5.7. */
  authenticData = false
  /** Whether the query has an OPT record; otherwise the reply must not either. RFC 6891 §6.1.1. */
  edns = false
  ednsVersion = 0
  /** Largest UDP message that the client accepts, at least 512. */
  udpSize: Octets = MIN_UDP_PAYLOAD
  dnssecOk = false
  /** The client's network has `dnssec: enforce`. Set after `decode`, part of the key. */
  dnssecEnforced = false
  /** Options of the query: bits of `OPTION_BIT`. */
  options = 0
  /**
   * OPTION-CODE by which clients ask for structured DNS errors; -1: none.
   * draft-ietf-dnsop-structured-dns-error §5.4
   */
  structuredOption = -1
  /** Data of the first COOKIE option, valid if `options` has its bit. RFC 7873 §5.2. */
  cookieAt: Octets = 0
  cookieLength: Octets = 0
  /** Position of the data of the first probe option, valid if `options` has its bit. */
  probeAt: Octets = 0
  /**
   * Options for the reply's OPT, encoded before the reply overwrites the query. Empty after
   * `decode`.
   */
  readonly replyOptions = new Uint8Array(MAX_REPLY_OPTIONS)
  replyOptionsLength: Octets = 0
  /** Key arrays by length, reused. */
  private readonly keys: (QuestionKey | undefined)[] = []

  /**
   * Decodes the message in `octets[at, end)`, from header to last record, and reads no octet outside.
   * `qname` is lower-cased and hashed; the buffer keeps the client's spelling.
   *
   * One long method on purpose, because V8 limits inlining: for a name of 25 octets and OPT it takes
   * 69 ns (Node 20); split into five short methods it took 84.
   *
   * @param seed for the hashes of `qname`: the policy snapshot's
   */
  decode(octets: Uint8Array, at: Octets, end: Octets, seed: number): QueryKind {
    // Reset first: these are read even for unanswerable messages.
    this.options = 0
    this.replyOptionsLength = 0
    this.forwarders = 0
    this.dnssecEnforced = false
    if (this.aliases.qnameLength !== 0) this.aliases.clear()
    if (end - at < HEADER_SIZE) return QUERY_KIND.unanswerable
    const flags = octets[at + 2]!
    if ((flags & 0x80) !== 0) return QUERY_KIND.unanswerable
    const more = octets[at + 3]!
    const opcode = (flags >> 3) & 0x0f
    this.at = at
    this.end = end
    this.id = (octets[at]! << 8) | octets[at + 1]!
    this.opcode = opcode
    this.recursionDesired = (flags & 0x01) !== 0
    this.authenticData = (more & 0x20) !== 0
    this.checkingDisabled = (more & 0x10) !== 0
    this.edns = false
    this.ednsVersion = 0
    this.udpSize = MIN_UDP_PAYLOAD
    this.dnssecOk = false
    // Exactly one question: RFC 9619 §4.
    const single = octets[at + 4] === 0 && octets[at + 5] === 1
    const nameEnd = single ? this.qname.decode(octets, at + HEADER_SIZE, end, seed) : 0
    const questionEnd = nameEnd + 4
    if (nameEnd === 0 || questionEnd > end) return this.decodeWithoutQuestion(octets, at, end)
    const qtype = (octets[nameEnd]! << 8) | octets[nameEnd + 1]!
    const qclass = (octets[nameEnd + 2]! << 8) | octets[nameEnd + 3]!
    this.qtype = qtype
    this.qclass = qclass
    this.questionEnd = questionEnd
    const kind = this.decodeRecords(octets, at, questionEnd, end)
    // Messages of other opcodes may carry any records; they are not processed.
    if (opcode !== OPCODE.QUERY) return QUERY_KIND.notimp
    if (kind !== QUERY_KIND.ok) return kind
    // Rules apply to class IN only: an answer in another class would bypass them.
    if (qclass !== RRCLASS.IN)
      return qclass === RRCLASS.CH ? QUERY_KIND.special : QUERY_KIND.refused
    if (qtype >= FIRST_REFUSED_QTYPE && qtype <= RRTYPE.ANY) {
      return qtype === RRTYPE.ANY ? QUERY_KIND.special : QUERY_KIND.refused
    }
    if (qtype === RRTYPE.OPT) return QUERY_KIND.refused
    return this.recursionDesired ? QUERY_KIND.ok : QUERY_KIND.special
  }

  /** Adds an encoded option to the reply. */
  addReplyOption(option: Uint8Array | undefined): void {
    if (option === undefined) return
    this.replyOptions.set(option, this.replyOptionsLength)
    this.replyOptionsLength += option.length
  }

  /**
   * The cache key of the question; valid until the next call.
   *
   * A string key took 87 ns, and had to be hashed and garbage-collected as well.
   */
  key(): QuestionKey {
    const length = this.qname.length + keySuffixSize(this.forwarders)
    const key = (this.keys[length] ??= new Uint8Array(length))
    this.copyKey(key, 0)
    return key
  }

  /** Copies the octets of `key()` to `to` at `at`. */
  copyKey(to: Uint8Array, at: Octets): void {
    const { octets, length } = this.qname
    copyOctets(octets, 0, length, to, at)
    to[at + length] = this.qtype >> 8
    to[at + length + 1] = this.qtype & 0xff
    to[at + length + 2] = this.qclass >> 8
    to[at + length + 3] = this.qclass & 0xff
    let last = at + length + 4
    if (this.forwarders !== 0) {
      setInt32Le(to, last, this.forwarders)
      last += KEY_SET_SIZE
    }
    to[last] = this.keyFlags
  }

  private get keyFlags(): number {
    const { dnssecOk, checkingDisabled, forwarders, dnssecEnforced } = this
    return keyFlags(dnssecOk, checkingDisabled, forwarders, dnssecEnforced)
  }

  /**
   * Whether the octets of `key()` equal `from[at, at + length)`.
   *
   * @param words the memory of `from`, four octets at a time
   * @param at a multiple of 4
   */
  matchesKey(from: Uint8Array, words: Int32Array, at: Octets, length: Octets): boolean {
    const { octets, words: own, length: name } = this.qname
    const { forwarders } = this
    if (length !== name + keySuffixSize(forwarders) || from[at + length - 1] !== this.keyFlags)
      return false
    if (forwarders !== 0 && getInt32Le(from, at + name + 4) !== forwarders) return false
    if (((from[at + name]! << 8) | from[at + name + 1]!) !== this.qtype) return false
    if (((from[at + name + 2]! << 8) | from[at + name + 3]!) !== this.qclass) return false
    const whole = name >> 2
    for (let i = 0, word = at >> 2; i < whole; i++, word++) if (words[word] !== own[i]) return false
    for (let i = whole << 2; i < name; i++) if (from[at + i] !== octets[i]) return false
    return true
  }

  /** Malformed, or a query without a question that requests a cookie. RFC 7873 §5.4. */
  private decodeWithoutQuestion(octets: Uint8Array, at: Octets, end: Octets): QueryKind {
    this.qname.length = 0
    this.qname.labels = 0
    this.qtype = 0
    this.qclass = 0
    this.questionEnd = this.at + HEADER_SIZE
    if (this.opcode !== OPCODE.QUERY) return QUERY_KIND.notimp
    if (octets[at + 4] !== 0 || octets[at + 5] !== 0) return QUERY_KIND.formerr
    const wellFormed = this.decodeRecords(octets, at, this.questionEnd, end) === QUERY_KIND.ok
    return wellFormed && (this.options & OPTION_BIT.cookie) !== 0
      ? QUERY_KIND.cookieOnly
      : QUERY_KIND.formerr
  }

  /**
   * Walks all records from `start`, after the question, to `end` and decodes the OPT among them.
   *
   * @returns `ok`, `formerr`, `badvers`; or `refused` for a signed query, because clients have no TSIG
   *   keys here. RFC 8945 §5.2
   */
  private decodeRecords(octets: Uint8Array, at: Octets, start: Octets, end: Octets): QueryKind {
    // Records in ANSWER and AUTHORITY, where OPT is not allowed. RFC 6891 §6.1.1
    const before =
      ((octets[at + 6]! << 8) | octets[at + 7]!) + ((octets[at + 8]! << 8) | octets[at + 9]!)
    const total = before + ((octets[at + 10]! << 8) | octets[at + 11]!)
    let kind: QueryKind = QUERY_KIND.ok
    let pos = start
    for (let i = 0; i < total; i++) {
      const owner = pos
      pos = owner < end && octets[owner] === 0 ? owner + 1 : findNameEnd(octets, owner, end)
      if (pos === 0 || pos + RECORD_FIXED_SIZE > end) return QUERY_KIND.formerr
      const type = (octets[pos]! << 8) | octets[pos + 1]!
      const next = pos + RECORD_FIXED_SIZE + ((octets[pos + 8]! << 8) | octets[pos + 9]!)
      if (next > end) return QUERY_KIND.formerr
      if (type === RRTYPE.OPT) {
        if (i < before || this.edns || octets[owner] !== 0) return QUERY_KIND.formerr
        if (!this.decodeOpt(octets, pos, next)) return QUERY_KIND.formerr
      } else if (type === RRTYPE.TSIG) {
        kind = QUERY_KIND.refused
      }
      pos = next
    }
    if (pos !== end) return QUERY_KIND.formerr
    if (this.ednsVersion > 0) return QUERY_KIND.badvers
    // Only a query for an incremental transfer has a record (its SOA) in AUTHORITY. RFC 1995 §3.
    return before > 0 && this.qtype !== RRTYPE.IXFR ? QUERY_KIND.formerr : kind
  }

  /** @returns whether the options fill RDATA exactly; not checked for an unknown version */
  private decodeOpt(octets: Uint8Array, at: Octets, end: Octets): boolean {
    const size = (octets[at + 2]! << 8) | octets[at + 3]!
    this.edns = true
    this.udpSize = size < MIN_UDP_PAYLOAD ? MIN_UDP_PAYLOAD : size
    this.ednsVersion = octets[at + 5]!
    this.dnssecOk = (octets[at + 6]! & 0x80) !== 0
    if (this.ednsVersion > 0) return true
    let pos = at + RECORD_FIXED_SIZE
    while (pos + OPTION_HEADER_SIZE <= end) {
      this.decodeOption(octets, pos)
      pos += OPTION_HEADER_SIZE + ((octets[pos + 2]! << 8) | octets[pos + 3]!)
    }
    return pos === end
  }

  private decodeOption(octets: Uint8Array, at: Octets): void {
    const code = (octets[at]! << 8) | octets[at + 1]!
    if (code === OPTION_COOKIE && (this.options & OPTION_BIT.cookie) === 0) {
      this.options |= OPTION_BIT.cookie
      this.cookieAt = at + OPTION_HEADER_SIZE
      this.cookieLength = (octets[at + 2]! << 8) | octets[at + 3]!
    } else if (code === OPTION_NSID) {
      this.options |= OPTION_BIT.nsid
    } else if (code === this.structuredOption || code === OPTION_EDE) {
      // §5.4: its data is ignored. In earlier revisions an extended error was the signal.
      this.options |= OPTION_BIT.structured
    } else if (code === OPTION_PROBE && (this.options & OPTION_BIT.probe) === 0) {
      if (octets[at + 2] !== 0 || octets[at + 3] !== PROBE_QUERY_SIZE) return
      this.options |= OPTION_BIT.probe
      this.probeAt = at + OPTION_HEADER_SIZE
    }
  }
}
