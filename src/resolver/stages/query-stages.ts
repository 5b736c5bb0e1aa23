import { epochSeconds, type Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../../base/units.js'
import type { Shelf } from '../cache/shelf.js'
import { withoutRecords, type Answer } from '../../wire/dns/records/answer.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { encodeAliasedAnswer } from '../../wire/dns/reply/aliased-reply.js'
import { encodeCachedAnswer } from '../../wire/dns/reply/cached-reply.js'
import { encodeError } from '../../wire/dns/reply/local-reply.js'
import { withoutEch } from '../../wire/dns/reply/without-ech.js'
import { addBans, isBanned } from '../../policy/evaluate/client-pair.js'
import type { Dns64 } from '../../policy/evaluate/dns64.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { TIER } from '../../policy/tables/claim.js'
import { ECH, networkOfClass, type EchCode } from '../../policy/tables/client-table.js'
import type { Decision } from '../../policy/tables/decision.js'
import { MATCH, VERDICT, type LookupVerdict, type Match } from '../../lookups/event/query-event.js'
import { AnswerInspector } from './answer-inspector.js'
import type { AnswerNotes } from './answer-notes.js'
import { findAliasTarget, isBlocked, writeBlockedReply } from './blocked-reply.js'
import {
  chooseLocalReply,
  LOCAL_REPLY,
  localEde,
  localRcode,
  writeLocalReply
} from './special-use-reply.js'
import {
  aliasTtl,
  answersHere,
  markAlias,
  recordAlias,
  recordRcode,
  writeRecords
} from './record-reply.js'
import { answerByPrefix, negativeTtl, translateAnswer } from './dns64-reply.js'
import type { ClientIdentity } from '../context/client-identity.js'
import { DeviceRecognizer } from '../context/device-identity.js'
import type { DeviceTableReader } from '../../policy/bindings/device-table.js'
import { DeviceIndex } from '../../policy/evaluate/device-index.js'
import type { LookupCounters } from '../context/lookup-counters.js'
import type { Prefetcher } from '../answers/prefetcher.js'
import { CONTINUE, RESTART, SYNTHESIZE, type QueryContext } from '../context/query-context.js'
import type { QueryLogger } from './query-logger.js'
import type { ReplyGate } from './reply-gate.js'
import type { RebindingGuard } from './rebinding-guard.js'
import { blockPrivateAddress, hideHttps, refuseUnknownClient } from './rejections.js'
import type { ServerIdentity } from '../context/server-identity.js'
import { answerChaos, rejectUnsupported } from './unsupported-queries.js'

/** How long the shelf serves an answer before the cache has to be asked, which counts its use. */
const MAX_SHELF_AGE: Seconds = 30

export interface StageDependencies {
  /** Undefined if every lookup has to be logged: replies from the shelf are not. */
  readonly shelf: Shelf | undefined
  /** Undefined: entries are not refreshed before they expire. */
  readonly prefetcher?: Prefetcher | undefined
  readonly logger: QueryLogger
  readonly counters: LookupCounters
  readonly identity: ServerIdentity
  /** Undefined: upstreams may return private addresses for any name. */
  readonly rebindingGuard?: RebindingGuard | undefined
  readonly clock: Clock
  /** Undefined: nobody observes connections. */
  readonly answerNotes?: AnswerNotes | undefined
  /** Undefined: no connections are denied. */
  readonly replyGate?: ReplyGate | undefined
  /** Undefined: there are no feeds. */
  readonly deviceTable?: DeviceTableReader | undefined
}

/**
 * The stages that both paths of `Resolver` share: policy for the name, policy for the answer, the
 * reply and its log record. Each works on the query in `context`.
 */
export class QueryStages {
  /** Time, date and policy epoch of the current batch. */
  now: Milliseconds = 0
  epoch = 0
  private rulesTime: Seconds = 0
  /** Undefined: the rules recognize no client by the device behind its address. */
  devices: DeviceRecognizer | undefined
  private readonly inspector: AnswerInspector

  /** @param policy in force until `adopt` replaces it */
  constructor(
    private readonly context: QueryContext,
    private readonly dependencies: StageDependencies,
    public policy: Policy
  ) {
    this.inspector = new AnswerInspector(dependencies.rebindingGuard)
    this.devices = this.recognizerOf(policy)
    this.beginBatch()
  }

  /** Replaces the rules. Each query is answered under one snapshot, never under parts of two. */
  adopt(policy: Policy): void {
    this.policy = policy
    this.devices = this.recognizerOf(policy)
    this.beginBatch()
  }

  /** Who a client is: by what it presents, or by the device behind its address. @param identity by what it presents */
  recognize(
    client: Uint32Array,
    clientAt: number,
    identity: ClientIdentity | undefined
  ): ClientIdentity | undefined {
    const { devices } = this
    if (devices === undefined) return identity
    return devices.recognize(client, clientAt, this.rulesTime, identity)
  }

  private recognizerOf(policy: Policy): DeviceRecognizer | undefined {
    const index = DeviceIndex.of(policy)
    return index && new DeviceRecognizer(policy, index, this.dependencies.deviceTable)
  }

  /** Replaces the guard, and takes over what has changed in the dependencies. */
  configure(guard: RebindingGuard | undefined): void {
    this.inspector.guard = guard
    this.beginBatch()
  }

  beginBatch(): void {
    const { clock, shelf, logger } = this.dependencies
    this.now = clock.now()
    this.rulesTime = epochSeconds(clock)
    this.epoch = this.policy.epochAt(this.rulesTime)
    this.inspector.beginBatch(this.policy, this.rulesTime, this.epoch)
    shelf?.beginBatch(this.epoch, this.now)
    logger.beginBatch(this.policy, clock.wall())
  }

  /** What is handled at the same time, as all in one turn of the event loop, shares a batch. */
  updateBatch(): void {
    if (this.dependencies.clock.now() !== this.now) this.beginBatch()
  }

  /**
   * Checks the client and evaluates the rules for the name.
   *
   * @param isShelved the shelf holds the rules' decision
   * @returns the reply's length, DROP, CONTINUE or RESTART
   */
  applyPolicy(took: Milliseconds, isShelved: boolean): number {
    const { context, policy } = this
    const { shelf, logger, identity } = this.dependencies
    const { query, clientClass, decision, overTcp } = context
    decision.clear()
    if (clientClass === 0) return refuseUnknownClient(context, logger)
    if (query.qclass !== RRCLASS.IN) return answerChaos(context, identity)
    if (isShelved) shelf!.readBlock(decision)
    else {
      policy.evaluateName(
        query.qname,
        query.qtype,
        clientClass,
        this.rulesTime,
        decision,
        overTcp,
        context.isAliased
      )
      if (context.addressClass !== 0) this.addBansOfAddress()
    }
    if (decision.recordClaim !== -1 && !isBanned(policy, decision)) {
      const length = this.answerFromRecords(took)
      if (length !== CONTINUE) return length
    }
    if (context.dns64 !== undefined && !isBlocked(policy, decision)) {
      const length = answerByPrefix(context, context.dns64, policy, logger, took)
      if (length !== CONTINUE) return length
    }
    if (decision.tier === TIER.specialUse && !policy.forwardsDomain(query.qname, clientClass)) {
      const length = this.answerLocally(took)
      if (length !== CONTINUE) return length
    }
    // A block applies to every kind of query, so unsupported queries are rejected after it.
    if (!isBlocked(policy, decision)) {
      if (query.qtype === RRTYPE.HTTPS && this.ech === ECH['hide-https'])
        return hideHttps(context, policy, logger, took)
      return rejectUnsupported(context, logger)
    }
    if (!isShelved && decision.monitorClaim === -1 && !context.isAliased && context.probe === 0)
      shelf?.putBlock(query, decision, context.decisionClass)
    return this.block(decision, MATCH.qname, took)
  }

  /** The network of the client's address bans names, too. */
  private addBansOfAddress(): void {
    const { context, policy } = this
    const { query, addressClass, addressBans, overTcp, isAliased } = context
    const { qname, qtype } = query
    addressBans.clearForBans()
    policy.evaluateName(qname, qtype, addressClass, this.rulesTime, addressBans, overTcp, isAliased)
    addBans(policy, context.decision, addressBans)
  }

  /** Of two networks, that of the stricter one. Class 0 is in no network, which is the most lenient. */
  private get ech(): EchCode {
    const { policy } = this
    const { clientClass, addressClass } = this.context
    return Math.max(policy.echFor(clientClass), policy.echFor(addressClass)) as EchCode
  }

  /**
   * Replies with `answer`, unless it contains something that this client must not reach.
   *
   * @returns the reply's length, DROP, RESTART, or SYNTHESIZE if the A records of the name are to be looked up
   */
  respond(answer: Answer, verdict: LookupVerdict, took: Milliseconds): number {
    const { context } = this
    if (context.dns64 === undefined || context.query.qtype !== RRTYPE.AAAA)
      return this.respondWith(answer, verdict, took)
    return this.respondByDns64(context.dns64, answer, verdict, took)
  }

  private respondWith(answer: Answer, verdict: LookupVerdict, took: Milliseconds): number {
    const { context, inspector, policy } = this
    const { logger } = this.dependencies
    const match = inspector.inspect(context, answer)
    if (match === MATCH.rebinding) return blockPrivateAddress(context, policy, logger, answer, took)
    const age = Math.floor((this.now - answer.storedAt) / MS_PER_SECOND)
    if (match !== MATCH.none) return this.blockAnswer(answer, match, age, took)
    // The aliases that led to a failure are for policy only.
    const { rcode, answers } = answer
    const complete = rcode === RCODE.SERVFAIL && answers > 0 ? withoutRecords(answer) : answer
    const visible = this.visibleTo(context, complete)
    if (visible === undefined) return hideHttps(context, policy, logger, took)
    if (context.isAliased) return this.respondToAlias(answer, visible, verdict, age, took)
    const { octets, query, maxLength } = context
    const length = encodeCachedAnswer(octets, query, maxLength, visible, age)
    const echMatch = visible === complete ? MATCH.none : MATCH.ech
    logger.logAnswered(context, inspector, answer, verdict, took, echMatch)
    if (verdict === VERDICT.cached && context.probe === 0) {
      if (context.synthesisTtl >= 0)
        this.putOnShelf(visible, Math.min(answer.lifetime, MAX_SHELF_AGE))
      else this.maybePrefetch(answer, visible, age)
    }
    return length
  }

  /** An answer to AAAA, or to A, of which one to AAAA is made. RFC 6147 §5.1. */
  private respondByDns64(
    dns64: Dns64,
    answer: Answer,
    verdict: LookupVerdict,
    took: Milliseconds
  ): number {
    const { context, inspector, now } = this
    const translated = translateAnswer(context, dns64, answer, now)
    if (translated !== undefined) {
      const isMade = context.synthesisTtl >= 0
      if (isMade && verdict === VERDICT.cached && context.probe === 0) this.prefetchA(answer)
      return this.respondWith(translated, verdict, took)
    }
    // Its aliases are judged here as well, so that a blocked one is reported as such.
    if (inspector.inspect(context, answer) !== MATCH.none)
      return this.respondWith(answer, verdict, took)
    context.synthesisTtl = negativeTtl(answer, now)
    return SYNTHESIZE
  }

  private prefetchA(answer: Answer): void {
    const { query } = this.context
    const age = Math.floor((this.now - answer.storedAt) / MS_PER_SECOND)
    query.qtype = RRTYPE.A
    this.dependencies.prefetcher?.maybePrefetch(query, answer, age)
    query.qtype = RRTYPE.AAAA
  }

  /** The answer as the client's network may see it; undefined: not at all. */
  private visibleTo({ query }: QueryContext, answer: Answer): Answer | undefined {
    const { qtype, qname } = query
    if (qtype !== RRTYPE.HTTPS && qtype !== RRTYPE.SVCB && qtype !== RRTYPE.ANY) return answer
    return this.ech === ECH.pass ? answer : withoutEch(answer, qname)
  }

  /** Replies with the aliases made by rules and the answer for their target. */
  private respondToAlias(
    answer: Answer,
    visible: Answer,
    verdict: LookupVerdict,
    age: Seconds,
    took: Milliseconds
  ): number {
    const { octets, query, maxLength } = this.context
    const { prefetcher, logger } = this.dependencies
    let { rcode } = answer
    let length = encodeAliasedAnswer(octets, query, maxLength, visible, age)
    if (length === 0) {
      rcode = RCODE.SERVFAIL
      length = encodeError(octets, query, maxLength, rcode, undefined)
    }
    logger.logAliased(this.context, rcode, took)
    if (verdict === VERDICT.cached && this.context.synthesisTtl < 0)
      prefetcher?.maybePrefetch(query, answer, age)
    return length
  }

  /**
   * After a cache hit: refreshes the entry if it expires soon, and puts the answer on the shelf.
   * Random names are queried once and never get here; blocked names do not, either.
   */
  private maybePrefetch(answer: Answer, visible: Answer, age: Seconds): void {
    const { context } = this
    const { prefetcher } = this.dependencies
    const end = prefetcher?.maybePrefetch(context.query, answer, age) ?? answer.lifetime
    const until = Math.min(end, age + MAX_SHELF_AGE)
    if (until > age) this.putOnShelf(visible, until)
  }

  private putOnShelf(answer: Answer, until: Seconds): void {
    const { context, inspector, dependencies } = this
    if (isUnmatched(context.decision) && isUnmatched(inspector.decision))
      dependencies.shelf?.put(context.query, answer, context.decisionClass, until)
  }

  /**
   * A rule matches where the answer leads. A response policy zone acts on the name that it matches, so
   * the reply keeps the CNAMEs up to there, as in BIND and Unbound. Other rules act on the name
   * that the client queried: a ban looks the same however a name is hosted.
   */
  private blockAnswer(answer: Answer, match: Match, age: Seconds, took: Milliseconds): number {
    const { context, inspector, policy } = this
    const { decision, name } = inspector
    const claim = policy.claims.at(decision.claim)!
    const { source } = claim
    const isAddress = match === MATCH.address
    const isKept =
      source.triggerRank !== undefined &&
      match !== MATCH.svcb &&
      context.followsAliases &&
      context.keepChain(
        decision,
        match,
        answer,
        isAddress ? undefined : name,
        age,
        context.edeOf(policy, claim),
        policy.seed
      )
    return this.block(decision, isKept && !isAddress ? MATCH.qname : match, took)
  }

  private block(decision: Decision, match: Match, took: Milliseconds): number {
    const { context, policy } = this
    const target = findAliasTarget(context, policy, decision)
    if (target > 0) return this.startAlias(decision, match, target, took)
    const length = writeBlockedReply(context, policy, decision, match)
    const { replyGate } = this.dependencies
    if (replyGate !== undefined && context.probe === 0 && policy.deniesEgress(this.connectingClass))
      replyGate.blocked(context.query.qname, this.now)
    this.dependencies.logger.logBlocked(context, decision, match, took)
    return length
  }

  /** Goes on with the alias's target in `context.target`; SERVFAIL after a loop or too many aliases. */
  private startAlias(decision: Decision, match: Match, length: Octets, took: Milliseconds): number {
    const { context, policy } = this
    const claim = policy.claims.at(decision.claim)!
    if (context.addAlias(decision, match, length, policy, claim)) return RESTART
    this.dependencies.logger.logAliased(context, RCODE.SERVFAIL, took)
    return encodeError(context.octets, context.query, context.maxLength, RCODE.SERVFAIL, undefined)
  }

  /** Replies with local records; CONTINUE if the question belongs to an upstream, RESTART after a CNAME. */
  private answerFromRecords(took: Milliseconds): number {
    const { context, policy } = this
    const { decision } = context
    const { logger } = this.dependencies
    const node = policy.findRecords(decision)
    if (node === undefined || !answersHere(context, node)) {
      decision.recordClaim = -1
      return CONTINUE
    }
    const target = recordAlias(context, node)
    if (target === 0) {
      const length = writeRecords(context, policy, node)
      logger.logRecord(context, recordRcode(node), took)
      return length
    }
    if (context.addRecordAlias(decision, target, aliasTtl(node), policy.seed)) return RESTART
    logger.logRecord(context, RCODE.SERVFAIL, took)
    return encodeError(context.octets, context.query, context.maxLength, RCODE.SERVFAIL, undefined)
  }

  /** The class of the address, which connections come from. */
  private get connectingClass(): number {
    const { clientClass, addressClass } = this.context
    return addressClass === 0 ? clientClass : addressClass
  }

  /**
   * Notes down where a reply leads the client, if its connections are observed: by its address, which they come from.
   *
   * @returns true if the reply has to wait, because its client may not reach one of the addresses yet: see `ReplyGate.hold`
   */
  noteAddresses(octets: Uint8Array, at: Octets, length: Octets): boolean {
    const { context, policy, dependencies, now } = this
    const { answerNotes, replyGate } = dependencies
    if (answerNotes === undefined) return false
    const { query, client, clientAt } = context
    const own = this.connectingClass
    if (!policy.observesEgress(own)) return false
    const count = answerNotes.note(policy, own, octets, at, length, now)
    if (count === 0 || replyGate === undefined || !policy.deniesEgress(own)) return false
    const network = networkOfClass(policy.snapshot.clients, own)!
    return replyGate.check(network, query.qname, client, clientAt, answerNotes.found, count, now)
  }

  /** Sets AA in a reply that begins with a CNAME of local records. @param length or another result of a stage */
  markAuthoritative(length: number): number {
    const { context } = this
    if (length > 0 && context.isZoneAlias) markAlias(context)
    return length
  }

  /** Replies for a special-use name; CONTINUE if the question belongs to an upstream. */
  private answerLocally(took: Milliseconds): number {
    const { context, policy } = this
    const reply = chooseLocalReply(context, policy)
    if (reply === LOCAL_REPLY.forward) return CONTINUE
    const length = writeLocalReply(context, policy, reply)
    const { logger } = this.dependencies
    logger.logLocal(context, localRcode(reply), localEde(reply), took, MATCH.qname)
    return length
  }
}

/** Whether no rule matched, not even one in monitor mode, and the lookup need not be logged. */
function isUnmatched({ claim, tier, monitorClaim, logSource }: Decision): boolean {
  return (claim === -1 || tier === TIER.specialUse) && monitorClaim === -1 && logSource === -1
}
