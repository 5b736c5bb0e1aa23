import type { Verdict } from '../../resolver/validation/verdict.js'

/** What validation has found; null in the status: no network has `dnssec: observe` or `enforce`. */
export interface ValidationStatus extends ObservationStatus {
  /** RFC 3339: counts and failures are from then on. */
  readonly since: string
  /** Of networks with `dnssec: enforce`, all together. */
  readonly enforced: EnforcementStatus
}

/** Of networks with `dnssec: observe`. */
export interface ObservationStatus {
  readonly networks: Readonly<Record<string, Readonly<Record<Verdict, number>>>>
  /** Samples that were not validated: too many at once. */
  readonly dropped: number
  /** Answers that would fail if validation were enforced, latest first. */
  readonly failures: readonly ValidationFailure[]
}

export interface EnforcementStatus {
  /** Answers that were validated because the cache did not have them. */
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** Answers without a verdict, in whose place clients got SERVFAIL: too many waited, or for too long, or the thread was restarted. */
  readonly refused: number
  /** Answers in whose place clients got SERVFAIL, latest first. */
  readonly failures: readonly ValidationFailure[]
}

export interface ValidationFailure {
  /** RFC 3339. */
  readonly at: string
  /** Undefined: of all networks that enforce, which share answers. */
  readonly network?: string | undefined
  readonly name: string
  readonly type: string
  readonly verdict: Verdict
  /** INFO-CODE. RFC 8914 §4. */
  readonly ede: number | null
  readonly reason: string
}
