import type { ResponseValidity } from '../../wire/dns/message/validated-response.js'
import type { Validation } from './verdict.js'

/** What validation means for a client: an answer, or why there is none. */
export type AnswerVerdict =
  | ({ readonly isAccepted: true } & ResponseValidity)
  | {
      readonly isAccepted: false
      /** False: it could not be found out whether the answer is secure. */
      readonly isBogus: boolean
      /** INFO-CODE. RFC 8914 §4. */
      readonly ede: number
      /** Names the zone, the key and what failed. */
      readonly reason: string
    }

/** Validates responses, elsewhere. */
export interface AnswerValidator {
  /**
   * Validates a response that was queried with DO and CD.
   *
   * @param forwarders number of those that were queried: see `ForwardedQuestion`
   * @param done called exactly once, later
   */
  validate(
    question: Uint8Array,
    message: Uint8Array,
    forwarders: number,
    done: (verdict: AnswerVerdict) => void
  ): void
}

/** The verdict for clients. A finding without an extended error is about a zone that nothing requires to be signed. */
export function answerVerdict({ verdict, ede, reason, maxTtl }: Validation): AnswerVerdict {
  if (verdict === 'secure' || verdict === 'insecure' || ede === undefined)
    return { isAccepted: true, isSecure: verdict === 'secure', maxTtl }
  return { isAccepted: false, isBogus: verdict === 'bogus', ede, reason }
}
