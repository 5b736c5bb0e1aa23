import { Spares } from '../base/spares.js'
import type { Milliseconds, Octets } from '../base/units.js'
import type { AnswerCache, QuestionKey } from '../cache/cache.js'
import { EDE } from '../dns/ede.js'
import { VERDICT } from '../log/event.js'
import type { Inquiry, Outcome } from '../upstream/forwarder.js'
import type { Answer } from '../wire/answer.js'
import { KEY_TAIL, type Query } from '../wire/query.js'
import { failedAnswer, readResponse, type TtlLimits } from '../wire/response.js'
import { isAnswered, type Fallback } from './fallback.js'

/** Which upstream, on the way to it and back: makes inquiries, and answers of what comes back. */
export class Arrivals {
  /** The answer that came last, and of what: all who wait for one inquiry are given the same. */
  last: Answer | undefined
  /** How it came, one of `VERDICT`: forwarded, failed or stale. */
  how: number = VERDICT.forwarded
  private lastOutcome: Outcome | undefined
  private readonly spares = new Spares<Asked>()
  /** Counts the calls of `renounce`. */
  private era = 0

  constructor(
    private readonly cache: AnswerCache,
    private readonly fallback: Fallback,
    private readonly limits: TtlLimits
  ) {}

  /** @param octets holds QNAME of the query that was just read at `at`, in any letter case */
  inquiryOf(query: Query, octets: Uint8Array, at: Octets): Inquiry {
    const { length } = query.qname
    const asked = this.spares.take(length) ?? new Asked(length)
    query.copyQuestion(asked.key, 0)
    for (let i = 0; i < length; i++) asked.qname[i] = octets[at + i]!
    asked.qtype = query.qtype
    asked.qclass = query.qclass
    asked.dnssecOk = query.dnssecOk
    asked.checkingDisabled = query.checkingDisabled
    asked.era = this.era
    return asked
  }

  /**
   * What was asked until now is given to who asked, and not kept: it may bring back what somebody
   * just had dropped.
   */
  renounce(): void {
    this.era++
  }

  /** Once its outcome was told, and taken: the inquiry may be used for another. */
  release(inquiry: Inquiry): void {
    if (inquiry instanceof Asked) this.spares.keep(inquiry, inquiry.qname.length)
  }

  /**
   * Reads what came back and keeps it, if it may be kept. A failure is an answer too (RFC 9520),
   * unless an older answer is held, which is better than none.
   */
  take(inquiry: Inquiry, outcome: Outcome, now: Milliseconds): Answer {
    if (outcome === this.lastOutcome && this.last !== undefined) return this.last
    const answer = this.answerOf(inquiry, outcome, now)
    this.how = outcome.kind === 'failure' ? VERDICT.failed : VERDICT.forwarded
    this.lastOutcome = outcome
    const keeps = this.keeps(inquiry)
    this.last = isAnswered(answer)
      ? this.keep(inquiry.key, answer, keeps)
      : this.fallBack(inquiry.key, answer, now, keeps)
    return this.last
  }

  /** Keeps what came back for nobody, if it is an answer; a failure changes nothing. */
  renew(inquiry: Inquiry, outcome: Outcome, now: Milliseconds): void {
    if (outcome.kind === 'failure') return
    const answer = this.answerOf(inquiry, outcome, now)
    if (isAnswered(answer)) this.keep(inquiry.key, answer, this.keeps(inquiry))
  }

  private keeps(inquiry: Inquiry): boolean {
    return !(inquiry instanceof Asked) || inquiry.era === this.era
  }

  private keep(key: QuestionKey, answer: Answer, keeps: boolean): Answer {
    this.fallback.answered(key)
    // What may be used but once is newer than what is held all the same.
    if (answer.lifetime === 0) this.cache.delete(key)
    else if (keeps) this.cache.put(key, answer)
    return answer
  }

  private fallBack(key: QuestionKey, failure: Answer, now: Milliseconds, keeps: boolean): Answer {
    const given = this.fallback.failed(key, failure, now)
    if (given !== failure) this.how = VERDICT.stale
    if (!keeps) this.fallback.answered(key)
    return given
  }

  private answerOf(inquiry: Inquiry, outcome: Outcome, now: Milliseconds): Answer {
    const { limits } = this
    if (outcome.kind === 'failure') {
      return failedAnswer(outcome.ede, limits, now, outcome.upstream, outcome.text)
    }
    try {
      return readResponse(outcome.message, inquiry, limits, now, outcome.upstream)
    } catch {
      // The upstream answered the right question with a broken message: as good as no answer.
      return failedAnswer(EDE.NETWORK_ERROR, limits, now, outcome.upstream)
    }
  }
}

class Asked implements Inquiry {
  readonly key: Uint8Array
  readonly qname: Uint8Array
  qtype = 0
  qclass = 0
  dnssecOk = false
  checkingDisabled = false
  /** Of `Arrivals` when it was made. */
  era = 0

  /** @param length of QNAME */
  constructor(length: Octets) {
    this.key = new Uint8Array(length + KEY_TAIL)
    this.qname = new Uint8Array(length)
  }
}
