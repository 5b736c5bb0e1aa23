import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import type { Milliseconds } from '../../../base/units.js'
import { HubClient } from '../hub-client.js'
import { paging } from '../parameters.js'
import { defineRoute } from '../route.js'
import type { ApiServices } from '../api-services.js'

/** A promotion waits for the NATS servers. */
const TIMEOUT: Milliseconds = 20_000
/** Of every route: without `admin.hub` no fleet is known. */
const ERRORS = { HUB_OFF: 404, HUB_SILENT: 503, HUB_NATS: 503, HUB_STANDBY: 503 } as const
const DESCRIPTION = 'As the hub at "admin.hub" answers: docs/operations/fleet.md describes all.'

const name = z.string().min(1).max(253)
const ring = z.strictObject({ ring: name.describe('Name of a ring') })

const ringView = z.looseObject({
  ring: z.string(),
  serial: z.int().nullable(),
  phase: z.enum(['soaking', 'done', 'halted']).nullable(),
  why: z.string().nullable().describe('Why it is halted, or waits'),
  gateways: z.int(),
  running: z.int()
})
const gatewayView = z.looseObject({
  name: z.string(),
  ring: z.string(),
  state: z.enum(['running', 'behind', 'refusing', 'silent', 'unseen']),
  program: z.string().nullable(),
  wanted: z.int().nullable().describe('Serial that its ring should run'),
  active: z.int().nullable(),
  since: z.iso.datetime().nullable(),
  ready: z.boolean().nullable(),
  problems: z.array(z.string()),
  probe: z
    .object({ good: z.iso.datetime().nullable(), failing: z.int() })
    .nullable()
    .describe('Its probe of its own bans: when a round was last good, and what fails now'),
  trust: z
    .looseObject({
      root: z
        .int()
        .nullable()
        .describe('Version of its root of trust; null: its settings have the keys'),
      refused: z
        .object({ code: z.string(), message: z.string() })
        .nullable()
        .describe('Why it does not accept a newer root')
    })
    .nullable()
    .describe('What it trusts bundles by; null: not known'),
  contact: z.iso.datetime().nullable(),
  clockOffsetMs: z.number().nullable()
})

/** Which gateways are listed. The hub selects them. */
const selection = {
  ...paging,
  ring: name.optional().describe('Gateways of this ring'),
  state: gatewayView.shape.state.optional().describe('Gateways in this state'),
  filter: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Words that are all in the name, ring, state, version or problems'),
  order: z
    .enum(['name', 'problems'])
    .default('name')
    .describe('"problems": gateways with problems first, then by name')
}
const page = {
  total: z.int().describe('Number of the gateways that are selected'),
  offset: z.int()
}

/** @throws InterdictError HUB_OFF */
function hubOf({ config }: ApiServices): HubClient {
  const { hub } = config.admin
  if (hub === undefined) throw failure('HUB_OFF')
  return new HubClient(hub, TIMEOUT)
}

export const fleetRoutes = [
  defineRoute({
    method: 'GET',
    path: '/fleet/rings',
    id: 'listRings',
    tag: 'fleet',
    summary: 'The rings of the fleet, with state, figures and forecast',
    description: DESCRIPTION,
    scope: 'read',
    response: z.object({
      nats: z.object({ connected: z.boolean(), error: z.string().nullable() }),
      rings: z.array(ringView)
    }),
    errors: ERRORS,
    handler: (_, { services }) => hubOf(services).get('/v1/status')
  }),
  defineRoute({
    method: 'GET',
    path: '/fleet/gateways',
    id: 'listGateways',
    tag: 'fleet',
    summary: 'Gateways of the fleet, also by ring, state and words',
    description: DESCRIPTION,
    scope: 'read',
    query: z.strictObject(selection),
    response: z.object({ ...page, gateways: z.array(gatewayView) }),
    errors: ERRORS,
    handler: ({ query }, { services }) => hubOf(services).get('/v1/gateways', query)
  }),
  defineRoute({
    method: 'GET',
    path: '/fleet/bans',
    id: 'listFleetBans',
    tag: 'fleet',
    summary: 'All bans of published bundles, and how many gateways do not enforce them',
    description: DESCRIPTION,
    scope: 'read',
    response: z.object({
      bans: z.array(z.object({ id: z.string(), gateways: z.int(), without: z.int() }))
    }),
    errors: ERRORS,
    handler: (_, { services }) => hubOf(services).get('/v1/bans')
  }),
  defineRoute({
    method: 'GET',
    path: '/fleet/bans/{ban}/without',
    id: 'listWithoutBan',
    tag: 'fleet',
    summary: 'Gateways that do not enforce a ban now, each with the reason',
    description: DESCRIPTION,
    scope: 'read',
    params: z.strictObject({ ban: name.describe('Id of a ban') }),
    query: z.strictObject(selection),
    response: z.object({
      ban: z.string(),
      gateways: z.int().describe('Number of all gateways'),
      ...page,
      without: z.array(gatewayView.extend({ gap: z.string() }))
    }),
    errors: { ...ERRORS, HUB_BAN: 404 },
    handler: ({ params, query }, { services }) =>
      hubOf(services).get(`/v1/bans/${encodeURIComponent(params.ban)}/without`, query)
  }),
  defineRoute({
    method: 'GET',
    path: '/fleet/events',
    id: 'listFleetEvents',
    tag: 'fleet',
    summary: 'The journal of the hub: the last 500, the oldest first',
    description: DESCRIPTION,
    scope: 'read',
    response: z.object({
      events: z.array(z.object({ at: z.iso.datetime(), by: z.string(), what: z.string() }))
    }),
    errors: ERRORS,
    handler: (_, { services }) => hubOf(services).get('/v1/events')
  }),
  defineRoute({
    method: 'POST',
    path: '/fleet/rings/{ring}/promote',
    id: 'promoteRing',
    tag: 'fleet',
    summary: 'Give a ring the bundle of the ring before it, as "interdict fleet promote"',
    scope: 'policy',
    params: ring,
    response: z.looseObject({ ring: z.string(), serial: z.int() }),
    errors: { ...ERRORS, HUB_RING: 404, HUB_NOTHING: 409, HUB_EARLY: 409 },
    handler: ({ params }, { services, principal }) =>
      hubOf(services).post(`/v1/rings/${encodeURIComponent(params.ring)}/promote`, {
        by: principal!.name
      })
  }),
  defineRoute({
    method: 'POST',
    path: '/fleet/rings/{ring}/halt',
    id: 'haltRing',
    tag: 'fleet',
    summary: 'Let the bundle of a ring go no further, as "interdict fleet halt"',
    scope: 'policy',
    params: ring,
    body: z.strictObject({ reason: z.string().min(1).max(500) }),
    response: z.looseObject({ ring: z.string(), serial: z.int() }),
    errors: { ...ERRORS, HUB_RING: 404, HUB_NOTHING: 409 },
    handler: ({ params, body }, { services, principal }) =>
      hubOf(services).post(`/v1/rings/${encodeURIComponent(params.ring)}/halt`, {
        by: principal!.name,
        reason: body.reason
      })
  })
]
