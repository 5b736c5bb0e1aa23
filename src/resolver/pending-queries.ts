import { ObjectPool } from '../base/object-pool.js'
import { copyOctets } from '../base/octets.js'
import type { Milliseconds } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE } from '../dns/registry/sizes.js'
import { VERDICT } from '../querylog/record/query-event.js'
import type { Forwarder, Outcome } from '../upstream/forwarder.js'
import type { ClientResponseTimer } from './client-response-timer.js'
import { NOT_JUDGED, PendingQuery } from './pending-query.js'
import { MAX_TCP_MESSAGE, type QueryContext } from './query-context.js'
import { DROP, type ReplyTarget } from './responder.js'
import type { UpstreamResponseHandler } from './upstream-response-handler.js'

export interface PendingQueryDependencies {
  readonly forwarder: Forwarder
  readonly responses: UpstreamResponseHandler
  readonly responseTimer: ClientResponseTimer
}

/** What the resolver does for queries that waited. */
export interface Finish {
  /** Reads clock and rules, once in a turn of the event loop. */
  beginTurn(): Milliseconds
  /** Writes the reply into `desk`: its length, or SILENCE. @param how one of `VERDICT` */
  answerWith(answer: Answer, how: number, wait: PendingQuery, desk: Uint8Array): number
}

/** What came of the queries that waited for an upstream; all only ever grow. */
export interface PendingQueryCounts {
  /** It answered. */
  forwarded: number
  /** It did not, or not in time, and what is over was given. */
  stale: number
  /** It did not, and nothing was held. */
  failed: number
}

/** Queries that wait for an upstream, from LATER to their replies. */
export class PendingQueries {
  readonly counts: PendingQueryCounts = { forwarded: 0, stale: 0, failed: 0 }
  /** Where replies are made: the largest message there is. */
  private readonly replyBuffer = new Uint8Array(MAX_TCP_MESSAGE)
  private readonly pool = new ObjectPool<PendingQuery>()

  constructor(
    private readonly parts: PendingQueryDependencies,
    private readonly finish: Finish
  ) {
    parts.responseTimer.onExpired = this.runOut
  }

  /**
   * @param lookup the query, as it was read and judged just now
   * @param held whether there is an answer to it that is over
   * @param epoch of the rules by which it was judged, or UNJUDGED
   */
  begin(
    lookup: QueryContext,
    asker: ReplyTarget,
    held: boolean,
    epoch: number,
    now: Milliseconds
  ): void {
    const { responses, responseTimer, forwarder } = this.parts
    const { length } = lookup.query.qname
    const wait = this.pool.take(length) ?? new PendingQuery(length, this)
    wait.target = asker
    wait.epoch = lookup.verdict.isEmpty ? epoch : NOT_JUDGED
    wait.clientClass = lookup.clientClass
    wait.startedAt = now
    wait.isReplied = false
    responses.ask(wait, lookup.query, asker.octets, asker.start + HEADER_SIZE)
    if (held) responseTimer.start(wait, now)
    forwarder.forward(wait, wait)
  }

  /** An upstream spoke, or none did. */
  told(wait: PendingQuery, outcome: Outcome): void {
    const { responses, responseTimer } = this.parts
    const { target: asker, isReplied: served } = wait
    const now = this.finish.beginTurn()
    responseTimer.cancel(wait)
    const answer = responses.handle(wait, outcome, now)
    const length = served ? DROP : this.write(answer, responses.how, wait)
    this.pool.release(wait, wait.question.length - QUESTION_FIXED_SIZE)
    if (!served) asker.reply(length === DROP ? undefined : this.replyBuffer, 0, length)
  }

  /** It waited long enough: what an upstream says is kept for who asks next. */
  private readonly runOut = (wait: PendingQuery, stale: Answer): void => {
    this.finish.beginTurn()
    wait.isReplied = true
    const length = this.write(stale, VERDICT.stale, wait)
    wait.target.reply(length === DROP ? undefined : this.replyBuffer, 0, length)
  }

  private write(answer: Answer, how: number, wait: PendingQuery): number {
    const { replyBuffer: desk, counts } = this
    if (how === VERDICT.failed) counts.failed++
    else if (how === VERDICT.stale) counts.stale++
    else counts.forwarded++
    const { octets, start, end } = wait.target
    copyOctets(octets, start, end, desk, 0)
    return this.finish.answerWith(answer, how, wait, desk)
  }
}
