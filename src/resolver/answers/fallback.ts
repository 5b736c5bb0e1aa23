import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { AnswerCache, QuestionKey } from '../cache/cache.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { KEY_DO } from '../../wire/dns/message/question.js'
import { staleAnswer } from '../../wire/dns/reply/stale-answer.js'

/** How long stale answers are served; from the settings. */
export interface FallbackLimits {
  /** How long after its expiry an answer may be served; the cache keeps it that long. */
  readonly staleMax: Seconds
  /** How long upstreams are not retried meanwhile: the failure recheck timer of RFC 8767 §5. */
  readonly staleRecheck: Seconds
}

/**
 * What clients get while upstreams fail: the expired answer if the cache still has it, else the
 * failure. Both are remembered for a while, in which upstreams are not queried again: RFC 8767 §5,
 * RFC 9520 §3.2. Failures have a cache of their own, so that they never evict answers.
 */
export class Fallback {
  /**
   * @param cache holds the expired answers
   * @param failures remembers what is served while upstreams fail
   */
  constructor(
    private readonly cache: AnswerCache,
    private readonly failures: AnswerCache,
    /** May be replaced. */
    public limits: FallbackLimits
  ) {}

  /** What to serve because upstreams failed a moment ago: a stale answer (`isStale`) or a failure. */
  get(key: QuestionKey): Answer | undefined {
    return this.failures.entries === 0 ? undefined : this.failures.get(key)
  }

  /**
   * Returns what to serve after an upstream failure: the stale answer, or `failure` if there is none.
   *
   * @param generation of the cache when the question was forwarded
   */
  onFailure(key: QuestionKey, failure: Answer, generation: number, now: Milliseconds): Answer {
    const stale = this.useStale(key, now, generation)
    if (stale === undefined) this.failures.put(key, failure, generation)
    return stale ?? failure
  }

  /** Remembers that an answer is bogus: no earlier one is served in its place. */
  reject(key: QuestionKey, failure: Answer, generation: number): void {
    this.cache.delete(key)
    this.failures.put(key, failure, generation)
  }

  /** The stale answer if there is one; from now on it is served as after a failure. */
  useStale(
    key: QuestionKey,
    now: Milliseconds,
    // Read before the expired answer, so that a flush meanwhile does not miss its copy.
    generation = this.failures.generation
  ): Answer | undefined {
    const expired = this.cache.getStale(key) ?? this.findUnsigned(key)
    if (expired === undefined) return undefined
    const stale = staleAnswer(expired, this.staleLifetime(expired, now), now)
    this.failures.put(key, stale, generation)
    return stale
  }

  /** For a client that wants signatures: the expired answer without them, which is better than none. RFC 8767 §5. */
  private findUnsigned(key: QuestionKey): Answer | undefined {
    const last = key.length - 1
    const flags = key[last]!
    if ((flags & KEY_DO) === 0) return undefined
    key[last] = flags & ~KEY_DO
    const expired = this.cache.getStale(key)
    key[last] = flags
    return expired
  }

  /** Until the next recheck, but never beyond the time for which stale answers may be served. */
  private staleLifetime({ storedAt, lifetime }: Answer, now: Milliseconds): Seconds {
    const { staleMax, staleRecheck } = this.limits
    const left = lifetime + staleMax - (now - storedAt) / MS_PER_SECOND
    return Math.min(staleRecheck, Math.floor(left))
  }

  /** Upstreams answer this question again. */
  onAnswer(key: QuestionKey): void {
    if (this.failures.entries > 0) this.failures.delete(key)
  }
}

/** NOERROR and NXDOMAIN are answers; any other RCODE is a failure to resolve. RFC 8767 §5. */
export function isAnswered({ rcode }: Answer): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
}

/** Whether `Fallback.get` returned a stale answer rather than a failure. */
export const isStale = isAnswered
