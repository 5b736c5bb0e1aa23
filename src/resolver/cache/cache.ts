import type { Octets } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import type { QuestionKey } from '../../wire/dns/message/question.js'

export type { QuestionKey }

/** Cached answers of upstreams by question. */
export interface AnswerCache {
  /**
   * Loads the index entries that `get` will read into the processor's cache while other work is
   * done: the cache miss takes as long as evaluating the rules.
   */
  touch(key: QuestionKey): void
  /** The answer, if it is cached and has not expired. */
  get(key: QuestionKey): Answer | undefined
  /** The answer, if it is cached, even if it has expired (serve-stale, RFC 8767). */
  getStale(key: QuestionKey): Answer | undefined
  /** Whether the last `get` missed because the answer has expired, so that `getStale` has it. */
  readonly missedExpired: boolean
  /**
   * Caches a copy of the answer and replaces the previous one. Has no effect if its lifetime is 0.
   *
   * @param generation when the question was forwarded: no effect if the cache was flushed since
   */
  put(key: QuestionKey, answer: Answer, generation?: number): void
  delete(key: QuestionKey): void
  /** Changed by every flush. */
  readonly generation: number
  /** Memory in use, by the cache's own count. */
  readonly size: Octets
  readonly entries: number
}
