import type { Judge } from './judgement.js'
import { OPERATION_JUDGES, UNKNOWN_JUDGES } from './operation-judges.js'
import { RULE_JUDGES } from './rule-judges.js'
import { SETTING_JUDGES } from './setting-judges.js'

/** Judges by the names that requirements use. */
export const JUDGES: Readonly<Record<string, Judge>> = {
  ...RULE_JUDGES,
  ...SETTING_JUDGES,
  ...OPERATION_JUDGES,
  ...UNKNOWN_JUDGES
}
