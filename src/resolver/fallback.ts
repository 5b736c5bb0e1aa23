import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../base/units.js'
import type { AnswerCache, QuestionKey } from '../cache/cache.js'
import type { Answer } from '../dns/message/answer.js'
import { RCODE } from '../dns/registry/rcode.js'
import { staleAnswer } from '../dns/reply/stale-answer.js'

/** How long it lasts; config says it. */
export interface FallbackLimits {
  /** How long what is over may be given; the cache holds it for as long. */
  readonly staleMax: Seconds
  /** How long that is done before upstreams are asked again: the failure recheck timer. */
  readonly staleRecheck: Seconds
}

/**
 * What is given while upstreams fail: the answer of before, if the cache still has it, else the
 * failure. Each is remembered for a while, in which nobody is asked again: RFC 8767 §5, RFC 9520
 * §3.2. Failures have memory of their own, so that any number of them takes nothing from answers.
 */
export class Fallback {
  /**
   * @param cache where answers are that are over
   * @param failures where it is remembered what is given instead
   */
  constructor(
    private readonly cache: AnswerCache,
    private readonly failures: AnswerCache,
    private readonly limits: FallbackLimits
  ) {}

  /** What to give at once, because upstreams failed a moment ago; see `isStale`. */
  get(key: QuestionKey): Answer | undefined {
    return this.failures.entries === 0 ? undefined : this.failures.get(key)
  }

  /** Upstreams failed: returns what is to be given, which is `failure` if there is nothing older. */
  onFailure(key: QuestionKey, failure: Answer, now: Milliseconds): Answer {
    const given = this.useStale(key, now) ?? failure
    if (given === failure) this.failures.put(key, failure)
    return given
  }

  /** Upstreams take long: the answer that is over, if there is one, which counts as a failure. */
  useStale(key: QuestionKey, now: Milliseconds): Answer | undefined {
    const held = this.cache.getStale(key)
    if (held === undefined) return undefined
    const stale = staleAnswer(held, this.staleLifetime(held, now), now)
    this.failures.put(key, stale)
    return stale
  }

  /** Nothing is given for longer than what is over may be. */
  private staleLifetime({ storedAt, lifetime }: Answer, now: Milliseconds): Seconds {
    const { staleMax, staleRecheck } = this.limits
    const left = lifetime + staleMax - (now - storedAt) / MS_PER_SECOND
    return Math.min(staleRecheck, Math.floor(left))
  }

  /** Upstreams answer again. */
  onAnswer(key: QuestionKey): void {
    if (this.failures.entries > 0) this.failures.delete(key)
  }
}

/** NOERROR and NXDOMAIN say something of the name; all else is a failure to. RFC 8767 §5. */
export function isAnswered({ rcode }: Answer): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
}

/** Whether what `Fallback.get` gave is an answer that is over, and not a failure. */
export const isStale = isAnswered
