import { systemClock } from '../base/clock.js'
import type { Config } from '../config/config.js'
import { copiesFolder } from '../remote/copies.js'
import { loadRules, type RulesResult } from '../rules/load.js'

/** The rules that these settings name, with the copies of lists that are there. */
export function readRules({ rules, state }: Config): Promise<RulesResult> {
  return loadRules(rules, systemClock, copiesFolder(state.folder))
}
