import { epochSeconds, systemClock } from '../../base/clock.js'
import { InterdictError } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { rulesLocation } from '../../daemon/reload/rules-location.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { loadRules, type RulesResult } from '../../rules/load.js'
import { RulesFolder, type RuleFiles } from '../../rules/model/folder.js'
import { chooseBundle } from '../../sources/bundle/choose.js'
import type { Io } from '../io.js'

/** The rules that are in force by these settings, or would be after a start. */
export interface OwnFiles {
  /** Where they may be read; the first whose rules are good count. */
  readonly files: readonly RuleFiles[]
  /** Why the bundle that is offered is not among them. */
  readonly refused: readonly InterdictError[]
}

/** Nothing is accepted here: that is for the gateway to do. */
export async function ownFiles(config: Config): Promise<OwnFiles> {
  const { folder, bundle, copiesFolder: copies } = rulesLocation(config)
  if (bundle === undefined) return { files: [new RulesFolder(folder!, copies)], refused: [] }
  const { candidates, refused } = await chooseBundle(bundle, epochSeconds(systemClock))
  return { files: candidates.map(({ files }) => files), refused }
}

/** The rules that these settings name, with the copies of lists that are there. */
export async function readRules(
  config: Config,
  io: Io
): Promise<{ readonly loaded: RulesResult; readonly files: RuleFiles | undefined }> {
  const { files: places, refused } = await ownFiles(config)
  const wrong = [...refused]
  for (const files of places) {
    const loaded = await loadRules(files, systemClock)
    if (loaded.ok) {
      for (const error of wrong) warn(error, io)
      return { loaded, files }
    }
    wrong.push(...loaded.errors)
  }
  return { loaded: { ok: false, errors: wrong, files: [], passing: false }, files: undefined }
}

/** Commands go on with the rules that are in force. */
function warn({ code, message }: InterdictError, io: Io): void {
  io.stderr.write(`warning: ${escapeControls(message)} (${code})\n`)
}
