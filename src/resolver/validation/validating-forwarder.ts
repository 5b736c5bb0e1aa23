import { EDE } from '../../wire/dns/registry/ede.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { questionKey } from '../../wire/dns/message/question.js'
import { setAuthentic, validatedResponse } from '../../wire/dns/message/validated-response.js'
import type {
  ForwardedQuestion,
  Forwarder,
  OutcomeHandler,
  UpstreamOutcome
} from '../upstream/forwarder.js'
import type { AnswerValidator, AnswerVerdict } from './answer-verdict.js'

const TC = 0x02

type Response = UpstreamOutcome & { readonly kind: 'response' }
type Asked = Pick<ForwardedQuestion, 'question' | 'dnssecOk' | 'forwarders'>

/**
 * Forwards questions, and passes on only answers that were validated where the client's network enforces DNSSEC: waiters
 * get the outcome when the verdict is known. Upstreams are then queried with DO and CD, since validation needs signatures
 * and must see what fails (RFC 6840 §5.9). A client that sets CD gets the answer as it is, without AD.
 *
 * All other questions go to the upstreams as they are.
 */
export class ValidatingForwarder implements Forwarder {
  /** Those who wait for an answer and its verdict, by the key of the question. */
  private readonly waiting = new Map<string, OutcomeHandler[]>()

  constructor(
    private readonly inner: Forwarder,
    private readonly validator: AnswerValidator
  ) {}

  get upstreams(): readonly string[] {
    return this.inner.upstreams
  }

  get inFlight(): number {
    return this.inner.inFlight
  }

  close(): void {
    this.inner.close()
  }

  forward(forwarded: ForwardedQuestion, waiter: OutcomeHandler): void {
    if (forwarded.dnssecEnforced !== true) {
      this.inner.forward(forwarded, waiter)
      return
    }
    const key = Buffer.from(questionKey(forwarded)).toString('latin1')
    const waiters = this.waiting.get(key)
    if (waiters !== undefined) {
      waiters.push(waiter)
      return
    }
    this.waiting.set(key, [waiter])
    const { dnssecOk, checkingDisabled, forwarders } = forwarded
    // The waiter may be gone before the verdict.
    const question = forwarded.question.slice()
    this.inner.forward(
      { question, dnssecOk: dnssecOk || !checkingDisabled, checkingDisabled: true, forwarders },
      {
        onOutcome: outcome => {
          // An object of its own: others with the same upstream query cache and serve what is not validated.
          if (outcome.kind !== 'response' || !isAnswer(outcome.message))
            this.end(key, { ...outcome })
          // The message is valid only during the call.
          else if (checkingDisabled) this.end(key, unchecked(outcome))
          else
            this.check(
              key,
              { question, dnssecOk, forwarders },
              {
                ...outcome,
                message: outcome.message.slice()
              }
            )
        }
      }
    )
  }

  private check(key: string, asked: Asked, response: Response): void {
    const { question, dnssecOk, forwarders } = asked
    this.validator.validate(question, response.message, forwarders, verdict => {
      this.end(key, outcomeOf(question, dnssecOk, response, verdict))
    })
  }

  private end(key: string, outcome: UpstreamOutcome): void {
    const waiters = this.waiting.get(key) ?? []
    this.waiting.delete(key)
    for (const waiter of waiters) waiter.onOutcome(outcome)
  }
}

/** Any other RCODE, or a truncated response, becomes SERVFAIL without records: nothing is to be validated. */
function isAnswer(message: Uint8Array): boolean {
  const rcode = message[3]! & 0x0f
  const isTruncated = (message[2]! & TC) !== 0
  return !isTruncated && (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN)
}

function unchecked(outcome: Response): UpstreamOutcome {
  const message = outcome.message.slice()
  setAuthentic(message, false)
  return { ...outcome, message }
}

function outcomeOf(
  question: Uint8Array,
  dnssecOk: boolean,
  { message, upstream, took }: Response,
  verdict: AnswerVerdict
): UpstreamOutcome {
  if (!verdict.isAccepted) {
    const { ede, reason: text } = verdict
    return { kind: 'failure', ede, isBogus: verdict.isBogus, upstream, took, text }
  }
  try {
    const valid = validatedResponse(message, question, dnssecOk, verdict)
    return { kind: 'response', message: valid, upstream, took }
  } catch {
    // Only if it has become too large.
    return { kind: 'failure', ede: EDE.NETWORK_ERROR, upstream, took }
  }
}
