import type { ClientIdentity } from '../context/client-identity.js'
import { ObjectPool } from '../../base/bytes/object-pool.js'
import { copyOctets } from '../../base/bytes/octets.js'
import type { Milliseconds } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { NO_RCODE, VERDICT, type LookupVerdict } from '../../lookups/event/query-event.js'
import type { Forwarder, UpstreamOutcome } from '../upstream/forwarder.js'
import type { CacheDependencies, CacheStage } from './cache-stage.js'
import type { ClientResponseTimer } from './client-response-timer.js'
import {
  MAX_RESTARTS,
  PendingQuery,
  type PendingQueryCounts,
  type PendingQueryHandler
} from './pending-query.js'
import type { ProbeStage } from './probe-stage.js'
import { CONTINUE, MAX_TCP_MESSAGE, RESTART, type QueryContext } from '../context/query-context.js'
import type { QueryStages } from './query-stages.js'
import { DROP, PENDING, rcodeOf, type ReplyTarget } from '../context/responder.js'
import type { ReplyGate } from './reply-gate.js'
import type { SharedQueries } from './shared-queries.js'
import type { ValidationSampler } from './validation-sampler.js'
import type {
  UpstreamAnswer,
  UpstreamResponseHandler
} from '../answers/upstream-response-handler.js'

export interface PendingDependencies extends CacheDependencies {
  readonly forwarder: Forwarder
  readonly responses: UpstreamResponseHandler
  readonly responseTimer: ClientResponseTimer
  /** Undefined: there are no other workers. */
  readonly sharedQueries?: SharedQueries | undefined
  /** Undefined: nothing is validated. */
  readonly sampler?: ValidationSampler | undefined
  /** Undefined: no connections are denied. */
  readonly replyGate?: ReplyGate | undefined
}

/** The slow path of `Resolver`: forwards a query, and replies with the last stages when an answer has come. */
export class PendingReplies implements PendingQueryHandler {
  /** Results of queries that waited for an upstream. */
  readonly counts: PendingQueryCounts = { forwarded: 0, stale: 0, failed: 0 }
  private readonly pool = new ObjectPool<PendingQuery>()
  /** Replies are written here. */
  private readonly replyBuffer = new Uint8Array(MAX_TCP_MESSAGE)

  constructor(
    private readonly context: QueryContext,
    private readonly stages: QueryStages,
    private readonly cacheStage: CacheStage,
    private readonly probes: ProbeStage,
    private readonly dependencies: PendingDependencies
  ) {
    const { sharedQueries } = dependencies
    if (sharedQueries !== undefined) sharedQueries.onEnd = this.onSharedEnd
  }

  /**
   * Forwards the query in `context`.
   *
   * @param isJudged no rule matched its name
   * @param before the query for the same client that has just ended; a rule has made an alias since
   */
  forward(target: ReplyTarget, isJudged: boolean, before?: PendingQuery): void {
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

  /** The upstream query has ended: caches what came and replies, unless a stale answer was sent. */
  onOutcome(pending: PendingQuery, outcome: UpstreamOutcome): void {
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

  /** Replies to a pending query; forwards it once more if a rule made an alias whose target is not cached. */
  private finish(pending: PendingQuery, answer: Answer, verdict: LookupVerdict): void {
    const { context } = this
    const { target } = pending
    const length = this.writeReply(pending, answer, verdict)
    if (context.probe !== 0) this.dependencies.counters.resume()
    if (length === PENDING) {
      this.forward(target, context.isUnmatched, pending)
      return
    }
    const isProbe = context.probe !== 0
    let isHeld = false
    if (!isProbe) this.count(verdict)
    if (length !== DROP && !isProbe) {
      const took = this.stages.now - pending.startedAt
      this.dependencies.counters.countLate(rcodeOf(this.replyBuffer, 0), took)
      isHeld = this.stages.noteAddresses(this.replyBuffer, 0, length)
    }
    if (isHeld) {
      const { replyBuffer, stages } = this
      const { hasValidCookie } = context
      this.dependencies.replyGate!.hold(target, replyBuffer, 0, length, hasValidCookie, stages.now)
    } else target.reply(length === DROP ? undefined : this.replyBuffer, 0, length)
    if (!isProbe && verdict === VERDICT.forwarded) {
      const { policy, now } = this.stages
      const rcode = length === DROP ? NO_RCODE : rcodeOf(this.replyBuffer, 0)
      this.dependencies.sampler?.offer(policy, context, pending.question, rcode, now)
    }
  }

  /** Writes the reply to a pending query into `replyBuffer`; returns its length, DROP or PENDING. */
  private writeReply(pending: PendingQuery, answer: Answer, verdict: LookupVerdict): number {
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
    if (decided !== PENDING || pending.restarts < MAX_RESTARTS)
      return stages.markAuthoritative(decided)
    const { responses } = this.dependencies
    return stages.respond(responses.giveUp(stages.now), VERDICT.failed, took)
  }

  /** After the aliases, the name to resolve is not always the one that was forwarded. */
  private answerPending(
    pending: PendingQuery,
    answer: Answer,
    verdict: LookupVerdict,
    took: Milliseconds
  ): number {
    const { context } = this
    const { query, isAliased } = context
    const isName = isAliased ? pending.isFor(query.qname) : pending.aliases === undefined
    // New rules may have given the client's network other forwarders meanwhile, or enforce validation.
    const isForwarded =
      isName &&
      pending.forwarders === query.forwarders &&
      pending.dnssecEnforced === query.dnssecEnforced
    if (!isForwarded) return this.cacheStage.answer(query.key(), took)
    // The same for DNS64: without it, the answer to A is not that to the client's question.
    if (pending.synthesisTtl >= 0 && context.dns64 === undefined)
      return this.cacheStage.answer(query.key(), took)
    context.synthesisTtl = pending.synthesisTtl
    return this.cacheStage.respond(answer, verdict, took)
  }

  /** Restores what policy has decided about a pending query, or evaluates it again. */
  private resume(pending: PendingQuery, took: Milliseconds): number {
    const { context, stages } = this
    const { policy, epoch } = stages
    const { client, clientAt } = pending.target
    const { aliases } = pending
    const identity = stages.recognize(client, clientAt, pending.target.identity)
    const isJudged = pending.epoch === epoch && !this.hasMoved(pending, identity)
    if (context.probe !== 0) this.probes.begin()
    else if (isJudged) {
      const { clientClass, addressClass } = pending
      context.setClient(client, clientAt, clientClass, identity, addressClass, policy)
    } else {
      // A closed connection has no identity.
      const ownClass = identity?.clientClass ?? 0
      const clientClass = ownClass === 0 ? policy.classOf(client, clientAt) : ownClass
      const addressClass = ownClass === 0 ? 0 : identity!.addressClass
      context.setClient(client, clientAt, clientClass, identity, addressClass, policy)
    }
    if (aliases?.epoch === epoch) aliases.restore(context, pending.question, policy.seed)
    if (isJudged) {
      context.clearDecision()
      return CONTINUE
    }
    // A rule matched the name, or the rules have changed since: evaluate policy again.
    return stages.applyPolicy(took, false)
  }

  /** The address has another device since, or none that is known: other rules may apply. */
  private hasMoved(pending: PendingQuery, identity: ClientIdentity | undefined): boolean {
    const { devices, policy } = this.stages
    if (devices === undefined) return false
    const { client, clientAt } = pending.target
    const own = identity?.clientClass ?? 0
    const isSame =
      own === 0
        ? pending.clientClass === policy.classOf(client, clientAt) && pending.addressClass === 0
        : pending.clientClass === own && pending.addressClass === identity!.addressClass
    return !isSame
  }

  private count(verdict: LookupVerdict): void {
    const { counts } = this
    if (verdict === VERDICT.failed) counts.failed++
    else if (verdict === VERDICT.stale) counts.stale++
    else counts.forwarded++
  }
}
