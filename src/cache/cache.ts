import type { Octets } from '../base/units.js'
import type { Answer } from '../wire/answer.js'

/** Cache key and key of questions in flight: lower-cased QNAME, QTYPE, QCLASS, DO, CD; latin1. */
export type QuestionKey = string

export interface AnswerCache {
  get(key: QuestionKey): Answer | undefined
  put(key: QuestionKey, answer: Answer): void
  delete(key: QuestionKey): void
  /** Octets held, by the cache's own count. */
  readonly size: Octets
  readonly entries: number
}
