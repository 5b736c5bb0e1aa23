import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { Explanation } from '../../../analysis/views/explanation.js'

/** Lookups around a time are shown from so long before to so long after it. */
export const AROUND: Milliseconds = 3_600_000

export const windowText = `within ${AROUND / MS_PER_SECOND / 60} minutes of this time`

/** A lookup as the log has it; its JSON form is public. */
export interface PastLookup {
  readonly time: string
  readonly type: string
  readonly verdict: string
  readonly rcode: string | null
  /** Line of the rule that decided. */
  readonly rule: string | null
  /** First digits of the SHA-256 of the rules. */
  readonly sha256: string | null
}

/** What the query log has for a client and a name around a time. */
export interface PastLookups {
  /** The oldest first. */
  readonly lookups: readonly PastLookup[]
  /** Why the log was not read, or what it lacks. */
  readonly remarks: readonly string[]
}

/** What was in force, and what the log has; its JSON form is public. */
export interface PastFacts {
  /** When the version came in force and until when; null: not known, or still. */
  readonly since: string | null
  readonly until: string | null
  /** Why nothing is claimed; empty: the decision is known. */
  readonly unknown: readonly string[]
  readonly notes: readonly string[]
  readonly log: PastLookups
}

/** A decision in the past; with verdict `unknown`, what is known. */
export type PastExplanation = Omit<Explanation, 'rules'> & {
  readonly rules: { readonly sha256: string | null; readonly serial: number | null }
  readonly past: PastFacts
}
