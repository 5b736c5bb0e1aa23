import type { Milliseconds } from '../base/units.js'
import type { AnswerCache } from '../cache/cache.js'
import { EDE } from '../dns/ede.js'
import type { Inquiry, Outcome } from '../upstream/forwarder.js'
import type { Answer } from '../wire/answer.js'
import type { Query } from '../wire/query.js'
import { failedAnswer, readResponse, type TtlLimits } from '../wire/response.js'

/** Which upstream, on the way to it and back: makes inquiries, and answers of what comes back. */
export class Arrivals {
  /** The answer that came last, and of what: all who wait for one inquiry are given the same. */
  last: Answer | undefined
  private lastOutcome: Outcome | undefined

  constructor(
    private readonly cache: AnswerCache,
    private readonly limits: TtlLimits
  ) {}

  /** @param octets holds the query that was just read, from octet 0 */
  inquiryOf(query: Query, octets: Uint8Array): Inquiry {
    return {
      key: query.key().slice(),
      qname: octets.slice(12, 12 + query.qname.length),
      qtype: query.qtype,
      qclass: query.qclass,
      dnssecOk: query.dnssecOk,
      checkingDisabled: query.checkingDisabled
    }
  }

  /** Reads what came back and keeps it, if it may be kept. A failure is an answer too: RFC 9520. */
  take(inquiry: Inquiry, outcome: Outcome, now: Milliseconds): Answer {
    if (outcome === this.lastOutcome && this.last !== undefined) return this.last
    const answer = this.answerOf(inquiry, outcome, now)
    this.cache.put(inquiry.key, answer)
    this.lastOutcome = outcome
    this.last = answer
    return answer
  }

  private answerOf(inquiry: Inquiry, outcome: Outcome, now: Milliseconds): Answer {
    const { limits } = this
    if (outcome.kind === 'failure') return failedAnswer(outcome.ede, limits, now, outcome.upstream)
    try {
      return readResponse(outcome.message, inquiry, limits, now, outcome.upstream)
    } catch {
      // The upstream answered the right question with a broken message: as good as no answer.
      return failedAnswer(EDE.NETWORK_ERROR, limits, now, outcome.upstream)
    }
  }
}
