import type { Octets } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import type { QuestionKey } from '../dns/message/question.js'

export type { QuestionKey }

export interface AnswerCache {
  /**
   * Has what `get` will look at brought near, while something else is done: the way to it is as
   * long as that of a message through the rules.
   */
  touch(key: QuestionKey): void
  /** The answer, if it is held and its lifetime is not over yet. */
  get(key: QuestionKey): Answer | undefined
  /** The answer, if it is held, even if its lifetime is over: for who gets no better one. */
  getStale(key: QuestionKey): Answer | undefined
  /** Whether `getStale` has what the last `get` had not. */
  readonly missedExpired: boolean
  /**
   * Holds a copy of the answer in place of an earlier one; with lifetime 0, nothing is held or
   * replaced.
   */
  put(key: QuestionKey, answer: Answer): void
  delete(key: QuestionKey): void
  /** Octets held, by the cache's own count. */
  readonly size: Octets
  readonly entries: number
}
