import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { Mandate } from '../../policy/rules/mandates/mandate.js'
import type { Term } from '../../policy/rules/model/types.js'

/** A mandate in force, for the status. */
export type MandateSummary = Term &
  Pick<Mandate, 'id' | 'issued' | 'authority' | 'reference' | 'sha256'> & {
    readonly file: string
  }

/** The mandates, and the openings that the rules leave in them. Plain data: it is sent to other threads. */
export interface MandateReport {
  readonly mandates: readonly MandateSummary[]
  /** Current and future openings, with their times. */
  readonly shortfalls: readonly (Term & SerializedError & { readonly mandate: string })[]
  /** Files that are missing or invalid. */
  readonly problems: readonly SerializedError[]
}

export const NO_MANDATE_REPORT: MandateReport = { mandates: [], shortfalls: [], problems: [] }
