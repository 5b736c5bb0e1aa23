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
 *     policy for the name ─┬─ local record, not banned ─────────────────► its records, or its zone's denial
 *       │                  ├─ special-use name ─────────────────────────► local reply (RFC 6761 ...)
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
 *       │
 *     an address is denied to the client's network ── it waits for the release of the address
 *
 * A block reply that is an alias (the action `cname`), or a CNAME of local records, starts again at the policy for
 * the name, with the alias's target as name: RESTART.
 *
 * `answer` is the fast path: everything up to the cache within one call, in place, without
 * allocation. If it returns PENDING, `answerLater` forwards the query, and `PendingReplies` finishes
 * it with the same last stages once the upstream query has ended.
 */
import type { Octets } from '../../base/units.js'
import { SHELF, type ShelfResult } from '../cache/shelf.js'
import type { ServerCookies } from '../../wire/dns/edns/server-cookie.js'
import { QUERY_KIND, type QueryKind } from '../../wire/dns/message/query.js'
import { encodePackedAnswer } from '../../wire/dns/reply/cached-reply.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { StructuredErrorSettings } from '../../policy/evaluate/structured-errors.js'
import { CacheStage } from './cache-stage.js'
import type { ClientIdentity } from '../context/client-identity.js'
import { EXTENDED_RCODE, COUNTER, PROTOCOLS } from '../context/lookup-counters.js'
import type { NotifyHandler } from './notify-handler.js'
import type { PendingQueryCounts } from './pending-query.js'
import { PendingReplies, type PendingDependencies } from './pending-replies.js'
import { ProbeStage, type ProbeDependencies } from './probe-stage.js'
import { CONTINUE, MAX_TCP_MESSAGE, QueryContext, RESTART } from '../context/query-context.js'
import { QueryStages } from './query-stages.js'
import { rejectMalformed } from './rejections.js'
import { PENDING, rcodeOf, type ReplyTarget, type Responder } from '../context/responder.js'
import type { Protocol } from '../../lookups/event/query-event.js'

export interface ResolverDependencies extends PendingDependencies, ProbeDependencies {
  /** Undefined: COOKIE options of clients are ignored. */
  readonly cookies?: ServerCookies | undefined
  /** Undefined: nobody gets structured DNS errors. */
  readonly structuredErrors?: StructuredErrorSettings | undefined
  /** Undefined: no zones are transferred, and NOTIFY is answered NOTIMP. */
  readonly notify?: NotifyHandler | undefined
}

/** What may change while it answers: see `Resolver.configure`. */
export type ResolverSettings = Pick<
  ResolverDependencies,
  'shelf' | 'prefetcher' | 'identity' | 'cookies' | 'rebindingGuard' | 'structuredErrors'
>

export class Resolver implements Responder {
  private readonly context: QueryContext
  private readonly stages: QueryStages
  private readonly cacheStage: CacheStage
  private readonly probes: ProbeStage
  private readonly pending: PendingReplies
  /** A reply that is ready and has to wait. */
  private kept: Uint8Array | undefined

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
    this.cacheStage = new CacheStage(this.context, this.stages, dependencies)
    this.probes = new ProbeStage(this.context, this.stages, dependencies)
    const { context, stages, cacheStage } = this
    this.pending = new PendingReplies(context, stages, cacheStage, this.probes, dependencies)
    if (dependencies.replyGate !== undefined)
      dependencies.replyGate.onReply = hasValidCookie => (context.hasValidCookie = hasValidCookie)
  }

  /** Results of queries that waited for an upstream. */
  get counts(): PendingQueryCounts {
    return this.pending.counts
  }

  /** Probes of the gateway itself, by protocol: listeners count them as queries. */
  get probed(): Float64Array {
    return this.probes.probed
  }

  get hasValidCookie(): boolean {
    return this.context.hasValidCookie
  }

  /**
   * Replaces the rules. Each query is answered under one snapshot, never under parts of two.
   *
   * @param counters memory for the counters of rules: see `LookupCounters.adopt`
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
    protocol: Protocol,
    identity?: ClientIdentity
  ): number {
    const { context, stages, dependencies } = this
    const { policy } = stages
    const { shelf, counters } = dependencies
    // Only a well-formed query gets any further.
    let kind = context.read(octets, at, end, room, protocol, policy.seed)
    if (context.query.options !== 0) kind = context.processOptions(client, clientAt)
    if (kind !== QUERY_KIND.ok && kind !== QUERY_KIND.special) {
      return this.rejectMalformed(kind, at, client, clientAt)
    }
    if (context.probe !== 0) return this.answerProbe(kind, protocol)
    const known =
      stages.devices === undefined ? identity : stages.recognize(client, clientAt, identity)
    const ownClass = known === undefined ? 0 : known.clientClass
    if (ownClass === 0)
      context.setClient(client, clientAt, policy.classOf(client, clientAt), known, 0, policy)
    else context.setClient(client, clientAt, ownClass, known, known!.addressClass, policy)
    counters.requests[PROTOCOLS * context.clientClass + protocol]!++
    // The shelf holds answers that no rule of this network matches over this transport: one lookup replaces all stages
    // below, until the answer expires or the rules change.
    const shelved =
      kind === QUERY_KIND.ok ? shelf?.find(context.query, context.decisionClass) : SHELF.miss
    if (shelved === SHELF.answer) {
      counters.countShelved(shelf!.rcode)
      const length = encodePackedAnswer(octets, context.query, context.maxLength, shelf!)
      return stages.noteAddresses(octets, at, length) ? this.keep(octets, at, length) : length
    }
    const decided = this.decide(shelved)
    if (decided > 0) {
      counters.countResponse(rcodeOf(octets, at))
      if (stages.noteAddresses(octets, at, decided)) return this.keep(octets, at, decided)
    }
    return decided
  }

  /** Keeps a reply that has to wait for the call of `answerLater` that comes next. */
  private keep(octets: Uint8Array, at: Octets, length: Octets): number {
    this.kept = octets.slice(at, at + length)
    return PENDING
  }

  /** The query is a probe of the gateway itself. @returns as `answer` */
  private answerProbe(kind: QueryKind, protocol: Protocol): number {
    const { context, probes } = this
    const { shelf, counters } = this.dependencies
    probes.probed[protocol]!++
    probes.begin()
    const { query, decisionClass, maxLength } = context
    const shelved = kind === QUERY_KIND.ok ? shelf?.find(query, decisionClass) : SHELF.miss
    if (shelved !== SHELF.answer) return probes.end(this.decide(shelved))
    counters.resume()
    return encodePackedAnswer(context.octets, query, maxLength, shelf!)
  }

  /** All stages behind the shelf. @param shelved what the shelf holds @returns as `answer` */
  private decide(shelved: ShelfResult | undefined): number {
    const { context, stages, cacheStage } = this
    // Loads the cache's memory into the CPU cache while the rules are evaluated.
    const touched = shelved === SHELF.miss ? context.query.key() : undefined
    if (touched !== undefined) this.dependencies.cache.touch(touched)
    // Policy before the cache: new rules apply at once to names that are cached already, and one
    // cache can serve all networks, because block replies are never cached.
    let decided = stages.applyPolicy(0, shelved === SHELF.block)
    if (decided === CONTINUE) decided = cacheStage.answer(touched ?? context.query.key(), 0)
    if (decided !== RESTART) return decided
    // A rule has made an alias: answers for its target as if the same client had queried that.
    while (decided === RESTART) {
      decided = stages.applyPolicy(0, false)
      if (decided === CONTINUE) decided = cacheStage.answer(context.query.key(), 0)
    }
    return stages.markAuthoritative(decided)
  }

  private rejectMalformed(
    kind: QueryKind,
    at: Octets,
    client: Uint32Array,
    clientAt: number
  ): number {
    const { context, dependencies } = this
    const { counters, notify } = dependencies
    const { octets, protocol } = context
    counters.fixed[COUNTER.malformed + protocol]!++
    const length = rejectMalformed(context, kind, notify, client, clientAt)
    if (length > 0) {
      const isExtended = kind === QUERY_KIND.badvers
      counters.countResponse(isExtended ? EXTENDED_RCODE : rcodeOf(octets, at))
    }
    return length
  }

  answerLater(target: ReplyTarget): void {
    const { kept, context, stages, dependencies } = this
    if (kept !== undefined) {
      this.kept = undefined
      const { hasValidCookie } = context
      dependencies.replyGate!.hold(target, kept, 0, kept.length, hasValidCookie, stages.now)
      return
    }
    this.pending.forward(target, this.context.isUnmatched)
  }

  /**
   * Forwards a query that did not go through `answer`, whatever the cache holds. Policy is evaluated
   * once the upstream has answered.
   */
  forward(target: ReplyTarget): void {
    const { octets, start, end, client, clientAt, protocol } = target
    const { policy } = this.stages
    const identity = this.stages.recognize(client, clientAt, target.identity)
    this.context.read(octets, start, end, MAX_TCP_MESSAGE, protocol, policy.seed)
    const ownClass = identity?.clientClass ?? 0
    const clientClass = ownClass === 0 ? policy.classOf(client, clientAt) : ownClass
    const addressClass = ownClass === 0 ? 0 : identity!.addressClass
    this.context.setForwarding(clientClass, addressClass, policy)
    this.dependencies.cache.get(this.context.query.key())
    this.pending.forward(target, false)
  }
}
