import * as z from 'zod'
import { showPrefix } from '../../../base/values/address.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { failure } from '../../../base/errors/error.js'
import type { Seconds } from '../../../base/units.js'
import type { NetworkRules } from '../../../policy/rules/model/types.js'
import { readInstant, showInstant } from '../../../base/time/instant.js'
import { ZoneCopies, zoneCopiesFolder } from '../../../sources/axfr/zone-copies.js'
import { ListCopies, listCopiesFolder } from '../../../sources/http/list-copies.js'
import { judgeProfile } from '../../../gateway/profiles/judge-profile.js'
import { PROFILES } from '../../../gateway/profiles/profile-ids.js'
import { listBans, type BansList } from '../../../analysis/views/bans-list.js'
import { viewLists } from '../../../analysis/views/lists-view.js'
import { ruleState, type BanQuery } from '../../../analysis/enforcement/rule-state.js'
import { app, instant, network, pageOf, pageSchema, paging, within } from '../parameters.js'
import { defineRoute, type RouteContext } from '../route.js'
import type { ActiveRules } from '../api-services.js'
import * as schemas from './schema-routes.js'

const at = instant
  .optional()
  .describe(
    'Default: now. In the past: by what was in force then; HISTORY_UNKNOWN if that is not known'
  )
const states = ['in force', 'outside its hours', 'to come', 'ended'] as const
const selection = {
  ...paging,
  at,
  network: network.optional(),
  app: app.optional(),
  state: z.enum(states).optional().describe('Default: all')
}

/** Lists bans for a second: pages of one list are usually read one after the other. */
let lastList:
  { readonly key: string; readonly rules: ActiveRules; readonly list: BansList } | undefined

function bansOf(rules: ActiveRules, query: BanQuery): BansList {
  const key = JSON.stringify(query)
  if (lastList?.key !== key || lastList.rules !== rules)
    lastList = { key, rules, list: listBans(rules.rules, query, rules.mandated) }
  return lastList.list
}

interface Selection {
  readonly at?: string | undefined
  readonly network?: string | undefined
  readonly app?: string | undefined
}

/** @throws InterdictError API_NOT_FOUND for a network or app that the rules do not have */
async function select(
  { services, command }: Pick<RouteContext, 'services' | 'command'>,
  { at, network, app }: Selection,
  within = 0
) {
  const active = await services.rules()
  if (at !== undefined && Date.parse(showInstant(instantOf(at), 'UTC')) < Date.now()) {
    // By what was in force then, which a process of its own reads.
    const past = { at: showInstant(instantOf(at), 'UTC'), within, network, app }
    const list = await command('bans', past)
    return { list, generation: active.snapshot.generation }
  }
  const { networks, sources } = active.rules
  if (network !== undefined && !networks.some(it => it.id === network))
    throw failure('API_NOT_FOUND', `network ${network}`)
  if (app !== undefined && !sources.some(it => it.kind === 'app' && it.id === app))
    throw failure('API_NOT_FOUND', `app ${app}`)
  const list = bansOf(active, { at: instantOf(at), within, network, app })
  return { list, generation: active.snapshot.generation }
}

const instantOf = (at: string | undefined): Seconds =>
  readInstant(at ?? '', 'UTC') ?? epochSeconds(systemClock)

function networkView({ id, position, prefixes, ech, rules }: NetworkRules, now: Seconds) {
  const counts = { ban: 0, exception: 0, allow: 0, block: 0 }
  for (const rule of rules) {
    if (rule.kind !== 'record' && ruleState(rule, now) === 'in force') counts[rule.kind]++
  }
  const rule = `${position.file}:${position.line}`
  return { id, rule, prefixes: prefixes.map(showPrefix), ech: ech ?? 'pass', rules: counts }
}

const common = { method: 'GET', tag: 'rules', scope: 'read' } as const

export const rulesRoutes = [
  defineRoute({
    ...common,
    path: '/profiles/{id}',
    id: 'getProfile',
    summary: 'What settings and rules show of the requirements of published guidance',
    params: z.strictObject({ id: z.enum(PROFILES).describe('Which guidance') }),
    response: schemas.judgedProfile,
    handler: async ({ params }, { services }) => {
      const { rules } = await services.rules()
      const now = epochSeconds(systemClock)
      return judgeProfile(params.id, { config: services.config, rules, now })
    }
  }),
  defineRoute({
    ...common,
    path: '/networks',
    id: 'listNetworks',
    summary: 'Networks with their prefixes and the number of rules in force',
    query: z.strictObject(paging),
    response: pageSchema(schemas.network),
    handler: async ({ query }, { services }) => {
      const { rules, snapshot } = await services.rules()
      const now = epochSeconds(systemClock)
      const { items, ...page } = pageOf(snapshot.generation, rules.networks, query)
      return { ...page, items: items.map(item => networkView(item, now)) }
    }
  }),
  defineRoute({
    ...common,
    path: '/networks/{id}',
    id: 'getNetwork',
    summary: 'One network',
    params: z.strictObject({ id: network }),
    response: schemas.network,
    errors: { API_NOT_FOUND: 404 },
    handler: async ({ params }, { services }) => {
      const { rules } = await services.rules()
      const found = rules.networks.find(({ id }) => id === params.id)
      if (found === undefined) throw failure('API_NOT_FOUND', `network ${params.id}`)
      return networkView(found, epochSeconds(systemClock))
    }
  }),
  defineRoute({
    ...common,
    path: '/bans',
    id: 'listBans',
    summary: 'Bans, with authority, legal basis, dates and reference',
    query: z.strictObject(selection),
    response: pageSchema(schemas.ban),
    errors: { API_NOT_FOUND: 404 },
    job: true,
    handler: async ({ query }, context) => {
      const { list, generation } = await select(context, query)
      return pageOf(generation, list.bans.filter(inState(query.state)), query)
    }
  }),
  defineRoute({
    ...common,
    path: '/exceptions',
    id: 'listExceptions',
    summary: 'Exceptions, with purpose, approver and dates',
    query: z.strictObject(selection),
    response: pageSchema(schemas.exception),
    errors: { API_NOT_FOUND: 404 },
    job: true,
    handler: async ({ query }, context) => {
      const { list, generation } = await select(context, query)
      return pageOf(generation, list.exceptions.filter(inState(query.state)), query)
    }
  }),
  defineRoute({
    ...common,
    path: '/dnssec-exceptions',
    id: 'listDnssecExceptions',
    summary: 'Names that are not validated by DNSSEC for a while, with purpose, approver and dates',
    query: z.strictObject({ ...paging, at, state: selection.state }),
    response: pageSchema(schemas.dnssecException),
    job: true,
    handler: async ({ query }, context) => {
      const { list, generation } = await select(context, query)
      return pageOf(generation, list.dnssecExceptions.filter(inState(query.state)), query)
    }
  }),
  defineRoute({
    ...common,
    path: '/notices',
    id: 'listNotices',
    summary: 'Starts, ends and reviews of bans and exceptions that are due',
    query: z.strictObject({
      ...paging,
      at,
      network: network.optional(),
      app: app.optional(),
      within: within.default(14).describe('Days ahead')
    }),
    response: pageSchema(schemas.notice),
    errors: { API_NOT_FOUND: 404 },
    job: true,
    handler: async ({ query }, context) => {
      const { list, generation } = await select(context, query, query.within)
      return pageOf(generation, list.notices, query)
    }
  }),
  defineRoute({
    ...common,
    path: '/lists',
    id: 'listLists',
    summary: 'Lists, with source, entries, last update and errors',
    query: z.strictObject(paging),
    response: pageSchema(schemas.list),
    handler: async ({ query }, { services }) => {
      const active = await services.rules()
      const { folder } = services.config.state
      const lists = await viewLists(active, {
        copies: new ListCopies(listCopiesFolder(folder)),
        zones: new ZoneCopies(zoneCopiesFolder(folder)),
        now: Date.now()
      })
      return pageOf(active.snapshot.generation, lists, query)
    }
  }),
  defineRoute({
    ...common,
    path: '/zones',
    id: 'listZones',
    summary: 'Lists that are zones transferred from primaries, with their state',
    response: z.object({ items: z.array(schemas.zone) }),
    errors: { API_CONTROL_SILENT: 504 },
    handler: async (_, { services }) => ({ items: (await services.status()).zones })
  })
]

const inState =
  (wanted: (typeof states)[number] | undefined) =>
  ({ state }: { readonly state: (typeof states)[number] }): boolean =>
    wanted === undefined || state === wanted
