import type { Seconds } from '../../base/units.js'
import type { Pause } from '../../policy/tables/snapshot.js'
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

/** The pauses that were in force last and have not ended; none if the history cannot be read: then the rules are what the files say. */
export async function lastPauses(history: string, now: Seconds): Promise<readonly Pause[]> {
  try {
    const { latest } = await RulesHistory.open(history)
    return latest?.event.pauses.filter(({ until }) => until > now) ?? []
  } catch {
    return []
  }
}
