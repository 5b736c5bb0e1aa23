import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { readCatalogue } from '../../../policy/rules/apps/catalogue.js'
import { KINDS, ROLES } from '../../../policy/rules/schema/app-schema.js'
import { extractHostName, rejectUrlCharacters } from '../../args/extract-host-name.js'
import { checkChoice } from '../../args/parse.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput } from '../../exit.js'
import { print, type Io } from '../../io.js'
import { searchApps, type AppQuery } from '../../../analysis/views/app-search.js'
import { searchedName, appView } from '../../../analysis/views/app-view.js'
import { toText } from '../../output/rules/apps-text.js'

export interface AppsOptions extends CommonOptions, Omit<AppQuery, 'search'> {
  readonly json?: boolean
}

/** One word with a dot inside: a domain name rather than words. */
const NAME_LIKE = /^\S+\.[^.\s]\S*$/

/** `interdict apps`: apps of the catalogue, their names, and the evidence for them. */
export async function apps(args: readonly string[], options: AppsOptions, io: Io): Promise<number> {
  checkChoice('--role', options.role, ROLES)
  checkChoice('--kind', options.kind, KINDS)
  const search = extractHostName('<search>', args.join(' ').trim(), io)
  if (NAME_LIKE.test(search)) rejectUrlCharacters('<search>', search)
  const config = await loadSettings(options)
  const { loaded, files } = await loadConfiguredRules(config, io)
  if (!loaded.ok) rejectInput(loaded.errors)
  const catalogue = await readCatalogue(files!)
  if (!catalogue.ok) rejectInput(catalogue.errors)
  const query = { ...options, search }
  const found = searchApps(catalogue.apps, query)
  const now = epochSeconds(systemClock)
  const apps = found.apps.map(app => appView(app, loaded.rules, now))
  const name = found.name === undefined ? undefined : searchedName(found.name, apps)
  const listing = { apps, ...(name && { name }) }
  print(
    io,
    options.json === true
      ? `${JSON.stringify(listing, undefined, 2)}\n`
      : toText(listing, query, catalogue.sources, io.stdout.columns)
  )
  return apps.length > 0 ? EXIT.success : EXIT.failure
}
