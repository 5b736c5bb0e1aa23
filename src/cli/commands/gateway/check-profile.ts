import { didYouMean } from '../../../policy/yaml/closest.js'
import { loadConfig } from '../../../gateway/config/load-settings.js'
import { judgeProfile } from '../../../gateway/profiles/judge-profile.js'
import { PROFILES, type ProfileId } from '../../../gateway/profiles/profile-ids.js'
import { loadRules } from '../../../policy/rules/load.js'
import { checkTime, resolveTime } from '../../args/parse.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { toText } from '../../output/rules/profile-text.js'
import { filesToCheck, type CheckOptions } from '../rules/check.js'

/**
 * `interdict check --profile`: shows what settings and rules do of the requirements of published guidance.
 *
 * @throws InterdictError for invalid settings or rules
 */
export async function checkProfile(
  path: string | undefined,
  profile: string,
  { config, json, at }: CheckOptions,
  io: Io
): Promise<number> {
  if (!isProfile(profile)) {
    usageError(`--profile: no profile '${profile}'${didYouMean(profile, PROFILES)}`)
  }
  checkTime(at)
  const settings = await loadConfig(config)
  if (!settings.ok) rejectInput(settings.errors)
  const { files, rejected } = await filesToCheck(path, settings.config)
  if (files === undefined) rejectInput(rejected)
  const loaded = await loadRules(files)
  if (!loaded.ok) rejectInput(loaded.errors)
  const { rules } = loaded
  const now = resolveTime(at, rules.timeZone)
  const judged = judgeProfile(profile, { config: settings.config, rules, now })
  print(io, json === true ? `${JSON.stringify(judged, undefined, 2)}\n` : toText(judged))
  return EXIT.success
}

const isProfile = (id: string): id is ProfileId => (PROFILES as readonly string[]).includes(id)
