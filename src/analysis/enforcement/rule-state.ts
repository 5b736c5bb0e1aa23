import type { Seconds } from '../../base/units.js'
import { isActive, buildTimetable } from '../../policy/tables/timetable.js'
import type { Rule, Term } from '../../policy/rules/model/types.js'

/** Selects bans and exceptions, and the time to look at. */
export interface BanQuery {
  readonly at: Seconds
  /** Days ahead. */
  readonly within: number
  /** Only rules of this network, or of this app. */
  readonly network?: string | undefined
  readonly app?: string | undefined
}

/**
 * `in force`           now
 * `outside its hours`  at other times of the week
 * `to come`            `from` is later
 * `ended`              `until` has passed
 */
export type RuleState = 'in force' | 'outside its hours' | 'to come' | 'ended'

export function ruleState(
  { from, until, schedule }: Term & Pick<Partial<Rule>, 'schedule'>,
  at: Seconds
): RuleState {
  if (at < from) return 'to come'
  if (until <= at) return 'ended'
  if (schedule === undefined || isActive(buildTimetable(schedule), at)) return 'in force'
  return 'outside its hours'
}
