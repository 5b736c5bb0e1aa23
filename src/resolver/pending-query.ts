import { copyOctets } from '../base/octets.js'
import type { Milliseconds, Octets } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import type { Query } from '../dns/message/query.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE } from '../dns/registry/sizes.js'
import type { ForwardedQuestion, Outcome, OutcomeHandler } from '../upstream/forwarder.js'
import type { TimerEntry } from '../upstream/query/timing-wheel.js'
import type { ReplyTarget } from './responder.js'

/** In place of a policy epoch: policy has to be evaluated when the response is in. */
export const NOT_JUDGED = -1

/** Results of queries that waited for an upstream; counters never decrease. */
export interface PendingQueryCounts {
  /** Answered by an upstream. */
  forwarded: number
  /** Answered with a stale answer, because no upstream answered in time. */
  stale: number
  /** Answered SERVFAIL: no upstream answered, and nothing was cached. */
  failed: number
}

/** What the resolver does when something happens to a pending query. */
export interface PendingQueryHandler {
  /** The upstream query has ended. */
  onOutcome(pending: PendingQuery, outcome: Outcome): void
  /** The client response timer has expired; `stale` is the expired answer to send instead. */
  onClientTimeout(pending: PendingQuery, stale: Answer): void
}

/**
 * A client's query awaiting an answer: where the reply goes, the question as it is forwarded, and
 * what policy has decided so far. Pooled by QNAME length; `start` sets every
 * field.
 */
export class PendingQuery implements ForwardedQuestion, OutcomeHandler, TimerEntry {
  // Links of the client response timer.
  due: Milliseconds = 0
  previous: TimerEntry = this
  next: TimerEntry = this

  /** QNAME in the client's letter case, QTYPE and QCLASS. */
  readonly question: Uint8Array
  dnssecOk = false
  checkingDisabled = false
  target!: ReplyTarget
  /** Client class under the policy that `epoch` belongs to. */
  clientClass = 0
  /** Policy epoch in which no rule matched the name, else NOT_JUDGED. */
  epoch = NOT_JUDGED
  /** Cache generation when the query was forwarded; see `UpstreamResponseHandler.generation`. */
  generation = 0
  startedAt: Milliseconds = 0
  /** A stale answer was sent before the upstream query ended. */
  isReplied = false

  constructor(
    readonly qnameLength: Octets,
    private readonly handler: PendingQueryHandler
  ) {
    this.question = new Uint8Array(qnameLength + QUESTION_FIXED_SIZE)
  }

  /** @param query the query in `target`, parsed */
  start(
    target: ReplyTarget,
    query: Query,
    clientClass: number,
    epoch: number,
    generation: number,
    now: Milliseconds
  ): void {
    const { question } = this
    const from = target.start + HEADER_SIZE
    copyOctets(target.octets, from, from + question.length, question, 0)
    this.dnssecOk = query.dnssecOk
    this.checkingDisabled = query.checkingDisabled
    this.target = target
    this.clientClass = clientClass
    this.epoch = epoch
    this.generation = generation
    this.startedAt = now
    this.isReplied = false
  }

  onOutcome(outcome: Outcome): void {
    this.handler.onOutcome(this, outcome)
  }

  onClientTimeout(stale: Answer): void {
    this.handler.onClientTimeout(this, stale)
  }
}
