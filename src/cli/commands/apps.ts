import { epochSeconds, systemClock } from '../../base/clock.js'
import { readCatalogue } from '../../rules/apps/catalogue.js'
import { KINDS, ROLES } from '../../rules/schema/app-schema.js'
import { readRules } from '../args/read-rules.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, refuse, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { searchApps, type Wanted } from '../output/app-search.js'
import { nameViewOf, viewOf } from '../output/app-view.js'
import { toText } from '../output/apps-text.js'

export interface AppsOptions extends CommonOptions, Omit<Wanted, 'search'> {
  readonly json?: boolean
}

/** `interdict apps`: what the catalogue of apps has, of which names, on what evidence. */
export async function apps(
  words: readonly string[],
  options: AppsOptions,
  io: Io
): Promise<number> {
  among('--role', options.role, ROLES)
  among('--kind', options.kind, KINDS)
  const config = await settings(options)
  const { loaded, files } = await readRules(config, io)
  if (!loaded.ok) refuse(loaded.errors)
  const catalogue = await readCatalogue(files!)
  if (!catalogue.ok) refuse(catalogue.errors)
  const wanted = { ...options, search: words.join(' ').trim() }
  const found = searchApps(catalogue.apps, wanted)
  const now = epochSeconds(systemClock)
  const apps = found.apps.map(app => viewOf(app, loaded.rules, now))
  const name = found.name === undefined ? undefined : nameViewOf(found.name, apps)
  const listing = { apps, ...(name && { name }) }
  print(
    io,
    options.json === true
      ? `${JSON.stringify(listing, undefined, 2)}\n`
      : toText(listing, wanted, catalogue.sources, io.stdout.columns)
  )
  return apps.length > 0 ? EXIT.success : EXIT.failure
}

function among(option: string, given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return
  usage(`${option}: ${given} is not one of ${known.join(', ')}`)
}
