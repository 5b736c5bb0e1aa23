import type { Origin } from '../report.js'

/** What reports on a day, week or month say about the rules, as they are when the report is made. */
export interface RuleFacts {
  readonly rules: NonNullable<Origin['rules']>
  readonly networks: number
  /** Bans that are in force at the end of the period. */
  readonly bansInForce: number
  /** Networks of a declared scope with the titles of what is not banned there; null: no scope is declared. */
  readonly uncovered:
    readonly { readonly network: string; readonly lacks: readonly string[] }[] | null
  /** Beginnings, ends and reviews of bans and exceptions, in order of time. */
  readonly dates: readonly RuleDate[]
}

export interface RuleDate {
  readonly at: Date
  /** Of an end at midnight, in the time zone of the rules. */
  readonly lastDay: string | null
  readonly kind: 'ban' | 'exception'
  readonly id: string
  readonly what: 'starts' | 'ends' | 'review'
  readonly networks: readonly string[]
  /** The authority of a ban; the approver of an exception, and what it is for. */
  readonly by: string
}
