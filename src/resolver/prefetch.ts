import type { Clock } from '../base/clock.js'
import type { Seconds } from '../base/units.js'
import type { PackedAnswerCache } from '../cache/packed.js'
import type { Answer } from '../dns/message/answer.js'
import type { Query } from '../dns/message/query.js'
import type { Forwarder } from '../upstream/forwarder.js'
import { isAnswered } from './fallback.js'
import { Asked, type UpstreamResponseHandler } from './upstream-response-handler.js'

/**
 * Asks anew for what is hot before it is over, so that nobody has to wait for it: in the last tenth
 * of an answer's lifetime, once, if it had been given from the cache before. If nothing comes of it,
 * what is held is given until it is over, and then it is asked for as ever.
 */
export class Prefetcher {
  constructor(
    private readonly cache: Pick<PackedAnswerCache, 'claimPrefetch'>,
    private readonly arrivals: UpstreamResponseHandler,
    private readonly forwarder: Forwarder,
    private readonly clock: Clock
  ) {}

  /**
   * An answer was given from the cache.
   *
   * @returns the age from which on it has to come back here each time, so that what is new is found
   */
  maybePrefetch(query: Query, answer: Answer, age: Seconds): Seconds {
    const { lifetime } = answer
    // A failure is not asked about sooner than it may be. RFC 9520 §3.2.
    if (!isAnswered(answer)) return lifetime
    const due = prefetchAge(lifetime)
    if (age >= due && this.cache.claimPrefetch(query.key())) this.prefetch(query)
    return due
  }

  private prefetch(query: Query): void {
    const { arrivals, forwarder, clock } = this
    const asked = new Asked(query.qname.length)
    arrivals.ask(asked, query, query.qname.octets, 0)
    forwarder.forward(asked, {
      onOutcome(outcome) {
        arrivals.handlePrefetch(asked, outcome, clock.now())
      }
    })
  }
}

/** The age at which the last tenth begins. Below 10 seconds there is none: ages are whole ones. */
function prefetchAge(lifetime: Seconds): Seconds {
  return lifetime - Math.floor(lifetime / 10)
}
