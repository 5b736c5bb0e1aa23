import * as z from 'zod'
import { readAddress, showAddress } from '../../../base/values/address.js'
import type { Attribution, UnknownReason } from '../../../policy/bindings/attribution.js'
import type { Binding, DeviceFacts } from '../../../policy/bindings/binding.js'
import { address } from '../parameters.js'
import { defineRoute } from '../route.js'

const REASONS = [
  ...['none', 'ambiguous', 'feed-down', 'no-history']
] as const satisfies readonly UnknownReason[]

const device = z.object({
  mac: z.string().optional(),
  host: z.string().optional(),
  duid: z.string().optional(),
  user: z.string().optional(),
  groups: z.array(z.string()).optional(),
  port: z.string().optional().describe('Of the switch or access point')
})

const attribution = z.object({
  address: z.string(),
  at: z.string(),
  status: z.enum(['known', 'unknown']),
  reason: z.enum(REASONS).nullable().describe('Why it is unknown'),
  device: device.nullable().describe('Facts of all bindings together; null: unknown'),
  bindings: z
    .array(
      device.extend({
        source: z.string().describe('Name of the feed'),
        from: z.string(),
        until: z.string().nullable().describe('Null: not known')
      })
    )
    .describe('Of that time')
})

export const whoRoutes = [
  defineRoute({
    method: 'GET',
    path: '/who',
    id: 'findDevice',
    tag: 'log',
    summary: 'Which device had an address at a time, as "interdict who --json"',
    description:
      'By the history of bindings, which has only networks whose privacy mode is `full`. A device that is not certain is unknown, and `reason` says why.',
    scope: 'read',
    query: z.strictObject({
      address: address.describe('Address of the client'),
      at: z.iso
        .datetime({ offset: true, error: 'a time such as 2026-11-12T14:02:00Z' })
        .optional()
        .describe('Default: now, which is when the history was last written, up to 10 s ago')
    }),
    response: attribution,
    rowsRead: found => ((found as { status: string }).status === 'known' ? 1 : 0),
    errors: { API_BUSY: 503, API_COMMAND_TIME: 503, API_COMMAND: 500, BINDINGS_READ: 500 },
    job: true,
    handler: async ({ query }, { command, services }) => {
      const { skew } = services.config.bindings
      const asked = showAddress(readAddress(query.address))
      const at = query.at === undefined ? {} : { at: Date.parse(query.at) }
      const result = await command('who', { address: asked, skew, ...at })
      return { address: asked, at: iso(result.at), ...presented(result.found) }
    }
  })
]

function presented(found: Attribution): object {
  if (found.status === 'unknown') return { ...found, device: null, bindings: [] }
  const { status, device, bindings } = found
  return { status, reason: null, device: factsOf(device), bindings: bindings.map(bindingOf) }
}

/** In JSON, an end that is not known is null. */
function bindingOf({ source, from, until, ...facts }: Binding): object {
  const end = Number.isFinite(until) ? iso(until) : null
  return { ...factsOf(facts), source, from: iso(from), until: end }
}

const factsOf = ({ mac, host, duid, user, groups, port }: DeviceFacts): object => {
  return { mac, host, duid, user, groups, port }
}

const iso = (time: number): string => new Date(time).toISOString()
