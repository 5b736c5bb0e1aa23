import type { RuleFiles } from '../../policy/rules/model/folder.js'
import { RulesHistory } from '../../policy/history/rules-history.js'
import { StoredFiles, type CurrentFiles } from '../../policy/history/stored-files.js'

/**
 * The rules that were in force last, for a start whose rules fail their policy tests.
 *
 * @param history folder of the history of rules
 * @returns undefined: there are none, or not all of their files are stored
 * @throws InterdictError HISTORY_READ
 */
export async function lastGoodRules(
  history: string,
  current: CurrentFiles
): Promise<RuleFiles | undefined> {
  const { latest } = await RulesHistory.open(history)
  if (latest === undefined) return undefined
  const files = new StoredFiles(latest.version, current)
  return (await files.missingRules()).length === 0 ? files : undefined
}
