import type { Seconds } from '../../base/units.js'
import type { Config } from '../config/config.js'
import type { RuleSet } from '../../policy/rules/model/types.js'

/** What settings and rules show of a requirement. `not known`: neither can show it. */
export type JudgedState = 'met' | 'partly' | 'not met' | 'not applicable' | 'not known'

export interface Judgement {
  readonly state: JudgedState
  /** What was read. */
  readonly found: string
  /** The setting or rule key that would change it; null: none would. */
  readonly change: string | null
}

/** What judges read. */
export interface JudgedFacts {
  readonly config: Config
  readonly rules: Pick<RuleSet, 'networks' | 'clients' | 'dnssecExceptions'>
  /** Rules that are not in force at this time do not count. */
  readonly now: Seconds
}

export type Judge = (facts: JudgedFacts) => Judgement

export function judgement(state: JudgedState, found: string, change?: string): Judgement {
  return { state, found, change: state === 'met' ? null : (change ?? null) }
}

/** `met` if all have it, `partly` if some do. */
export function judgeShare(have: number, all: number, what: string, change: string): Judgement {
  const found = `${have} of ${all} ${what}`
  if (all === 0) return judgement('not applicable', found, change)
  return judgement(have === all ? 'met' : have > 0 ? 'partly' : 'not met', found, change)
}
