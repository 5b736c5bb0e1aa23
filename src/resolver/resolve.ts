/**
 * The life of a query. READ THIS FIRST.
 *
 *     octets in ─ wire/ header and question, in place ─ not answerable ─► FORMERR · NOTIMP · BADVERS
 *                   │                                                     REFUSED · silence
 *                 network/ who asks? ─ nobody of ours ──────────────────► REFUSED + EDE 18
 *                   │
 *                 policy/ does a rule speak on the name? ─ banned ──────► the ban's action + EDE
 *                   │     or is it special-use? ───────── yes ────────────► what its RFC says
 *                   │
 *                 odd? ─ no RD, ANY over UDP, class CH ─────────────────► REFUSED · HINFO · TXT
 *                   │
 *                 cache/ do we hold it? ─ yes ─┐
 *                   │ no                       │
 *                 upstream/ forward ───────────┤ ─ failure ─► what is over, else SERVFAIL + EDE
 *                                              │
 *                 policy/ does the answer lead to a banned name? ─ yes ─► the ban's action + EDE
 *                                              │
 *     octets out ◄─ wire/ the asker's id, case, RD; TTLs run down ─ log/ one record of what was blocked
 *
 * `answer` is the fast path: all of this within one call, in place, nothing allocated. Where the
 * cache has no answer it says LATER, and `answerLater` goes the same way once an upstream spoke.
 */
import { epochSeconds, type Clock } from '../base/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../base/units.js'
import type { AnswerCache } from '../cache/cache.js'
import { SHELF, type Shelf } from '../cache/shelf.js'
import type { ServerCookies } from '../dns/edns/server-cookie.js'
import type { Answer } from '../dns/message/answer.js'
import { QUERY_KIND } from '../dns/message/query.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { encodeCachedAnswer, encodePackedAnswer } from '../dns/reply/cached-reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import { TIER, type Verdict } from '../policy/tables/snapshot.js'
import { MATCH, VERDICT } from '../querylog/record/query-event.js'
import type { Forwarder } from '../upstream/forwarder.js'
import { AnswerInspector } from './answer-inspector.js'
import { isBlocked, writeBlockedReply } from './blocked-reply.js'
import type { ClientResponseTimer } from './client-response-timer.js'
import { isStale, type Fallback } from './fallback.js'
import type { ServerIdentity } from './identity.js'
import { writeLocalReply } from './local-reply.js'
import { refuseLoop, detectLoop, type LoopDetection } from './loop-detection.js'
import type { NotifyHandler } from './notify-handler.js'
import { PendingQueries, type Finish, type PendingQueryCounts } from './pending-queries.js'
import { NOT_JUDGED, type PendingQuery } from './pending-query.js'
import type { Prefetcher } from './prefetch.js'
import { CONTINUE, QueryContext, MAX_TCP_MESSAGE } from './query-context.js'
import type { QueryLogger } from './query-logger.js'
import type { RebindingGuard } from './rebinding-guard.js'
import { blockPrivateAddress, refuseUnknownClient, rejectMalformed } from './rejections.js'
import { PENDING, type ReplyTarget, type Responder } from './responder.js'
import { rejectUnsupported, answerChaos } from './unsupported-queries.js'
import type { UpstreamResponseHandler } from './upstream-response-handler.js'

/** How long an answer is given again before the cache is told that it is still asked for. */
const MAX_SHELF_AGE: Seconds = 30

export interface ResolverDependencies {
  readonly cache: AnswerCache
  /** Undefined where every lookup has to be recorded. */
  readonly shelf: Shelf | undefined
  readonly forwarder: Forwarder
  readonly responses: UpstreamResponseHandler
  readonly fallback: Fallback
  readonly responseTimer: ClientResponseTimer
  /** Undefined: nothing is asked for before it is over. */
  readonly prefetcher?: Prefetcher | undefined
  readonly logger: QueryLogger
  readonly identity: ServerIdentity
  /** Undefined: upstreams may give any name any address. */
  readonly rebindingGuard?: RebindingGuard | undefined
  /** Undefined: COOKIE options of clients are not looked at. */
  readonly cookies?: ServerCookies | undefined
  /** Undefined: probes for loops are forwarded like anything else. */
  readonly loopDetection?: LoopDetection | undefined
  /** Undefined: nobody has zones for us, and NOTIFY is no opcode here. */
  readonly notify?: NotifyHandler | undefined
  readonly clock: Clock
}

export class Resolver implements Responder, Finish {
  private readonly context: QueryContext
  private readonly inspector: AnswerInspector
  /** Clock and calendar of the batch at hand. */
  private now: Milliseconds = 0
  private calendar: Seconds = 0
  private epoch = 0
  /** Whether `beginTurn` was called in this turn. */
  private begun = false
  /** `answer` has just said LATER, and left everything as `answerLater` needs it. */
  private isMissed = false
  private readonly waiting: PendingQueries

  /** @param policy the rules, until `adopt` brings others */
  constructor(
    private readonly dependencies: ResolverDependencies,
    private policy: Policy
  ) {
    this.inspector = new AnswerInspector(dependencies.rebindingGuard)
    this.context = new QueryContext(dependencies.identity, dependencies.cookies)
    this.waiting = new PendingQueries(dependencies, this)
    this.beginBatch()
  }

  /** What came of the queries that waited for an upstream. */
  get counts(): Readonly<PendingQueryCounts> {
    return this.waiting.counts
  }

  get hasValidCookie(): boolean {
    return this.context.hasValidCookie
  }

  /** Swaps the rules: each query is answered by one snapshot, never by half of two. */
  adopt(policy: Policy): void {
    this.policy = policy
    this.beginBatch()
  }

  beginBatch(): void {
    const { clock, shelf, logger: witness } = this.dependencies
    this.now = clock.now()
    this.calendar = epochSeconds(clock)
    this.epoch = this.policy.epochAt(this.calendar)
    this.inspector.beginBatch(this.policy, this.calendar, this.epoch)
    shelf?.beginBatch(this.epoch, this.now)
    witness.beginBatch(this.policy, clock.wall())
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
    const { context: lookup, policy, dependencies: parts } = this
    this.isMissed = false
    // First what the octets are: nothing else may look at a message that is not a query.
    let reading = lookup.read(octets, at, end, room, protocol, policy.seed)
    if (lookup.query.options !== 0) reading = lookup.processOptions(client, clientAt)
    if (reading !== QUERY_KIND.ok && reading !== QUERY_KIND.special) {
      return rejectMalformed(lookup, reading, parts.notify, client, clientAt)
    }
    lookup.setClient(client, clientAt, policy.classOf(client, clientAt))
    // What was given before, and no rule of this client's network had a word to say on, is given
    // again, as long as the rules and the answer stand: all of the stages below in one look.
    const shelved =
      reading === QUERY_KIND.ok ? parts.shelf?.find(lookup.query, lookup.clientClass) : SHELF.miss
    if (shelved === SHELF.answer) {
      return encodePackedAnswer(octets, lookup.query, lookup.maxLength, parts.shelf!)
    }
    // What the cache will be asked for is on its way here while the rules are.
    const near = shelved === SHELF.miss ? lookup.query.key() : undefined
    if (near !== undefined) parts.cache.touch(near)
    // Policy before the cache: a new ban holds at once for names that are held already, and one
    // cache can serve all networks because nothing that we made up ever gets into it.
    const decided = this.applyPolicy(0, shelved === SHELF.block)
    if (decided !== CONTINUE) return decided
    // Then the cache; what it has not, an upstream is asked for while others are answered.
    const key = near ?? lookup.query.key()
    const held = parts.cache.get(key)
    // Policy again, on what the answer says: held answers lead to banned names as fresh ones do.
    if (held !== undefined) return this.respond(held, VERDICT.cached, 0)
    // Upstreams that failed on it a moment ago are left in peace.
    const instead = parts.fallback.get(key)
    if (instead !== undefined) {
      return this.respond(instead, isStale(instead) ? VERDICT.stale : VERDICT.cached, 0)
    }
    // A question of our own that comes back from an upstream goes no further round the circle.
    if (detectLoop(lookup, parts.loopDetection)) return refuseLoop(lookup)
    this.isMissed = true
    return PENDING
  }

  answerLater(asker: ReplyTarget): void {
    const { context: lookup, dependencies: parts, waiting, now } = this
    const epoch = this.isMissed ? this.epoch : NOT_JUDGED
    if (!this.isMissed) this.miss(asker)
    this.isMissed = false
    waiting.begin(lookup, asker, parts.cache.missedExpired, epoch, now)
  }

  /** For who did not ask `answer` first: what it would have left behind. */
  private miss({ octets, start, end, protocol }: ReplyTarget): void {
    const { context: lookup, policy, dependencies: parts } = this
    lookup.read(octets, start, end, MAX_TCP_MESSAGE, protocol, policy.seed)
    parts.cache.get(lookup.query.key())
  }

  /** Once for all that upstreams say in one turn of the event loop: clocks cost 0.2 µs an answer. */
  beginTurn(): Milliseconds {
    if (!this.begun) {
      this.begun = true
      queueMicrotask(this.endTurn)
      this.beginBatch()
    }
    return this.now
  }

  private readonly endTurn = (): void => {
    this.begun = false
  }

  /** The full path from where it waited, through the same stages as in `answer`. */
  answerWith(answer: Answer, how: number, wait: PendingQuery, desk: Uint8Array): number {
    const { context: lookup, policy } = this
    const { target: asker, epoch } = wait
    const { client, clientAt } = asker
    const took = this.now - wait.startedAt
    const length = asker.end - asker.start
    lookup.read(desk, 0, length, MAX_TCP_MESSAGE, asker.protocol, policy.seed)
    if (lookup.query.options !== 0) lookup.processOptions(client, clientAt)
    if (epoch === this.epoch) {
      lookup.setClient(client, clientAt, wait.clientClass)
      lookup.verdict.clear()
      return this.respond(answer, how, took)
    }
    // Judged anew, since the rules have changed while the upstream was asked, or have a say.
    lookup.setClient(client, clientAt, policy.classOf(client, clientAt))
    const decided = this.applyPolicy(took, false)
    return decided === CONTINUE ? this.respond(answer, how, took) : decided
  }

  /**
   * Who asks, and what the rules say of the name: the reply's length, SILENCE, or GO_ON.
   *
   * @param shelved what they say lies on the shelf
   */
  private applyPolicy(took: Milliseconds, shelved: boolean): number {
    const { context: lookup, policy, dependencies: parts } = this
    const { query, clientClass, verdict } = lookup
    if (clientClass === 0) return refuseUnknownClient(lookup, parts.logger)
    if (query.qclass !== RRCLASS.IN) return answerChaos(lookup, parts.identity)
    verdict.clear()
    if (shelved) parts.shelf!.readBlock(verdict)
    else policy.evaluateName(query.qname, query.qtype, clientClass, this.calendar, verdict)
    if (verdict.tier === TIER.specialUse) {
      const length = this.answerLocally(took)
      if (length !== CONTINUE) return length
    }
    // A ban holds however it is asked; only what no ban is about is turned away for how it is asked.
    if (!isBlocked(policy, verdict, lookup.protocol)) return rejectUnsupported(lookup, parts.logger)
    if (!shelved && verdict.monitorClaim === -1) parts.shelf?.putBlock(query, verdict, clientClass)
    return this.block(verdict, MATCH.qname, took)
  }

  /** Gives an answer that we hold, unless it leads to where this client may not go. */
  private respond(answer: Answer, how: number, took: Milliseconds): number {
    const { context: lookup, inspector } = this
    const match = inspector.inspect(lookup, answer)
    if (match === MATCH.rebinding) {
      return blockPrivateAddress(lookup, this.policy, this.dependencies.logger, answer, took)
    }
    if (match !== MATCH.none) return this.block(inspector.verdict, match, took)
    const age = Math.floor((this.now - answer.storedAt) / MS_PER_SECOND)
    const length = encodeCachedAnswer(lookup.octets, lookup.query, lookup.maxLength, answer, age)
    this.dependencies.logger.logAnswered(lookup, inspector, answer, how, took)
    if (how === VERDICT.cached) this.maybePrefetch(answer, age)
    return length
  }

  /** Asked for a second time, it will be again; a flood of random names never gets here. */
  private maybePrefetch(answer: Answer, age: Seconds): void {
    const { context: lookup, inspector, dependencies: parts } = this
    // Behind all rules, so that nobody asks for what is banned.
    const end = parts.prefetcher?.maybePrefetch(lookup.query, answer, age) ?? answer.lifetime
    const until = Math.min(end, age + MAX_SHELF_AGE)
    if (until > age && isPlain(lookup.verdict) && isPlain(inspector.verdict)) {
      parts.shelf?.put(lookup.query, answer, lookup.clientClass, until)
    }
  }

  /** The ban's own reply instead of an answer. */
  private block(verdict: Verdict, match: number, took: Milliseconds): number {
    const length = writeBlockedReply(this.context, this.policy, verdict, match)
    this.dependencies.logger.logBlocked(this.context, verdict, match, took)
    return length
  }

  /** A special-use name, which no upstream has business with; GO_ON where one has. */
  private answerLocally(took: Milliseconds): number {
    const length = writeLocalReply(this.context, this.policy)
    if (length !== CONTINUE) this.dependencies.logger.logLocal(this.context, took)
    return length
  }
}

/** Whether no rule at all has a say, not even in monitor mode. */
function isPlain({ claim, tier, monitorClaim: monitor }: Verdict): boolean {
  return (claim === -1 || tier === TIER.specialUse) && monitor === -1
}
