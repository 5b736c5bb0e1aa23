import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { createParentFolder } from '../../../base/files/parent-folder.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { publicBans } from '../../../admin/register/public-bans.js'
import { registerSite } from '../../../admin/register/site.js'
import { LANGUAGES } from '../../../policy/rules/model/user-explanation.js'
import { showInstant } from '../../../base/time/instant.js'
import { checkChoice, checkTime, resolveTime } from '../../args/parse.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput } from '../../exit.js'
import { printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'

export interface RegisterOptions extends CommonOptions {
  readonly language?: string
  readonly at?: string
  readonly json?: boolean
}

/**
 * `interdict register`: writes the register of bans as a static web site. Pages of bans that are no longer in
 * the rules stay, so that their URLs remain valid.
 */
export async function register(output: string, options: RegisterOptions, io: Io): Promise<number> {
  const { at, json } = options
  checkTime(at)
  if (options.language !== undefined) checkChoice('--language', options.language, LANGUAGES)
  const config = await loadSettings(options)
  const { loaded } = await loadConfiguredRules(config, io)
  if (!loaded.ok) rejectInput(loaded.errors)
  const { rules } = loaded
  const language = LANGUAGES.find(it => it === options.language) ?? rules.site?.language ?? 'en'
  const now = resolveTime(at, rules.timeZone)
  const bans = publicBans(rules, now)
  const asOf = showInstant(now, rules.timeZone).slice(0, 10)
  const files = registerSite(bans, language, asOf)
  for (const [path, content] of files) {
    const file = join(output, path)
    try {
      createParentFolder(file)
      await writeFile(file, content)
    } catch (error) {
      throw failure('CLI_OUTPUT', file, reasonOf(error))
    }
  }
  const url = rules.site?.register ?? null
  if (json === true) printJson(io, { output, url, bans: bans.length, pages: files.size })
  else {
    const written = `${formatCount(bans.length, 'ban')} on ${formatCount(files.size, 'page')}`
    io.stdout.write(`Wrote ${written} to ${output}\n`)
    if (url === null)
      io.stdout.write(
        'Set defaults.register in networks.yaml to the URL at which you publish it.\n'
      )
  }
  return EXIT.success
}
