import { reasonOf } from '../../base/errors/reason.js'
import type { Validation } from '../../resolver/validation/verdict.js'
import { EDE } from '../../wire/dns/registry/ede.js'

/** An error of the validator itself: nothing is known of the answer. */
export function internalError(error: unknown): Validation {
  return withoutVerdict(`internal error: ${reasonOf(error)}`)
}

export function withoutVerdict(reason: string): Validation {
  const work = { queries: 0, verifications: 0, failedVerifications: 0, hashes: 0 }
  const ede = EDE.DNSSEC_INDETERMINATE
  return { verdict: 'indeterminate', ede, reason, steps: [], ttl: 0, maxTtl: 0, work }
}
