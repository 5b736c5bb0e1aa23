import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { networkOfClass } from '../../policy/tables/client-table.js'

/** Samples that one worker hands over in a second: more would only take CPU time from it. */
const PER_SECOND = 10

/** A question whose answer is to be validated, after the client has it. */
export interface ValidationSample {
  /** Of the client. */
  readonly network: string
  /** In any letter case. */
  readonly question: Uint8Array
}

/** Hands over some of the questions that were just answered by an upstream, for networks with `dnssec: observe`. */
export class ValidationSampler {
  private since: Milliseconds = -Infinity
  private left = 0

  /** @param onSample does not wait for anything */
  constructor(private readonly onSample: (sample: ValidationSample) => void) {}

  /** @param question is copied */
  offer(policy: Policy, clientClass: number, question: Uint8Array, now: Milliseconds): void {
    if (!policy.observesDnssec(clientClass)) return
    if (now - this.since >= MS_PER_SECOND) {
      this.since = now
      this.left = PER_SECOND
    }
    if (this.left === 0) return
    this.left--
    const network = networkOfClass(policy.snapshot.clients, clientClass)!
    this.onSample({ network, question: question.slice() })
  }
}
