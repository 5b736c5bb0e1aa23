import * as z from 'zod'
import { HEALTH_STATES } from '../../../gateway/status/problems.js'
import { defineRoute } from '../route.js'

const problem = z.object({
  code: z.string().describe('See docs/reference/admin-socket.md'),
  state: z.enum(HEALTH_STATES).describe('What it is about'),
  message: z.string()
})
const health = z.object({
  ready: z.boolean().describe('Whether clients should be sent to this gateway'),
  states: z.object({ serving: z.boolean(), policy: z.boolean(), evidence: z.boolean() }),
  problems: z.array(problem)
})

/** The main members; all are described in docs/reference/admin-socket.md. */
const status = z.looseObject({
  version: z.string(),
  started: z.iso.datetime(),
  uptimeSeconds: z.int(),
  stopping: z.boolean(),
  transport: z.string(),
  listening: z.array(
    z.object({ address: z.string(), port: z.int(), protocol: z.enum(['dns', 'dot', 'doh']) })
  ),
  rules: z.looseObject({
    generation: z.int().describe('Counts changes of the rules since the start of the gateway'),
    sha256: z.string(),
    since: z.iso.datetime(),
    networks: z.int(),
    rules: z.int(),
    bans: z.int(),
    names: z.int(),
    ending: z.int(),
    reviewsDue: z.int()
  }),
  workers: z.array(z.looseObject({ number: z.int(), state: z.string() })),
  silent: z.array(z.int()),
  cache: z.looseObject({}),
  upstreams: z.array(z.looseObject({ address: z.string() })),
  zones: z.array(z.looseObject({ list: z.string(), zone: z.string(), state: z.string() })),
  recorder: z.looseObject({ writable: z.boolean() }).nullable(),
  archive: z.looseObject({}).nullable(),
  health
})

export const gatewayRoutes = [
  defineRoute({
    method: 'GET',
    path: '/status',
    id: 'getStatus',
    tag: 'gateway',
    summary: 'Health and counters, as "interdict status --json"',
    scope: 'read',
    response: status,
    errors: { API_CONTROL_SILENT: 504 },
    handler: (_, { services }) => services.status()
  }),
  defineRoute({
    method: 'GET',
    path: '/health',
    id: 'getHealth',
    tag: 'gateway',
    summary: 'Whether the gateway does what its settings and rules ask for',
    description:
      'As "/readyz", "/policyz" and "/evidencez", but always 200: the states are in the body.',
    scope: 'read',
    response: health,
    errors: { API_CONTROL_SILENT: 504 },
    handler: async (_, { services }) => (await services.status()).health
  })
]
