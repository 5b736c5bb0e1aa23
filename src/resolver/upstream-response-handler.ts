import { copyOctets } from '../base/octets.js'
import type { Milliseconds, Octets } from '../base/units.js'
import type { AnswerCache, QuestionKey } from '../cache/cache.js'
import type { Answer, TtlLimits } from '../dns/message/answer.js'
import { servfailAnswer, decodeResponse } from '../dns/message/decode-response.js'
import type { Query } from '../dns/message/query.js'
import { questionKey } from '../dns/message/question.js'
import { EDE } from '../dns/registry/ede.js'
import { QUESTION_FIXED_SIZE } from '../dns/registry/sizes.js'
import { VERDICT } from '../querylog/record/query-event.js'
import type { ForwardedQuestion, Outcome } from '../upstream/forwarder.js'
import { isAnswered, type Fallback } from './fallback.js'

/** Upstreams, on the way to them and back: makes inquiries, and answers of what comes back. */
export class UpstreamResponseHandler {
  /** The answer that came last, and of what: all who wait for one inquiry are given the same. */
  last: Answer | undefined
  /** How it came, one of `VERDICT`: forwarded, failed or stale. */
  how: number = VERDICT.forwarded
  private lastOutcome: Outcome | undefined
  /** Counts the calls of `renounce`. */
  private generation = 0

  constructor(
    private readonly cache: AnswerCache,
    private readonly fallback: Fallback,
    private readonly limits: TtlLimits
  ) {}

  /**
   * Makes of a query that was just read what is to be asked.
   *
   * @param asked for names of that length
   * @param octets holds QNAME at `at`, in any letter case
   */
  ask(asked: Asked, query: Query, octets: Uint8Array, at: Octets): void {
    const { length } = query.qname
    const { question } = asked
    copyOctets(octets, at, at + length, question, 0)
    question[length] = query.qtype >> 8
    question[length + 1] = query.qtype
    question[length + 2] = query.qclass >> 8
    question[length + 3] = query.qclass
    asked.dnssecOk = query.dnssecOk
    asked.checkingDisabled = query.checkingDisabled
    asked.generation = this.generation
  }

  /**
   * What was asked until now is given to who asked, and not kept: it may bring back what somebody
   * just had dropped.
   */
  discardInFlight(): void {
    this.generation++
  }

  /**
   * Reads what came back and keeps it, if it may be kept. A failure is an answer too (RFC 9520),
   * unless an older answer is held, which is better than none.
   */
  handle(asked: Asked, outcome: Outcome, now: Milliseconds): Answer {
    if (outcome === this.lastOutcome && this.last !== undefined) return this.last
    const answer = this.readOutcome(asked, outcome, now)
    this.how = outcome.kind === 'failure' ? VERDICT.failed : VERDICT.forwarded
    this.lastOutcome = outcome
    const keeps = this.isCurrent(asked)
    this.last = isAnswered(answer)
      ? this.store(questionKey(asked), answer, keeps)
      : this.fallBack(questionKey(asked), answer, now, keeps)
    return this.last
  }

  /** Keeps what came back for nobody, if it is an answer; a failure changes nothing. */
  handlePrefetch(asked: Asked, outcome: Outcome, now: Milliseconds): void {
    if (outcome.kind === 'failure') return
    const answer = this.readOutcome(asked, outcome, now)
    if (isAnswered(answer)) this.store(questionKey(asked), answer, this.isCurrent(asked))
  }

  private isCurrent(asked: Asked): boolean {
    return asked.generation === this.generation
  }

  private store(key: QuestionKey, answer: Answer, keeps: boolean): Answer {
    this.fallback.onAnswer(key)
    // What may be used but once is newer than what is held all the same.
    if (answer.lifetime === 0) this.cache.delete(key)
    else if (keeps) this.cache.put(key, answer)
    return answer
  }

  private fallBack(key: QuestionKey, failure: Answer, now: Milliseconds, keeps: boolean): Answer {
    const given = this.fallback.onFailure(key, failure, now)
    if (given !== failure) this.how = VERDICT.stale
    if (!keeps) this.fallback.onAnswer(key)
    return given
  }

  private readOutcome(inquiry: ForwardedQuestion, outcome: Outcome, now: Milliseconds): Answer {
    const { limits } = this
    if (outcome.kind === 'failure') {
      return servfailAnswer(outcome.ede, limits, now, outcome.upstream, outcome.text)
    }
    try {
      return decodeResponse(outcome.message, inquiry.question, limits, now, outcome.upstream)
    } catch {
      // The upstream answered the right question with a broken message: as good as no answer.
      return servfailAnswer(EDE.NETWORK_ERROR, limits, now, outcome.upstream)
    }
  }
}

/** What is asked of upstreams. Filled by `Arrivals.ask`, again and again. */
export class Asked implements ForwardedQuestion {
  readonly question: Uint8Array
  dnssecOk = false
  checkingDisabled = false
  /** Of `Arrivals` when it was made. */
  generation = 0

  /** @param length of QNAME */
  constructor(length: Octets) {
    this.question = new Uint8Array(length + QUESTION_FIXED_SIZE)
  }
}
