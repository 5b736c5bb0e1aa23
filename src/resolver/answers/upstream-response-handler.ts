import type { Milliseconds, Seconds } from '../../base/units.js'
import type { AnswerCache, QuestionKey } from '../cache/cache.js'
import type { Answer, TtlLimits } from '../../wire/dns/records/answer.js'
import { decodeResponse, servfailAnswer } from '../../wire/dns/message/decode-response.js'
import { questionKey } from '../../wire/dns/message/question.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { VERDICT, type LookupVerdict } from '../../lookups/event/query-event.js'
import type { ForwardedQuestion, UpstreamOutcome } from '../upstream/forwarder.js'
import { isAnswered, isStale, type Fallback } from './fallback.js'
import type { InFlightTable } from './in-flight-table.js'

/** How long an answer that fails validation is not queried again, as in Unbound. RFC 4035 §4.7. */
const BOGUS_TTL: Seconds = 60
/** In place of an upstream's index. */
const NO_UPSTREAM = -1

/** What to send to the clients that waited for an upstream query. */
export interface UpstreamAnswer {
  readonly answer: Answer
  /** Forwarded, failed or stale. */
  readonly verdict: LookupVerdict
}

/** Parses and caches what upstream queries return. */
export class UpstreamResponseHandler {
  /** The result of the last outcome. All waiters of an upstream query share one outcome. */
  private lastOutcome: UpstreamOutcome | undefined
  private lastAnswer: UpstreamAnswer | undefined

  constructor(
    private readonly cache: AnswerCache,
    private readonly fallback: Fallback,
    /** May be replaced. */
    public limits: TtlLimits,
    /** Undefined: there are no other workers. */
    private readonly inFlight?: InFlightTable
  ) {}

  /**
   * Parses and caches the outcome of an upstream query. A failure is cached as well (RFC 9520),
   * unless there is a stale answer to send instead.
   *
   * @param generation of the cache when the question was forwarded: nothing is cached if it was
   *   flushed since
   */
  handle(
    question: ForwardedQuestion,
    generation: number,
    outcome: UpstreamOutcome,
    now: Milliseconds
  ): UpstreamAnswer {
    if (outcome === this.lastOutcome && this.lastAnswer !== undefined) return this.lastAnswer
    this.lastOutcome = outcome
    this.lastAnswer = this.process(question, generation, outcome, now)
    this.inFlight?.release(questionKey(question))
    return this.lastAnswer
  }

  /** What another worker has cached for a question that it forwarded; undefined: nothing. */
  findCached(question: ForwardedQuestion): UpstreamAnswer | undefined {
    const key = questionKey(question)
    const cached = this.cache.get(key)
    if (cached !== undefined) return { answer: cached, verdict: VERDICT.forwarded }
    const answer = this.fallback.get(key)
    if (answer === undefined) return undefined
    if (isStale(answer)) return { answer, verdict: VERDICT.stale }
    const code = answer.ede?.code
    const isOurs = code === EDE.NO_REACHABLE_AUTHORITY || code === EDE.NETWORK_ERROR
    return { answer, verdict: isOurs ? VERDICT.failed : VERDICT.forwarded }
  }

  /** Caches the answer to a prefetch. A failure changes nothing: the cached answer stays. */
  handlePrefetch(
    question: ForwardedQuestion,
    generation: number,
    outcome: UpstreamOutcome,
    now: Milliseconds
  ): void {
    const key = questionKey(question)
    if (outcome.kind === 'response') {
      const answer = this.parse(question, outcome, now)
      if (isAnswered(answer)) this.store(key, answer, generation)
    }
    this.inFlight?.release(key)
  }

  /** The answer to a query that is given up without an outcome. */
  giveUp(now: Milliseconds): Answer {
    return servfailAnswer(EDE.NO_REACHABLE_AUTHORITY, this.limits, now, NO_UPSTREAM)
  }

  private process(
    question: ForwardedQuestion,
    generation: number,
    outcome: UpstreamOutcome,
    now: Milliseconds
  ): UpstreamAnswer {
    const parsed = this.parse(question, outcome, now)
    const key = questionKey(question)
    if (isAnswered(parsed)) {
      this.store(key, parsed, generation)
      return { answer: parsed, verdict: VERDICT.forwarded }
    }
    if (outcome.kind === 'failure' && outcome.isBogus === true) {
      this.fallback.reject(key, parsed, generation)
      return { answer: parsed, verdict: VERDICT.failed }
    }
    const answer = this.fallback.onFailure(key, parsed, generation, now)
    if (answer !== parsed) return { answer, verdict: VERDICT.stale }
    return { answer, verdict: outcome.kind === 'failure' ? VERDICT.failed : VERDICT.forwarded }
  }

  private store(key: QuestionKey, answer: Answer, generation: number): void {
    this.fallback.onAnswer(key)
    // An answer with TTL 0 is not cached (RFC 1035 §3.2.1), but it replaces an older one.
    if (answer.lifetime === 0) this.cache.delete(key)
    else this.cache.put(key, answer, generation)
  }

  private parse(question: ForwardedQuestion, outcome: UpstreamOutcome, now: Milliseconds): Answer {
    const { limits } = this
    if (outcome.kind === 'failure') {
      const { ede, upstream, text, aliases, isBogus } = outcome
      if (isBogus === true)
        return servfailAnswer(ede, { ...limits, failureTtl: BOGUS_TTL }, now, upstream, text)
      const before = aliases && { message: aliases, question: question.question }
      return servfailAnswer(ede, limits, now, upstream, text, before)
    }
    try {
      return decodeResponse(outcome.message, question.question, limits, now, outcome.upstream)
    } catch {
      // A malformed response to the right question is as good as none.
      return servfailAnswer(EDE.NETWORK_ERROR, limits, now, outcome.upstream)
    }
  }
}
