import { EDE } from '../../../wire/dns/registry/ede.js'

/** What is known of the answers of a domain that fail. */
export interface DnssecFailure {
  /** INFO-CODE that clients would get; null: not known. */
  readonly ede: number | null
  /** Begins with the name whose records fail. */
  readonly reason: string
  /** Mailbox in the zone's SOA; null: not known. */
  readonly contact: string | null
}

const TIMES: readonly (number | null)[] = [EDE.SIGNATURE_EXPIRED, EDE.SIGNATURE_NOT_YET_VALID]
const MISSING: readonly (number | null)[] = [EDE.RRSIGS_MISSING, EDE.NSEC_MISSING]

/** Returns whom to call about a failure. */
export function dnssecFix({ ede, reason, contact }: DnssecFailure): string {
  const operator =
    contact === null
      ? 'the operator of the zone (no mailbox known)'
      : `the zone's operator: ${contact}`
  if (ede === EDE.DNSSEC_INDETERMINATE)
    return 'Check the upstream: it did not return what is needed to tell'
  // The root itself is in order: the cause is the upstream or the clock of this machine.
  if (reason.startsWith('. ')) {
    return TIMES.includes(ede)
      ? 'Check the clock of this gateway'
      : 'Your upstream strips DNSSEC records: choose one that returns RRSIG, or check the trust anchors'
  }
  if (MISSING.includes(ede))
    return `If other names of the zone fail as well, your upstream strips RRSIG. Otherwise ${operator}; for an internal zone, an own trust anchor or a DNSSEC exception`
  return operator.replace(/^./, first => first.toUpperCase())
}
