import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { Mandate } from '../../policy/rules/mandates/mandate.js'
import type { Term } from '../../policy/rules/model/types.js'

/** A mandate in force, for the status. */
export type MandateSummary = Term &
  Pick<Mandate, 'id' | 'issued' | 'authority' | 'reference' | 'sha256'> & {
    readonly file: string
  }

/** The mandates, and what the rules leave open of them. Plain data: it is sent to other threads. */
export interface MandateReport {
  readonly mandates: readonly MandateSummary[]
  /** What is open, or will be, with the time. */
  readonly shortfalls: readonly (Term & SerializedError & { readonly mandate: string })[]
  /** Files that are missing or invalid. */
  readonly problems: readonly SerializedError[]
}

export const NO_MANDATE_REPORT: MandateReport = { mandates: [], shortfalls: [], problems: [] }
