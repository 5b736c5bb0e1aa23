import type { Seconds } from '../../base/units.js'
import { isActive, buildTimetable } from '../../policy/tables/timetable.js'
import type { Rule } from '../../rules/model/types.js'

/** Which rules are asked about, and when. */
export interface Wanted {
  readonly at: Seconds
  readonly within: number
  /** Only rules of this network, or with this app. */
  readonly network?: string | undefined
  readonly app?: string | undefined
}

/**
 * `in force`          now
 * `outside its hours` at other times of the week
 * `to come`           its `from` is later
 * `ended`             its `until` has passed
 */
export type State = 'in force' | 'outside its hours' | 'to come' | 'ended'

export function stateOf({ from, until, schedule }: Rule, at: Seconds): State {
  if (at < from) return 'to come'
  if (until <= at) return 'ended'
  if (schedule === undefined || isActive(buildTimetable(schedule), at)) return 'in force'
  return 'outside its hours'
}
