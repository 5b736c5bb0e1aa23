import type { Clock } from '../../base/time/clock.js'
import type { Seconds } from '../../base/units.js'
import type { QuestionKey } from '../cache/cache.js'
import type { PackedAnswerCache } from '../cache/packed.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import type { Query } from '../../wire/dns/message/query.js'
import { encodeQuestion } from '../../wire/dns/message/question.js'
import type { Forwarder } from '../upstream/forwarder.js'
import { isAnswered } from './fallback.js'
import type { InFlightTable } from './in-flight-table.js'
import type { UpstreamResponseHandler } from './upstream-response-handler.js'

/**
 * Refreshes popular entries before they expire, so that no client waits for them: once, in the last
 * tenth of an answer's lifetime, if it was served from the cache before. If the refresh fails, the
 * cached answer is served until it expires.
 */
export class Prefetcher {
  constructor(
    private readonly cache: Pick<PackedAnswerCache, 'claimPrefetch' | 'generation'>,
    private readonly responses: UpstreamResponseHandler,
    private readonly forwarder: Forwarder,
    private readonly clock: Clock,
    /** Undefined: there are no other workers. */
    private readonly inFlight?: InFlightTable
  ) {}

  /**
   * Call after serving an answer from the cache.
   *
   * @returns the age from which the answer has to be read from the cache each time, so that a
   *   refreshed one is found
   */
  maybePrefetch(query: Query, answer: Answer, age: Seconds): Seconds {
    const { lifetime } = answer
    // A cached failure must not be retried early. RFC 9520 §3.2.
    if (!isAnswered(answer)) return lifetime
    const due = prefetchAge(lifetime)
    if (age >= due && this.claim(query.key())) this.prefetch(query)
    return due
  }

  /** Whether this worker is to refresh the answer: nobody has begun to. */
  private claim(key: QuestionKey): boolean {
    return this.cache.claimPrefetch(key) && (this.inFlight?.claim(key) ?? true)
  }

  private prefetch(query: Query): void {
    const { cache, responses, forwarder, clock } = this
    const { qname, qtype, qclass, dnssecOk, checkingDisabled, forwarders, dnssecEnforced } = query
    const { generation } = cache
    const name = qname.octets.subarray(0, qname.length)
    const flags = { dnssecOk, checkingDisabled, forwarders, dnssecEnforced }
    const question = { question: encodeQuestion(name, qtype, qclass), ...flags }
    forwarder.forward(question, {
      onOutcome(outcome) {
        responses.handlePrefetch(question, generation, outcome, clock.now())
      }
    })
  }
}

/** Age at which the last tenth begins. Answers below 10 s have none: ages are whole seconds. */
function prefetchAge(lifetime: Seconds): Seconds {
  return lifetime - Math.floor(lifetime / 10)
}
