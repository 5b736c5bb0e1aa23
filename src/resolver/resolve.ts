/**
 * The life of a query. READ THIS FIRST.
 *
 *     query arrives
 *       │
 *     parse header, question, EDNS ─── malformed or unsupported ────────► FORMERR, NOTIMP, BADVERS,
 *       │                                                                 REFUSED, or dropped
 *     shelf: ready reply for this network? ── hit ──────────────────────► reply
 *       │
 *     network of the client ── unknown client ──────────────────────────► REFUSED, EDE 18
 *       │
 *     policy for the name ─┬─ special-use name ─────────────────────────► local reply (RFC 6761 ...)
 *       │                  └─ blocked ──────────────────────────────────► block reply, EDE
 *       │
 *     no RD, ANY over UDP, class CH ── yes ─────────────────────────────► REFUSED, HINFO, TXT
 *       │
 *     cache ── hit ──────────────────────────────────────────┐
 *       │ miss                                               │
 *     upstreams just failed ── stale answer or failure ──────┤
 *       │ no                                                 │
 *     forward to an upstream ── response ────────────────────┤
 *       │ failure, or client response timer expired          │
 *     stale answer, else SERVFAIL with EDE 22 or 23 ─────────┤
 *                                                            ▼
 *     policy for aliases and addresses in the answer ── blocked ────────► block reply, EDE
 *       │
 *     reply with the client's ID and letter case, TTLs counted down; log record where wanted
 *
 * `answer` is the fast path: everything up to the cache within one call, in place, without
 * allocation. If it returns PENDING, `answerLater` forwards the query, and `onOutcome` finishes it
 * with the same last stages once the upstream query has ended.
 */
import { epochSeconds, type Clock } from '../base/clock.js'
import { ObjectPool } from '../base/object-pool.js'
import { copyOctets } from '../base/octets.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../base/units.js'
import type { AnswerCache } from '../cache/cache.js'
import { SHELF, type Shelf } from '../cache/shelf.js'
import type { ServerCookies } from '../dns/edns/server-cookie.js'
import type { Answer } from '../dns/message/answer.js'
import { QUERY_KIND } from '../dns/message/query.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { encodeCachedAnswer, encodePackedAnswer } from '../dns/reply/cached-reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import { TIER } from '../policy/tables/claim.js'
import type { Verdict } from '../policy/tables/verdict.js'
import { MATCH, VERDICT } from '../querylog/record/query-event.js'
import type { Forwarder, Outcome } from '../upstream/forwarder.js'
import { AnswerInspector } from './answer-inspector.js'
import { isBlocked, writeBlockedReply } from './blocked-reply.js'
import type { ClientResponseTimer } from './client-response-timer.js'
import { isStale, type Fallback } from './fallback.js'
import {
  chooseLocalReply,
  LOCAL_REPLY,
  localEde,
  localRcode,
  writeLocalReply
} from './local-reply.js'
import { detectLoop, refuseLoop, type LoopDetection } from './loop-detection.js'
import type { NotifyHandler } from './notify-handler.js'
import {
  NOT_JUDGED,
  PendingQuery,
  type PendingQueryCounts,
  type PendingQueryHandler
} from './pending-query.js'
import type { Prefetcher } from './prefetcher.js'
import { CONTINUE, MAX_TCP_MESSAGE, QueryContext } from './query-context.js'
import type { QueryLogger } from './query-logger.js'
import type { RebindingGuard } from './rebinding-guard.js'
import { blockPrivateAddress, refuseUnknownClient, rejectMalformed } from './rejections.js'
import { DROP, PENDING, type ReplyTarget, type Responder } from './responder.js'
import type { ServerIdentity } from './server-identity.js'
import { answerChaos, rejectUnsupported } from './unsupported-queries.js'
import type { UpstreamResponseHandler } from './upstream-response-handler.js'

/** How long the shelf serves an answer before the cache has to be asked, which counts its use. */
const MAX_SHELF_AGE: Seconds = 30

export interface ResolverDependencies {
  readonly cache: AnswerCache
  /** Undefined if every lookup has to be logged: replies from the shelf are not. */
  readonly shelf: Shelf | undefined
  readonly forwarder: Forwarder
  readonly responses: UpstreamResponseHandler
  readonly fallback: Fallback
  readonly responseTimer: ClientResponseTimer
  /** Undefined: entries are not refreshed before they expire. */
  readonly prefetcher?: Prefetcher | undefined
  readonly logger: QueryLogger
  readonly identity: ServerIdentity
  /** Undefined: upstreams may return private addresses for any name. */
  readonly rebindingGuard?: RebindingGuard | undefined
  /** Undefined: COOKIE options of clients are ignored. */
  readonly cookies?: ServerCookies | undefined
  /** Undefined: loop probes are forwarded like any query. */
  readonly loopDetection?: LoopDetection | undefined
  /** Undefined: no zones are transferred, and NOTIFY is answered NOTIMP. */
  readonly notify?: NotifyHandler | undefined
  readonly clock: Clock
}

export class Resolver implements Responder, PendingQueryHandler {
  /** Results of queries that waited for an upstream. */
  readonly counts: PendingQueryCounts = { forwarded: 0, stale: 0, failed: 0 }
  private readonly context: QueryContext
  private readonly inspector: AnswerInspector
  private readonly pool = new ObjectPool<PendingQuery>()
  /** Replies of pending queries are written here. */
  private readonly replyBuffer = new Uint8Array(MAX_TCP_MESSAGE)
  /** Time, date and policy epoch of the current batch. */
  private now: Milliseconds = 0
  private calendar: Seconds = 0
  private epoch = 0

  /** @param policy in force until `adopt` replaces it */
  constructor(
    private readonly dependencies: ResolverDependencies,
    private policy: Policy
  ) {
    this.inspector = new AnswerInspector(dependencies.rebindingGuard)
    this.context = new QueryContext(dependencies.identity, dependencies.cookies)
    this.beginBatch()
  }

  get hasValidCookie(): boolean {
    return this.context.hasValidCookie
  }

  /** Replaces the rules. Each query is answered under one snapshot, never under parts of two. */
  adopt(policy: Policy): void {
    this.policy = policy
    this.beginBatch()
  }

  beginBatch(): void {
    const { clock, shelf, logger } = this.dependencies
    this.now = clock.now()
    this.calendar = epochSeconds(clock)
    this.epoch = this.policy.epochAt(this.calendar)
    this.inspector.beginBatch(this.policy, this.calendar, this.epoch)
    shelf?.beginBatch(this.epoch, this.now)
    logger.beginBatch(this.policy, clock.wall())
  }

  answer(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    room: Octets,
    client: Uint32Array,
    clientAt: number,
    protocol: number
  ): number {
    const { context, policy, dependencies } = this
    const { shelf, cache, fallback } = dependencies
    // Only a well-formed query gets any further.
    let reading = context.read(octets, at, end, room, protocol, policy.seed)
    if (context.query.options !== 0) reading = context.processOptions(client, clientAt)
    if (reading !== QUERY_KIND.ok && reading !== QUERY_KIND.special) {
      return rejectMalformed(context, reading, dependencies.notify, client, clientAt)
    }
    context.setClient(client, clientAt, policy.classOf(client, clientAt))
    // The shelf holds answers that no rule of this network matches over this transport: one lookup replaces all stages
    // below, until the answer expires or the rules change.
    const shelved =
      reading === QUERY_KIND.ok ? shelf?.find(context.query, context.verdictClass) : SHELF.miss
    if (shelved === SHELF.answer) {
      return encodePackedAnswer(octets, context.query, context.maxLength, shelf!)
    }
    // Loads the cache's memory into the CPU cache while the rules are evaluated.
    const touched = shelved === SHELF.miss ? context.query.key() : undefined
    if (touched !== undefined) cache.touch(touched)
    // Policy before the cache: new rules apply at once to names that are cached already, and one
    // cache can serve all networks, because block replies are never cached.
    const decided = this.applyPolicy(0, shelved === SHELF.block)
    if (decided !== CONTINUE) return decided
    const key = touched ?? context.query.key()
    const cached = cache.get(key)
    if (cached !== undefined) return this.respond(cached, VERDICT.cached, 0)
    // Upstreams that failed on this question a moment ago are not queried again yet.
    const failed = fallback.get(key)
    if (failed !== undefined) {
      return this.respond(failed, isStale(failed) ? VERDICT.stale : VERDICT.cached, 0)
    }
    // A loop probe of this resolver has come back from an upstream.
    if (detectLoop(context, dependencies.loopDetection)) return refuseLoop(context)
    return PENDING
  }

  answerLater(target: ReplyTarget): void {
    this.startForwarding(target, this.context.verdict.isEmpty ? this.epoch : NOT_JUDGED)
  }

  /**
   * Forwards a query that did not go through `answer`, whatever the cache holds. Policy is evaluated
   * once the upstream has answered.
   */
  forward(target: ReplyTarget): void {
    const { octets, start, end, protocol } = target
    this.context.read(octets, start, end, MAX_TCP_MESSAGE, protocol, this.policy.seed)
    this.dependencies.cache.get(this.context.query.key())
    this.startForwarding(target, NOT_JUDGED)
  }

  /** The upstream query has ended: caches what came and replies, unless a stale answer was sent. */
  onOutcome(pending: PendingQuery, outcome: Outcome): void {
    const { responses, responseTimer } = this.dependencies
    const { target, isReplied, generation } = pending
    this.updateBatch()
    responseTimer.cancel(pending)
    const { answer, verdict } = responses.handle(pending, generation, outcome, this.now)
    const length = isReplied ? DROP : this.finish(pending, answer, verdict)
    this.pool.release(pending, pending.qnameLength)
    if (!isReplied) target.reply(length === DROP ? undefined : this.replyBuffer, 0, length)
  }

  /** Sends the stale answer; the upstream's answer is still cached when it arrives. */
  onClientTimeout(pending: PendingQuery, stale: Answer): void {
    this.updateBatch()
    pending.isReplied = true
    const length = this.finish(pending, stale, VERDICT.stale)
    pending.target.reply(length === DROP ? undefined : this.replyBuffer, 0, length)
  }

  /** What is handled at the same time, as all in one turn of the event loop, shares a batch. */
  private updateBatch(): void {
    if (this.dependencies.clock.now() !== this.now) this.beginBatch()
  }

  /** Forwards the query in `context`. `epoch` is that of the policy that has been applied. */
  private startForwarding(target: ReplyTarget, epoch: number): void {
    const { context, now } = this
    const { cache, forwarder, responses, responseTimer } = this.dependencies
    const { query, clientClass } = context
    const { length } = query.qname
    const pending = this.pool.take(length) ?? new PendingQuery(length, this)
    pending.start(target, query, clientClass, epoch, responses.generation, now)
    if (cache.missedExpired) responseTimer.start(pending, now)
    forwarder.forward(pending, pending)
  }

  /** Writes the reply to a pending query into `replyBuffer`; returns its length, or DROP. */
  private finish(pending: PendingQuery, answer: Answer, verdict: number): number {
    const { context, policy, replyBuffer } = this
    const { octets, start, end, client, clientAt, protocol } = pending.target
    const took = this.now - pending.startedAt
    this.count(verdict)
    copyOctets(octets, start, end, replyBuffer, 0)
    context.read(replyBuffer, 0, end - start, MAX_TCP_MESSAGE, protocol, policy.seed)
    if (context.query.options !== 0) context.processOptions(client, clientAt)
    if (pending.epoch === this.epoch) {
      context.setClient(client, clientAt, pending.clientClass)
      context.verdict.clear()
      return this.respond(answer, verdict, took)
    }
    // A rule matched the name, or the rules have changed since: evaluate policy again.
    context.setClient(client, clientAt, policy.classOf(client, clientAt))
    const decided = this.applyPolicy(took, false)
    return decided === CONTINUE ? this.respond(answer, verdict, took) : decided
  }

  private count(verdict: number): void {
    const { counts } = this
    if (verdict === VERDICT.failed) counts.failed++
    else if (verdict === VERDICT.stale) counts.stale++
    else counts.forwarded++
  }

  /**
   * Checks the client and evaluates the rules for the name.
   *
   * @param isShelved the shelf holds the rules' decision
   * @returns the reply's length, DROP, or CONTINUE
   */
  private applyPolicy(took: Milliseconds, isShelved: boolean): number {
    const { context, policy } = this
    const { shelf, logger, identity } = this.dependencies
    const { query, clientClass, verdict, overTcp } = context
    if (clientClass === 0) return refuseUnknownClient(context, logger)
    if (query.qclass !== RRCLASS.IN) return answerChaos(context, identity)
    verdict.clear()
    if (isShelved) shelf!.readBlock(verdict)
    else policy.evaluateName(query.qname, query.qtype, clientClass, this.calendar, verdict, overTcp)
    if (verdict.tier === TIER.specialUse) {
      const length = this.answerLocally(took)
      if (length !== CONTINUE) return length
    }
    // A block applies to every kind of query, so unsupported queries are rejected after it.
    if (!isBlocked(policy, verdict)) return rejectUnsupported(context, logger)
    if (!isShelved && verdict.monitorClaim === -1)
      shelf?.putBlock(query, verdict, context.verdictClass)
    return this.block(verdict, MATCH.qname, took)
  }

  /** Replies with `answer`, unless it contains something that this client must not reach. */
  private respond(answer: Answer, verdict: number, took: Milliseconds): number {
    const { context, inspector, policy } = this
    const { logger } = this.dependencies
    const match = inspector.inspect(context, answer)
    if (match === MATCH.rebinding) return blockPrivateAddress(context, policy, logger, answer, took)
    if (match !== MATCH.none) return this.block(inspector.verdict, match, took)
    const age = Math.floor((this.now - answer.storedAt) / MS_PER_SECOND)
    const length = encodeCachedAnswer(context.octets, context.query, context.maxLength, answer, age)
    logger.logAnswered(context, inspector, answer, verdict, took)
    if (verdict === VERDICT.cached) this.maybePrefetch(answer, age)
    return length
  }

  /**
   * After a cache hit: refreshes the entry if it expires soon, and puts the answer on the shelf.
   * Random names are queried once and never get here; blocked names do not, either.
   */
  private maybePrefetch(answer: Answer, age: Seconds): void {
    const { context, inspector } = this
    const { prefetcher, shelf } = this.dependencies
    const end = prefetcher?.maybePrefetch(context.query, answer, age) ?? answer.lifetime
    const until = Math.min(end, age + MAX_SHELF_AGE)
    if (until > age && isUnmatched(context.verdict) && isUnmatched(inspector.verdict)) {
      shelf?.put(context.query, answer, context.verdictClass, until)
    }
  }

  private block(verdict: Verdict, match: number, took: Milliseconds): number {
    const length = writeBlockedReply(this.context, this.policy, verdict, match)
    this.dependencies.logger.logBlocked(this.context, verdict, match, took)
    return length
  }

  /** Replies for a special-use name; CONTINUE if the question belongs to an upstream. */
  private answerLocally(took: Milliseconds): number {
    const { context, policy } = this
    const reply = chooseLocalReply(context, policy)
    if (reply === LOCAL_REPLY.forward) return CONTINUE
    const length = writeLocalReply(context, policy, reply)
    this.dependencies.logger.logLocal(context, localRcode(reply), localEde(reply), took)
    return length
  }
}

/** Whether no rule matched, not even one in monitor mode. */
function isUnmatched({ claim, tier, monitorClaim }: Verdict): boolean {
  return (claim === -1 || tier === TIER.specialUse) && monitorClaim === -1
}
