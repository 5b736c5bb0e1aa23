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
 * A block reply that is an alias (the action `cname`) starts again at the policy for the name, with the
 * alias's target as name: RESTART.
 *
 * `answer` is the fast path: everything up to the cache within one call, in place, without
 * allocation. If it returns PENDING, `answerLater` forwards the query, and `onOutcome` finishes it
 * with the same last stages once the upstream query has ended.
 */
import { ObjectPool } from '../base/object-pool.js'
import { copyOctets } from '../base/octets.js'
import type { Milliseconds, Octets } from '../base/units.js'
import type { AnswerCache, QuestionKey } from '../cache/cache.js'
import { SHELF } from '../cache/shelf.js'
import type { ServerCookies } from '../dns/edns/server-cookie.js'
import type { Answer } from '../dns/message/answer.js'
import { QUERY_KIND } from '../dns/message/query.js'
import { RCODE } from '../dns/registry/rcode.js'
import { encodePackedAnswer } from '../dns/reply/cached-reply.js'
import { encodeError } from '../dns/reply/local-reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import type { StructuredErrorSettings } from '../policy/evaluate/structured-errors.js'
import { VERDICT } from '../querylog/record/query-event.js'
import type { Forwarder, Outcome } from '../upstream/forwarder.js'
import type { ClientIdentity } from './client-identity.js'
import type { ClientResponseTimer } from './client-response-timer.js'
import { isStale, type Fallback } from './fallback.js'
import { EXTENDED_RCODE, COUNTER, PROTOCOLS } from './lookup-counters.js'
import { detectLoop, refuseLoop, type LoopDetection } from './loop-detection.js'
import type { NotifyHandler } from './notify-handler.js'
import {
  MAX_RESTARTS,
  PendingQuery,
  type PendingQueryCounts,
  type PendingQueryHandler
} from './pending-query.js'
import { CONTINUE, MAX_TCP_MESSAGE, QueryContext, RESTART } from './query-context.js'
import { QueryStages, type StageDependencies } from './query-stages.js'
import { rejectMalformed } from './rejections.js'
import { isResolved, type ProbeRecognizer } from './probe-recognizer.js'
import { DROP, PENDING, type ReplyTarget, type Responder } from './responder.js'
import type { SharedQueries } from './shared-queries.js'
import type { UpstreamAnswer, UpstreamResponseHandler } from './upstream-response-handler.js'

export interface ResolverDependencies extends StageDependencies {
  readonly cache: AnswerCache
  readonly forwarder: Forwarder
  readonly responses: UpstreamResponseHandler
  readonly fallback: Fallback
  readonly responseTimer: ClientResponseTimer
  /** Undefined: there are no other workers. */
  readonly sharedQueries?: SharedQueries | undefined
  /** Undefined: COOKIE options of clients are ignored. */
  readonly cookies?: ServerCookies | undefined
  /** Undefined: nobody gets structured DNS errors. */
  readonly structuredErrors?: StructuredErrorSettings | undefined
  /** Undefined: loop probes are forwarded like any query. */
  readonly loopDetection?: LoopDetection | undefined
  /** Undefined: no zones are transferred, and NOTIFY is answered NOTIMP. */
  readonly notify?: NotifyHandler | undefined
  /** Undefined: the gateway does not probe itself. */
  readonly probes?: ProbeRecognizer | undefined
}

/** What may change while it answers: see `Resolver.configure`. */
export type ResolverSettings = Pick<
  ResolverDependencies,
  'shelf' | 'prefetcher' | 'identity' | 'cookies' | 'rebindingGuard' | 'structuredErrors'
>

export class Resolver implements Responder, PendingQueryHandler {
  /** Results of queries that waited for an upstream. */
  readonly counts: PendingQueryCounts = { forwarded: 0, stale: 0, failed: 0 }
  /** Probes of the gateway itself, by protocol: listeners count them as queries. */
  readonly probed = new Float64Array(PROTOCOLS)
  private readonly context: QueryContext
  private readonly stages: QueryStages
  private readonly pool = new ObjectPool<PendingQuery>()
  /** Replies of pending queries are written here. */
  private readonly replyBuffer = new Uint8Array(MAX_TCP_MESSAGE)

  /**
   * @param policy in force until `adopt` replaces it
   * @param counters as for `adopt`
   */
  constructor(
    private readonly dependencies: ResolverDependencies,
    policy: Policy,
    counters?: SharedArrayBuffer
  ) {
    dependencies.counters.adopt(policy.snapshot, counters)
    const { identity, cookies, structuredErrors, probes } = dependencies
    this.context = new QueryContext(identity, cookies, structuredErrors, probes)
    this.stages = new QueryStages(this.context, dependencies, policy)
    const { sharedQueries } = dependencies
    if (sharedQueries !== undefined) sharedQueries.onEnd = this.onSharedEnd
  }

  get hasValidCookie(): boolean {
    return this.context.hasValidCookie
  }

  /**
   * Replaces the rules. Each query is answered under one snapshot, never under parts of two.
   *
   * @param counters memory for what is counted by the rules: see `LookupCounters.adopt`
   */
  adopt(policy: Policy, counters?: SharedArrayBuffer): void {
    this.dependencies.counters.adopt(policy.snapshot, counters)
    this.stages.adopt(policy)
  }

  /** Replaces the settings, for all queries that arrive or end from now on. */
  configure(settings: ResolverSettings): void {
    // In place: both paths and all stages share this object, whose shape stays the same.
    Object.assign(this.dependencies, settings)
    this.context.configure(settings.identity, settings.cookies, settings.structuredErrors)
    this.stages.configure(settings.rebindingGuard)
  }

  beginBatch(): void {
    this.stages.beginBatch()
  }

  endBatch(): void {
    this.dependencies.counters.endBatch(this.stages.now)
  }

  answer(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    room: Octets,
    client: Uint32Array,
    clientAt: number,
    protocol: number,
    identity?: ClientIdentity
  ): number {
    const { context, stages, dependencies } = this
    const { policy } = stages
    const { shelf, cache, counters } = dependencies
    // Only a well-formed query gets any further.
    let reading = context.read(octets, at, end, room, protocol, policy.seed)
    if (context.query.options !== 0) reading = context.processOptions(client, clientAt)
    if (reading !== QUERY_KIND.ok && reading !== QUERY_KIND.special) {
      return this.rejectMalformed(reading, at, client, clientAt)
    }
    if (context.probe !== 0) {
      this.probed[protocol]!++
      this.beginProbe()
    } else {
      const ownClass = identity === undefined ? 0 : identity.clientClass
      context.setClient(
        client,
        clientAt,
        ownClass === 0 ? policy.classOf(client, clientAt) : ownClass,
        identity
      )
    }
    counters.requests[PROTOCOLS * context.clientClass + protocol]!++
    // The shelf holds answers that no rule of this network matches over this transport: one lookup replaces all stages
    // below, until the answer expires or the rules change.
    const shelved =
      reading === QUERY_KIND.ok ? shelf?.find(context.query, context.verdictClass) : SHELF.miss
    if (shelved === SHELF.answer) {
      counters.countShelved(shelf!.rcode)
      if (context.probe !== 0) counters.resume()
      return encodePackedAnswer(octets, context.query, context.maxLength, shelf!)
    }
    // Loads the cache's memory into the CPU cache while the rules are evaluated.
    const touched = shelved === SHELF.miss ? context.query.key() : undefined
    if (touched !== undefined) cache.touch(touched)
    // Policy before the cache: new rules apply at once to names that are cached already, and one
    // cache can serve all networks, because block replies are never cached.
    let decided = stages.applyPolicy(0, shelved === SHELF.block)
    if (decided === CONTINUE) decided = this.answerFromCache(touched ?? context.query.key(), 0)
    while (decided === RESTART) decided = this.answerForTarget(0)
    if (context.probe !== 0) return this.endProbe(decided)
    if (decided > 0) counters.countResponse(rcodeOf(octets, at))
    return decided
  }

  /** The query is a probe: it is answered as the client that it names, and not counted. */
  private beginProbe(): void {
    const { context, stages, dependencies } = this
    const { policy } = stages
    const probes = dependencies.probes!
    dependencies.counters.pause(policy.snapshot)
    context.setClient(probes.client, 0, probes.classIn(policy), undefined)
    probes.prepareReply(context.query, policy.snapshot.generation)
  }

  /** A probe is not forwarded, unless it says so, or a rule has made an alias. @returns as `answer` */
  private endProbe(decided: number): number {
    const { context, dependencies } = this
    dependencies.counters.resume()
    if (decided !== PENDING || isResolved(context.probe) || context.isAliased) return decided
    const { octets, query, maxLength } = context
    dependencies.probes!.markOpen(query)
    return encodeError(octets, query, maxLength, RCODE.NOERROR, undefined)
  }

  private rejectMalformed(
    reading: number,
    at: Octets,
    client: Uint32Array,
    clientAt: number
  ): number {
    const { context, dependencies } = this
    const { counters, notify } = dependencies
    const { octets, protocol } = context
    counters.fixed[COUNTER.malformed + protocol]!++
    const length = rejectMalformed(context, reading, notify, client, clientAt)
    if (length > 0) {
      const isExtended = reading === QUERY_KIND.badvers
      counters.countResponse(isExtended ? EXTENDED_RCODE : rcodeOf(octets, at))
    }
    return length
  }

  /** Answers the query in `context` from the cache. Returns the reply's length, DROP, RESTART or PENDING. */
  private answerFromCache(key: QuestionKey, took: Milliseconds): number {
    const { context, stages } = this
    const { cache, fallback, loopDetection, counters } = this.dependencies
    const cached = cache.get(key)
    if (cached !== undefined) {
      counters.fixed[COUNTER.hits]!++
      return stages.respond(cached, VERDICT.cached, took)
    }
    // Upstreams that failed on this question a moment ago are not queried again yet.
    const failed = fallback.get(key)
    if (failed !== undefined) {
      const isOld = isStale(failed)
      counters.fixed[isOld ? COUNTER.stale : COUNTER.hits]!++
      return stages.respond(failed, isOld ? VERDICT.stale : VERDICT.cached, took)
    }
    counters.fixed[COUNTER.misses]!++
    // A loop probe of this resolver has come back from an upstream.
    if (detectLoop(context, loopDetection)) return refuseLoop(context)
    return PENDING
  }

  /**
   * A rule has made an alias: answers for its target as if the same client had queried that. Returns
   * the same as `answerFromCache`.
   */
  private answerForTarget(took: Milliseconds): number {
    const decided = this.stages.applyPolicy(took, false)
    return decided === CONTINUE ? this.answerFromCache(this.context.query.key(), took) : decided
  }

  answerLater(target: ReplyTarget): void {
    this.startForwarding(target, this.context.verdict.isEmpty)
  }

  /**
   * Forwards a query that did not go through `answer`, whatever the cache holds. Policy is evaluated
   * once the upstream has answered.
   */
  forward(target: ReplyTarget): void {
    const { octets, start, end, protocol } = target
    const { seed } = this.stages.policy
    this.context.read(octets, start, end, MAX_TCP_MESSAGE, protocol, seed)
    this.dependencies.cache.get(this.context.query.key())
    this.startForwarding(target, false)
  }

  /** The upstream query has ended: caches what came and replies, unless a stale answer was sent. */
  onOutcome(pending: PendingQuery, outcome: Outcome): void {
    const { stages, dependencies } = this
    stages.updateBatch()
    this.end(
      pending,
      dependencies.responses.handle(pending, pending.generation, outcome, stages.now)
    )
  }

  /** Another worker has ended the upstream query: replies from the cache, or else forwards. */
  private readonly onSharedEnd = (pending: PendingQuery): void => {
    const { responses, cache, forwarder } = this.dependencies
    this.stages.updateBatch()
    const found = responses.findCached(pending)
    if (found !== undefined) return this.end(pending, found)
    pending.generation = cache.generation
    forwarder.forward(pending, pending)
  }

  /** Replies to a pending query, unless a stale answer was sent. */
  private end(pending: PendingQuery, { answer, verdict }: UpstreamAnswer): void {
    this.dependencies.responseTimer.cancel(pending)
    if (!pending.isReplied) this.finish(pending, answer, verdict)
    this.pool.release(pending, pending.qnameLength)
  }

  /** Sends the stale answer; the upstream's answer is still cached when it arrives. */
  onClientTimeout(pending: PendingQuery, stale: Answer): void {
    this.stages.updateBatch()
    pending.isReplied = true
    this.finish(pending, stale, VERDICT.stale)
  }

  /**
   * Forwards the query in `context`.
   *
   * @param isJudged no rule matched its name
   * @param before the query for the same client that has just ended; a rule has made an alias since
   */
  private startForwarding(target: ReplyTarget, isJudged: boolean, before?: PendingQuery): void {
    const { context } = this
    const { now, epoch } = this.stages
    const { cache, forwarder, responseTimer, sharedQueries } = this.dependencies
    const { length } = context.query.qname
    const pending = this.pool.take(length) ?? new PendingQuery(length, this)
    pending.start(target, context, epoch, isJudged, cache.generation, now)
    if (before !== undefined) pending.continue(before)
    if (cache.missedExpired) responseTimer.start(pending, now)
    if (sharedQueries?.join(pending, now) !== true) forwarder.forward(pending, pending)
  }

  /** Replies to a pending query; forwards it once more if a rule made an alias whose target is not cached. */
  private finish(pending: PendingQuery, answer: Answer, verdict: number): void {
    const { context } = this
    const { target } = pending
    const length = this.writeReply(pending, answer, verdict)
    if (context.probe !== 0) this.dependencies.counters.resume()
    if (length === PENDING) {
      this.startForwarding(target, context.verdict.isEmpty, pending)
      return
    }
    const isProbe = context.probe !== 0
    if (!isProbe) this.count(verdict)
    if (length !== DROP && !isProbe) {
      const took = this.stages.now - pending.startedAt
      this.dependencies.counters.countLate(rcodeOf(this.replyBuffer, 0), took)
    }
    target.reply(length === DROP ? undefined : this.replyBuffer, 0, length)
  }

  /** Writes the reply to a pending query into `replyBuffer`; returns its length, DROP or PENDING. */
  private writeReply(pending: PendingQuery, answer: Answer, verdict: number): number {
    const { context, stages, replyBuffer } = this
    const { octets, start, end, client, clientAt, protocol } = pending.target
    const took = stages.now - pending.startedAt
    copyOctets(octets, start, end, replyBuffer, 0)
    context.read(replyBuffer, 0, end - start, MAX_TCP_MESSAGE, protocol, stages.policy.seed)
    if (context.query.options !== 0) context.processOptions(client, clientAt)
    let decided = this.resume(pending, took)
    if (decided === CONTINUE) decided = this.answerPending(pending, answer, verdict, took)
    while (decided === RESTART) {
      decided = stages.applyPolicy(took, false)
      if (decided === CONTINUE) decided = this.answerPending(pending, answer, verdict, took)
    }
    if (decided !== PENDING || pending.restarts < MAX_RESTARTS) return decided
    const { responses } = this.dependencies
    return stages.respond(responses.giveUp(stages.now), VERDICT.failed, took)
  }

  /** After the aliases, the name to resolve is not always the one that was forwarded. */
  private answerPending(
    pending: PendingQuery,
    answer: Answer,
    verdict: number,
    took: Milliseconds
  ): number {
    const { context, stages } = this
    const { query, isAliased } = context
    const isForwarded = isAliased ? pending.isFor(query.qname) : pending.aliases === undefined
    return isForwarded
      ? stages.respond(answer, verdict, took)
      : this.answerFromCache(query.key(), took)
  }

  /** Restores what policy has decided about a pending query, or evaluates it again. */
  private resume(pending: PendingQuery, took: Milliseconds): number {
    const { context, stages } = this
    const { policy, epoch } = stages
    const { client, clientAt, identity } = pending.target
    const { aliases } = pending
    const isJudged = pending.epoch === epoch
    if (context.probe !== 0) this.beginProbe()
    else {
      // A connection that was closed has an identity no more.
      const ownClass = identity?.clientClass ?? 0
      const clientClass = ownClass === 0 ? policy.classOf(client, clientAt) : ownClass
      context.setClient(client, clientAt, isJudged ? pending.clientClass : clientClass, identity)
    }
    if (aliases?.epoch === epoch) aliases.restore(context, pending.question, policy.seed)
    if (isJudged) {
      context.verdict.clear()
      return CONTINUE
    }
    // A rule matched the name, or the rules have changed since: evaluate policy again.
    return stages.applyPolicy(took, false)
  }

  private count(verdict: number): void {
    const { counts } = this
    if (verdict === VERDICT.failed) counts.failed++
    else if (verdict === VERDICT.stale) counts.stale++
    else counts.forwarded++
  }
}

/** Of the message at `octets[at]`. RFC 1035 §4.1.1. */
function rcodeOf(octets: Uint8Array, at: Octets): number {
  return octets[at + 3]! & 0x0f
}
