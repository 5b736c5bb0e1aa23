import { copyOctets, setUint16 } from '../../base/bytes/octets.js'
import type { Milliseconds, Octets, Seconds } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { AliasChain, MAX_ALIASES } from '../../wire/dns/message/alias-chain.js'
import { isSameName, setQuestion } from '../../wire/dns/message/question.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE } from '../../wire/dns/registry/sizes.js'
import type { ForwardedQuestion, UpstreamOutcome, OutcomeHandler } from '../upstream/forwarder.js'
import { Decision } from '../../policy/tables/decision.js'
import type { TimerEntry } from '../upstream/query/timing-wheel.js'
import type { QueryContext } from '../context/query-context.js'
import type { ReplyTarget } from '../context/responder.js'
import type { Match } from '../../lookups/event/query-event.js'

/** Most upstream queries for one query of a client: one for each alias, and some for new rules meanwhile. */
export const MAX_RESTARTS = MAX_ALIASES + 4

/** In place of a policy epoch: policy has to be evaluated when the response is in. */
const NOT_JUDGED = -1

/** Results of queries that waited for an upstream; counters never decrease. */
export interface PendingQueryCounts {
  /** Answered by an upstream. */
  forwarded: number
  /** Answered with a stale answer, because no upstream answered in time. */
  stale: number
  /** Answered SERVFAIL: no upstream answered, and nothing was cached. */
  failed: number
}

/** Aliases that rules had made of QNAME when the query was forwarded: the question is for their target. */
class PendingAliases {
  private readonly chain = new AliasChain()
  private readonly decision = new Decision()
  private readonly match: Match

  /** @param epoch policy epoch in which the aliases of the query in `context` were made */
  constructor(
    context: QueryContext,
    readonly epoch: number
  ) {
    this.chain.copyFrom(context.query.aliases)
    this.decision.copyFrom(context.aliasDecision)
    this.match = context.aliasMatch
  }

  /** Puts the aliases back into `context`, which has the client's query. @param name their target */
  restore(context: QueryContext, name: Uint8Array, seed: number): void {
    context.query.aliases.copyFrom(this.chain)
    context.query.qname.set(name, 0, seed)
    context.aliasDecision.copyFrom(this.decision)
    context.aliasMatch = this.match
  }
}

/** What the resolver does when something happens to a pending query. */
export interface PendingQueryHandler {
  /** The upstream query has ended. */
  onOutcome(pending: PendingQuery, outcome: UpstreamOutcome): void
  /** The client response timer has expired; `stale` is the expired answer to send instead. */
  onClientTimeout(pending: PendingQuery, stale: Answer): void
}

/**
 * A client's query awaiting an answer: where the reply goes, the question as it is forwarded, and
 * what policy has decided so far. Pooled by the length of the forwarded name; `start` sets every
 * field.
 */
export class PendingQuery implements ForwardedQuestion, OutcomeHandler, TimerEntry {
  // Links of the client response timer.
  due: Milliseconds = 0
  previous: TimerEntry = this
  next: TimerEntry = this

  /** QNAME in the client's letter case, or the target of `aliases`; QTYPE and QCLASS. */
  readonly question: Uint8Array
  dnssecOk = false
  checkingDisabled = false
  forwarders = 0
  dnssecEnforced = false
  /** As in `QueryContext`. */
  synthesisTtl: Seconds = -1
  target!: ReplyTarget
  /** Client class under the policy that `epoch` belongs to. */
  clientClass = 0
  /** As in `QueryContext`. */
  addressClass = 0
  /** Policy epoch in which no rule matched the name, else NOT_JUDGED. */
  epoch = NOT_JUDGED
  /** `AnswerCache.generation` when the query was forwarded. */
  generation = 0
  /** When the client's query came. */
  startedAt: Milliseconds = 0
  /** Upstream queries for the client's query before this one. */
  restarts = 0
  /** Undefined: the question is the client's. */
  aliases: PendingAliases | undefined
  /** A stale answer was sent before the upstream query ended. */
  isReplied = false
  /** While another worker has the upstream query: see `SharedQueries`. */
  slot = 0
  word = 0
  waitsUntil: Milliseconds = 0

  constructor(
    readonly qnameLength: Octets,
    private readonly handler: PendingQueryHandler
  ) {
    this.question = new Uint8Array(qnameLength + QUESTION_FIXED_SIZE)
  }

  /**
   * @param context the query in `target`, parsed, and the aliases made of its QNAME
   * @param epoch of the policy in force
   * @param isJudged no rule of that policy matched the name
   */
  start(
    target: ReplyTarget,
    context: QueryContext,
    epoch: number,
    isJudged: boolean,
    generation: number,
    now: Milliseconds
  ): void {
    const { question } = this
    const { query, clientClass, addressClass } = context
    if (context.isAliased) {
      setQuestion(question, query.qname.octets, context.forwardedType, query.qclass)
      this.aliases = new PendingAliases(context, epoch)
    } else {
      const from = target.start + HEADER_SIZE
      copyOctets(target.octets, from, from + question.length, question, 0)
      setUint16(question, question.length - QUESTION_FIXED_SIZE, context.forwardedType)
      this.aliases = undefined
    }
    this.dnssecOk = query.dnssecOk
    this.checkingDisabled = query.checkingDisabled
    this.forwarders = query.forwarders
    this.dnssecEnforced = query.dnssecEnforced
    this.synthesisTtl = context.synthesisTtl
    this.target = target
    this.clientClass = clientClass
    this.addressClass = addressClass
    this.epoch = isJudged ? epoch : NOT_JUDGED
    this.generation = generation
    this.startedAt = now
    this.restarts = 0
    this.isReplied = false
  }

  /** Takes the place of `before`, which has ended, for the same query of the client. */
  continue({ startedAt, restarts }: PendingQuery): void {
    this.startedAt = startedAt
    this.restarts = restarts + 1
  }

  /** Whether this is the name that was forwarded. @param name lower-cased */
  isFor({ octets, length }: HashedName): boolean {
    return length === this.qnameLength && isSameName(this.question, 0, octets, length)
  }

  onOutcome(outcome: UpstreamOutcome): void {
    this.handler.onOutcome(this, outcome)
  }

  onClientTimeout(stale: Answer): void {
    this.handler.onClientTimeout(this, stale)
  }
}
