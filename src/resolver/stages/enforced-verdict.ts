import { DNSSEC_VERDICT, NO_REASON, type DnssecVerdict } from '../../lookups/event/query-event.js'
import { EDE_FIXED_SIZE, optionSizeAt } from '../../wire/dns/edns/ede-option.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import type { QueryContext } from '../context/query-context.js'

/** What a network with `dnssec: enforce` gets in place of an answer that fails validation, or has no verdict. */
export function failsValidation({ rcode, ede }: Answer): boolean {
  if (rcode !== RCODE.SERVFAIL || ede === undefined) return false
  return ede.code >= EDE.DNSSEC_INDETERMINATE && ede.code <= EDE.NSEC_MISSING
}

/** The verdict that came with an answer, of an upstream or from the cache, where the client's network enforces validation. */
export function enforcedVerdict(
  { query, dns64, synthesisTtl }: QueryContext,
  answer: Answer
): DnssecVerdict {
  // Such a client gets what was not validated.
  if (!query.dnssecEnforced || query.checkingDisabled) return DNSSEC_VERDICT.none
  if (failsValidation(answer)) {
    const isUnknown = answer.ede!.code === EDE.DNSSEC_INDETERMINATE
    return isUnknown ? DNSSEC_VERDICT.indeterminate : DNSSEC_VERDICT.bogus
  }
  const { rcode, authentic } = answer
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return DNSSEC_VERDICT.none
  if (authentic) return DNSSEC_VERDICT.secure
  // Records that the gateway has made or left out say nothing of those of the zone.
  return dns64 !== undefined || synthesisTtl >= 0 ? DNSSEC_VERDICT.none : DNSSEC_VERDICT.insecure
}

/** Why it failed: the EXTRA-TEXT of its first extended error, at most 200 octets. */
export function failureReason({ ede }: Answer): Uint8Array {
  if (ede === undefined) return NO_REASON
  return ede.option.subarray(EDE_FIXED_SIZE, optionSizeAt(ede.option, 0))
}
