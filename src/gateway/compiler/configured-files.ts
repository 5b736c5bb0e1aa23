import { epochSeconds, systemClock } from '../../base/time/clock.js'
import type { InterdictError } from '../../base/errors/error.js'
import type { Config } from '../config/config.js'
import { RulesFolder, type RuleFiles } from '../../policy/rules/model/folder.js'
import { chooseBundle } from '../../sources/bundle/choose-bundle.js'
import { rulesLocation } from './rules-location.js'

/** The rules that the settings put in force, or would after a restart. */
export interface ConfiguredFiles {
  /** Candidates; the first with valid rules counts. */
  readonly files: readonly RuleFiles[]
  /** Why the offered bundle is not a candidate. */
  readonly rejected: readonly InterdictError[]
}

/** Finds the configured rules. Only the gateway accepts bundles; this never does. */
export async function configuredFiles(config: Config): Promise<ConfiguredFiles> {
  const {
    folder,
    bundle,
    copiesFolder: copies,
    saved,
    outside,
    asnDatabase
  } = rulesLocation(config)
  if (bundle === undefined)
    return {
      files: [new RulesFolder(folder!, { copies, shown: saved, outside, asnDatabase })],
      rejected: []
    }
  const { candidates, refused } = await chooseBundle(bundle, epochSeconds(systemClock))
  return { files: candidates.map(({ files }) => files), rejected: refused }
}
