import type { RuleFiles } from '../../policy/rules/model/folder.js'

/**
 * The version of the rules that was in force last, for a start whose rules fail their policy tests. In the
 * compiler thread.
 */
export interface LastGoodRules {
  /** Undefined: none is kept. @param copies folder of the copies of downloaded lists */
  lastGood(copies: string): Promise<RuleFiles | undefined>
}

/** Versions are not kept, so that a start with failing tests is an error. */
export const NOTHING_KEPT: LastGoodRules = { lastGood: () => Promise.resolve(undefined) }
