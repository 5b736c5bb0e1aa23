import type { Verdict } from '../../resolver/validation/verdict.js'

/** What validation of the sample has found; null in the status: no network has `dnssec: observe`. */
export interface ValidationStatus {
  /** RFC 3339: counts and failures are from then on. */
  readonly since: string
  readonly networks: Readonly<Record<string, Readonly<Record<Verdict, number>>>>
  /** Samples that were not validated: too many at once. */
  readonly dropped: number
  /** Answers that would fail if validation were enforced, latest first. */
  readonly failures: readonly ValidationFailure[]
}

export interface ValidationFailure {
  /** RFC 3339. */
  readonly at: string
  readonly network: string
  readonly name: string
  readonly type: string
  readonly verdict: Verdict
  /** INFO-CODE. RFC 8914. */
  readonly ede: number | null
  readonly reason: string
}
