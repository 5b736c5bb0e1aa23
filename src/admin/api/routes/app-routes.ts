import * as z from 'zod'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import { readCatalogue, type CatalogueApp } from '../../../policy/rules/apps/catalogue.js'
import { KINDS, ROLES } from '../../../policy/rules/schema/app-schema.js'
import { searchApps } from '../../../analysis/views/app-search.js'
import { appView } from '../../../analysis/views/app-view.js'
import { configuredFiles } from '../../../gateway/compiler/configured-files.js'
import { app, pageOf, pageSchema, paging } from '../parameters.js'
import { defineRoute } from '../route.js'
import type { ActiveRules, ApiServices } from '../api-services.js'
import * as schemas from './schema-routes.js'

/** The apps, read once for each change of the rules. */
let last: { readonly rules: ActiveRules; readonly apps: readonly CatalogueApp[] } | undefined

/**
 * The files of the apps in the rules in force. What is not in force yet, because the rules have errors, is
 * not shown: names come from the file, but only bans in force are listed.
 *
 * @throws InterdictError the first error of the files
 */
async function catalogue(services: ApiServices) {
  const active = await services.rules()
  if (last?.rules !== active) {
    const [files] = (await configuredFiles(services.config)).files
    if (files === undefined) throw failure('API_NOT_FOUND', 'bundle')
    const read = await readCatalogue(files)
    if (!read.ok) throw read.errors[0]!
    const known = new Set(active.rules.sources.map(({ kind, id }) => `${kind} ${id}`))
    const apps = read.apps.filter(({ entry }) => known.has(`app ${entry.app}`))
    last = { rules: active, apps }
  }
  return { active, apps: last.apps }
}

const common = { method: 'GET', tag: 'rules', scope: 'read' } as const

export const appRoutes = [
  defineRoute({
    ...common,
    path: '/apps',
    id: 'listApps',
    summary: 'Apps of the rules: names, evidence, and bans in force',
    query: z.strictObject({
      ...paging,
      search: z.string().max(253).prefault('').describe('Words, an id, or a domain name'),
      vendor: z.string().max(253).optional().describe('Name of the vendor'),
      country: z.string().max(253).optional().describe('Two-letter code'),
      role: z.enum(ROLES).optional().describe('Apps with a name of this role'),
      kind: z.enum(KINDS).optional().describe('Kind of app')
    }),
    response: pageSchema(schemas.app),
    handler: async ({ query }, { services }) => {
      const { active, apps } = await catalogue(services)
      const { vendor, country, role, kind, search } = query
      const found = searchApps(apps, {
        search,
        ...(vendor !== undefined && { vendor }),
        ...(country !== undefined && { country }),
        ...(role !== undefined && { role }),
        ...(kind !== undefined && { kind })
      })
      const { items, ...page } = pageOf(active.snapshot.generation, found.apps, query)
      const now = epochSeconds(systemClock)
      return { ...page, items: items.map(item => appView(item, active.rules, now)) }
    }
  }),
  defineRoute({
    ...common,
    path: '/apps/{id}',
    id: 'getApp',
    summary: 'One app',
    params: z.strictObject({ id: app }),
    response: schemas.app,
    errors: { API_NOT_FOUND: 404 },
    handler: async ({ params }, { services }) => {
      const { active, apps } = await catalogue(services)
      const found = apps.find(({ entry }) => entry.app === params.id)
      if (found === undefined) throw failure('API_NOT_FOUND', `app ${params.id}`)
      return appView(found, active.rules, epochSeconds(systemClock))
    }
  })
]
