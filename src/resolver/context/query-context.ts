import type { Octets, Seconds } from '../../base/units.js'
import {
  CLIENT_COOKIE_SIZE,
  COOKIE_STATUS,
  type ServerCookies
} from '../../wire/dns/edns/server-cookie.js'
import { appendChain, reached } from '../../wire/dns/message/answer-chain.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { OPTION_BIT, Query, QUERY_KIND, type QueryKind } from '../../wire/dns/message/query.js'
import type { QuestionKey } from '../../wire/dns/message/question.js'
import { MAX_NAME, type HashedName } from '../../wire/dns/name/hashed-name.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { Dns64 } from '../../policy/evaluate/dns64.js'
import { StructuredErrors } from '../../policy/evaluate/structured-errors.js'
import type { StructuredErrorSettings } from '../../policy/evaluate/structured-errors.js'
import type { Claim } from '../../policy/tables/claim.js'
import { Decision } from '../../policy/tables/decision.js'
import { MATCH, PROTOCOL, type Match, type Protocol } from '../../lookups/event/query-event.js'
import type { ClientIdentity } from './client-identity.js'
import type { ProbeRecognizer } from './probe-recognizer.js'
import type { ServerIdentity } from './server-identity.js'

/** Largest UDP reply, whatever the client accepts: avoids fragmentation. RFC 9715 §3.1. */
const MAX_UDP_REPLY: Octets = 1232
/** Largest message over TCP. RFC 1035 §4.2.2. */
export const MAX_TCP_MESSAGE: Octets = 65_535

/** Returned by a stage that does not reply: the next stage goes on. Not a length, DROP or PENDING. */
export const CONTINUE = -2
/** Returned by a stage that has made an alias: the stages start again, with the alias's target as name. */
export const RESTART = -3
/** Returned by a stage that needs the A records of the name, of which the answer is made. */
export const SYNTHESIZE = -4

const NO_STRUCTURED_ERRORS: StructuredErrorSettings = {
  enabled: false,
  optionCode: 0,
  unencrypted: false,
  filteringDatabase: ''
}

/** The query being processed, its client and the decision on its name. One instance, reused. */
export class QueryContext {
  readonly query = new Query()
  queryKind: QueryKind = QUERY_KIND.unanswerable
  /** Holds the query; the reply is written over it. */
  octets: Uint8Array = new Uint8Array(0)
  /** Largest reply allowed. */
  maxLength: Octets = 0
  protocol: Protocol = PROTOCOL.udp
  /** Four words at `clientAt`, as in `DatagramBatch.peers`. */
  client: Uint32Array = new Uint32Array(4)
  clientAt = 0
  /** Undefined: the client is identified by its address. */
  clientIdentity: ClientIdentity | undefined = undefined
  /** In the current snapshot; 0: unknown client. */
  clientClass = 0
  /** Class of the address, whose bans apply as well: see `addressClassOf`; 0: none does. */
  addressClass = 0
  /**
   * What decisions depend on besides name, type and time: the client class, or the pair of both, and whether the query came
   * over TCP, where rules with the action `truncate` do not apply. Key of decisions that are kept.
   */
  decisionClass = 0
  /** If there is an `addressClass`: the stricter decision of the two. */
  readonly decision = new Decision()
  /** Of `addressClass`, if there is one: which of its bans match, and which exceptions. */
  readonly addressBans = new Decision()
  /** The decision that made the first of `query.aliases`, and how the query came to it. */
  readonly aliasDecision = new Decision()
  aliasMatch: Match = MATCH.none
  /** The alias target that `findAliasTarget` has found. */
  readonly target = new Uint8Array(MAX_NAME)
  /** The query carries a server cookie of this resolver, so its source address is not spoofed. */
  hasValidCookie = false
  /** Bits of `PROBE_FLAG`; 0: not a probe of the gateway itself. */
  probe = 0

  /** Of the client's network; undefined: no AAAA records are made. */
  dns64: Dns64 | undefined = undefined
  /**
   * Highest TTL of the AAAA records that are made, while the A records of the name are looked up: the name has no AAAA
   * record for so long. -1: none are made.
   */
  synthesisTtl: Seconds = -1

  private structuredErrors: StructuredErrors

  /**
   * @param cookies undefined: COOKIE options are ignored
   * @param structured undefined: nobody gets structured errors
   * @param probes undefined: the gateway does not probe itself
   */
  constructor(
    private identity: ServerIdentity,
    private cookies: ServerCookies | undefined,
    structured: StructuredErrorSettings | undefined,
    private readonly probes?: ProbeRecognizer
  ) {
    this.structuredErrors = new StructuredErrors(structured ?? NO_STRUCTURED_ERRORS)
    this.configure(identity, cookies, structured)
  }

  /** Replaces what the constructor was given. */
  configure(
    identity: ServerIdentity,
    cookies: ServerCookies | undefined,
    structured: StructuredErrorSettings = NO_STRUCTURED_ERRORS
  ): void {
    this.identity = identity
    this.cookies = cookies
    this.structuredErrors = new StructuredErrors(structured)
    const { enabled, optionCode } = structured
    this.query.structuredOption = enabled && optionCode > 0 ? optionCode : -1
  }

  /** Whether the client has asked for structured errors, and may get them. */
  get wantsStructuredErrors(): boolean {
    return (this.query.options & OPTION_BIT.structured) !== 0
  }

  /** The extended error option for a claim that blocks, as the client wants it. */
  edeOf(policy: Policy, claim: Claim): Uint8Array {
    if (!this.wantsStructuredErrors) return claim.reply!.edeOption
    return this.structuredErrors.optionOf(claim, policy.languageFor(this.clientClass))
  }

  /** Also over TLS: the same limits apply, and the address is not spoofed. */
  get overTcp(): boolean {
    return this.protocol !== PROTOCOL.udp
  }

  private get isUnencrypted(): boolean {
    return this.protocol === PROTOCOL.udp || this.protocol === PROTOCOL.tcp
  }

  /**
   * Whether a rule has made an alias of QNAME, or matched behind an alias that the reply keeps. Then that
   * rule is logged, whatever follows.
   */
  get isAliased(): boolean {
    return this.query.aliases.qnameLength > 0
  }

  /** Whether local records alone have made the aliases: then they are logged, unless a rule blocks the target. */
  get isRecordAlias(): boolean {
    return this.aliasMatch === MATCH.record && this.isAliased
  }

  /** The same without the alias that DNS64 makes of a reverse name, which is in no zone of ours. */
  get isZoneAlias(): boolean {
    return this.isRecordAlias && this.aliasDecision.recordClaim !== -1
  }

  /** CNAME and ANY ask for an alias itself: RFC 1034 §4.3.2, step 3a. */
  get followsAliases(): boolean {
    const { qtype } = this.query
    return qtype !== RRTYPE.CNAME && qtype !== RRTYPE.ANY
  }

  /**
   * Makes the name an alias of `target[0, length)`, which becomes the name to resolve.
   *
   * @param match how the query came to the rule's name or address
   * @param claim whose reply has the alias
   * @returns false if that would be a loop or too many aliases
   */
  addAlias(
    decision: Decision,
    match: Match,
    length: Octets,
    policy: Policy,
    claim: Claim
  ): boolean {
    const { query, target } = this
    const { qname, aliases } = query
    if (!this.isAliased || this.isRecordAlias) {
      this.aliasMatch = this.matchBehindRecord(match)
      this.aliasDecision.copyFrom(decision)
    }
    const ede = this.edeOf(policy, claim)
    const { ttl } = claim.reply!
    if (!aliases.append(qname.octets, qname.length, target, length, ttl, ede)) return false
    this.synthesisTtl = -1
    qname.set(target, 0, policy.seed)
    return true
  }

  /** As `addAlias`, where local records have the CNAME. */
  addRecordAlias(decision: Decision, length: Octets, ttl: Seconds, seed: number): boolean {
    const { query, target } = this
    const { qname, aliases } = query
    if (!this.isAliased) {
      this.aliasDecision.copyFrom(decision)
      this.aliasMatch = MATCH.record
    }
    if (!aliases.append(qname.octets, qname.length, target, length, ttl, undefined)) return false
    this.synthesisTtl = -1
    qname.set(target, 0, seed)
    return true
  }

  /** How the query came to a rule: by the CNAME of a local record, if that led to the name. */
  matchBehindRecord(match: Match): Match {
    return match === MATCH.qname && this.isRecordAlias ? MATCH.cname : match
  }

  /**
   * Keeps the CNAMEs of an answer, up to what a rule matches: the reply begins with them, and the last
   * target becomes the name to resolve.
   *
   * @param match how the query came to the rule's name or address
   * @param name the target that the rule matches; undefined: the end of the chain
   * @param age since the answer was stored
   * @param ede of the rule
   * @param seed as for `read`
   * @returns false without such a chain
   */
  keepChain(
    decision: Decision,
    match: Match,
    answer: Answer,
    name: HashedName | undefined,
    age: Seconds,
    ede: Uint8Array,
    seed: number
  ): boolean {
    const { query, isAliased, isRecordAlias } = this
    if (appendChain(query, answer, name, age, ede) === 0) return false
    if (!isAliased || isRecordAlias) {
      this.aliasDecision.copyFrom(decision)
      this.aliasMatch = match
    }
    query.qname.set(reached, 0, seed)
    return true
  }

  /** The question that is forwarded has this type: A, where AAAA records are made of the answer. */
  get forwardedType(): number {
    return this.synthesisTtl >= 0 ? RRTYPE.A : this.query.qtype
  }

  /** Cache key of the question with `forwardedType`; valid until the next call. */
  forwardedKey(): QuestionKey {
    const { query } = this
    const { qtype } = query
    query.qtype = this.forwardedType
    const key = query.key()
    query.qtype = qtype
    return key
  }

  /** Whether no rule of the client's networks matches the name, not even in monitor mode. */
  get isUnmatched(): boolean {
    return this.decision.isEmpty && (this.addressClass === 0 || this.addressBans.isEmpty)
  }

  /** No rule of the client's networks matches the name. */
  clearDecision(): void {
    this.decision.clear()
    if (this.addressClass !== 0) this.addressBans.clearForBans()
  }

  /**
   * Call once after each `read`.
   *
   * @param clientClass 0: unknown client
   * @param addressClass see the field
   */
  setClient(
    client: Uint32Array,
    clientAt: number,
    clientClass: number,
    identity: ClientIdentity | undefined,
    addressClass: number,
    policy: Policy
  ): void {
    this.client = client
    this.clientAt = clientAt
    this.clientIdentity = identity
    this.clientClass = clientClass
    this.addressClass = addressClass
    this.setForwarding(clientClass, addressClass, policy)
    this.dns64 = policy.dns64For(clientClass)
    const ruleClass =
      addressClass === 0 ? clientClass : policy.pairs.numberOf(clientClass, addressClass)
    this.decisionClass = 2 * ruleClass + (this.overTcp ? 1 : 0)
    // The identity of the server is not for unknown clients.
    if ((this.query.options & OPTION_BIT.nsid) !== 0 && clientClass !== 0) {
      this.query.addReplyOption(this.identity.nsid)
    }
  }

  /** What answers depend on besides the question: the forwarders of the network, and whether it validates. */
  setForwarding(clientClass: number, addressClass: number, policy: Policy): void {
    const { query } = this
    query.forwarders = policy.forwardersFor(clientClass)
    query.dnssecEnforced = policy.enforcesDnssec(clientClass) || policy.enforcesDnssec(addressClass)
  }

  /**
   * Parses the message in `octets[at, end)`.
   *
   * @param room octets that the reply may use, from `at`
   * @param seed of name hashes, from the current snapshot
   */
  read(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    room: Octets,
    protocol: Protocol,
    seed: number
  ): QueryKind {
    this.octets = octets
    this.protocol = protocol
    const kind = this.query.decode(octets, at, end, seed)
    const offered = protocol !== PROTOCOL.udp ? MAX_TCP_MESSAGE : this.query.udpSize
    const most = protocol === PROTOCOL.udp && offered > MAX_UDP_REPLY ? MAX_UDP_REPLY : offered
    this.maxLength = most < room ? most : room
    this.queryKind = kind
    this.hasValidCookie = false
    this.probe = 0
    this.synthesisTtl = -1
    return kind
  }

  /** RCODE for a query that asks only for a cookie. RFC 7873 §5.4. */
  get cookieRcode(): number {
    const isWrong = this.query.cookieLength > CLIENT_COOKIE_SIZE && !this.hasValidCookie
    return isWrong ? RCODE.BADCOOKIE : RCODE.NOERROR
  }

  /**
   * Evaluates the EDNS options of the query and prepares the options of the reply.
   *
   * @param client four words at `clientAt`
   * @returns the kind, options considered
   */
  processOptions(client: Uint32Array, clientAt: number): QueryKind {
    const { query, cookies, structuredErrors } = this
    if (this.queryKind === QUERY_KIND.formerr) return QUERY_KIND.formerr
    const { enabled, unencrypted } = structuredErrors.settings
    if (!enabled || (!unencrypted && this.isUnencrypted)) query.options &= ~OPTION_BIT.structured
    if ((query.options & OPTION_BIT.cookie) !== 0 && cookies !== undefined) {
      const cookie = cookies.verify(query, this.octets, client, clientAt)
      // RFC 7873 §5.2.2.
      if (cookie === COOKIE_STATUS.malformed) return QUERY_KIND.formerr
      this.hasValidCookie = cookie === COOKIE_STATUS.verified
    } else if (this.queryKind === QUERY_KIND.cookieOnly) {
      return QUERY_KIND.formerr
    }
    if ((query.options & OPTION_BIT.probe) !== 0 && this.probes !== undefined)
      this.recognizeProbe(this.probes, client, clientAt)
    return this.queryKind
  }

  private recognizeProbe(probes: ProbeRecognizer, client: Uint32Array, clientAt: number): void {
    this.probe = probes.recognize(this.query, this.octets, client, clientAt)
    // Its address is verified, and no limit of a client applies.
    if (this.probe !== 0) this.hasValidCookie = true
  }
}
