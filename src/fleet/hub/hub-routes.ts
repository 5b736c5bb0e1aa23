import * as z from 'zod'
import { failure } from '../../base/errors/error.js'
import { fleetName } from '../../gateway/config/fleet-schema.js'
import { duration } from '../../policy/yaml/quantity.js'
import type { Enrolment } from './enrolment.js'
import { selectGateways } from './gateway-list.js'
import { forecastSchema, type StateStore } from './hub-state.js'
import { hubMetrics } from './hub-metrics.js'
import type { HubAlerts } from './hub-alerts.js'
import type { HubNats } from './hub-nats.js'
import type { HubReply, HubRequest, HubRoute } from './hub-server.js'
import type { Inventory } from './inventory.js'
import { rootView } from './roots/root-view.js'
import type { Leadership } from './pair/leadership.js'
import type { Rollouts } from './rollouts.js'
import type { Roots } from './roots/roots.js'
import {
  banViews,
  gatewayView,
  knownBans,
  ringViews,
  withoutBan,
  type Sources,
  type HubStatus
} from './views.js'

export interface RouteSources {
  readonly store: StateStore
  readonly inventory: Inventory
  readonly rollouts: Rollouts
  readonly roots: Pick<Roots, 'newest' | 'earlierKeys' | 'publish'>
  readonly enrolment: Enrolment
  readonly nats: Pick<HubNats, 'isConnected' | 'error'>
  readonly alerts: Pick<HubAlerts, 'status' | 'test'>
  readonly leadership: Pick<Leadership, 'status' | 'guard' | 'commit'>
  /** Why NATS does not have what it should; undefined: it does. */
  readonly problem: () => string | undefined
  readonly sources: () => Sources
}

/** Topics that a hub on standby serves, too. */
const CHANGING_NOTHING: readonly string[] = ['reports', 'alert-tests']
const MAX_TEXT = 500
const text = z.string().min(1).max(MAX_TEXT)
const flag = z.enum(['true', 'false']).transform(it => it === 'true')
const who = { by: text.prefault('unknown') }

const publishQuery = z.strictObject({
  ...who,
  ring: fleetName,
  now: flag.prefault('false'),
  rollback: z.coerce.number().int().min(1).optional(),
  forecast: z.string().max(20_000).optional()
})
const ringQuery = z.strictObject({ ...who, now: flag.prefault('false'), reason: text.optional() })
const tokenQuery = z.strictObject({
  ...who,
  name: fleetName,
  ring: fleetName,
  expires: duration('1m', '30d').prefault('1d')
})
const wholeNumber = z.coerce.number<string>().int()
const listQuery = z.strictObject({
  ...{ ring: fleetName.optional(), state: text.optional(), filter: text.optional() },
  order: z.enum(['name', 'problems']).prefault('name'),
  limit: wholeNumber.min(1).optional(),
  offset: wholeNumber.min(0).prefault('0')
})

/** All routes of the hub: docs/operations/fleet.md lists them. */
export function hubRoutes(parts: RouteSources): HubRoute {
  const { store, rollouts, enrolment, leadership } = parts
  const json = (value: unknown): HubReply => ({ kind: 'json', value })
  const route: HubRoute = async (method, request) => {
    const [version, topic = '', id = '', action = ''] = request.path
    if (version === 'metrics' && method === 'GET') return metrics(parts)
    if (version === 'livez' && method === 'GET')
      return { kind: 'text', text: 'ok\n', type: 'text/plain' }
    if (version === 'readyz' && method === 'GET') return readiness(parts)
    if (version !== 'v1') return undefined
    switch (`${method} ${topic}${id === '' ? '' : '/:'}${action === '' ? '' : `/${action}`}`) {
      case 'GET status': {
        const { isConnected: connected, error } = parts.nats
        const sources = parts.sources()
        const root = rootView(parts.roots.newest, parts.roots.earlierKeys, sources)
        const rings = ringViews(sources)
        const hub: HubStatus = { ...leadership.status, hubs: store.state.hubs }
        return json({ hub, nats: { connected, error }, rings, root, alerts: parts.alerts.status })
      }
      case 'GET root':
        return { kind: 'octets', octets: Buffer.from(store.state.roots) }
      case 'POST root': {
        const { by, now } = read(ringQuery, request.query)
        return json(await parts.roots.publish(request.body, by, now))
      }
      case 'POST alert-tests':
        return json({ hooks: await parts.alerts.test() })
      case 'GET gateways': {
        const sources = parts.sources()
        const all = sources.gateways.map(one => gatewayView(one, sources))
        return json(selectGateways(all, read(listQuery, request.query)))
      }
      case 'POST gateways/:/revoke': {
        await enrolment.revoke(id, read(z.strictObject(who), request.query).by)
        return json({ revoked: id })
      }
      case 'GET bans/:/without': {
        if (!knownBans(store.state).has(id)) throw failure('HUB_BAN', id)
        const all = parts.sources()
        const selection = read(listQuery, request.query)
        const { gateways: without, ...part } = selectGateways(withoutBan(id, all), selection)
        return json({ ban: id, gateways: all.gateways.length, ...part, without })
      }
      case 'GET bans':
        return json({ bans: banViews(parts.sources()) })
      case 'GET bundles':
        return json({
          bundles: store.state.bundles.map(({ bans, ...one }) => ({ ...one, bans: bans.length }))
        })
      case 'GET bundles/:': {
        const bundle = store.state.bundles.find(one => String(one.serial) === id)
        if (bundle === undefined) throw failure('HUB_REQUEST', `bundle ${id} is not kept`)
        return { kind: 'octets', octets: await store.load(bundle) }
      }
      case 'GET events':
        return json({ events: store.state.events })
      case 'POST bundles': {
        const { forecast, rollback = null, ...options } = read(publishQuery, request.query)
        const expected = forecast === undefined ? null : readForecast(forecast)
        const published = await rollouts.publish(request.body, {
          ...options,
          rollback,
          forecast: expected
        })
        const { serial, sha256, bans, delivered } = published
        return json({ serial, sha256, ring: options.ring, bans: bans.length, delivered })
      }
      case 'POST rings/:/promote': {
        const { by, now } = read(ringQuery, request.query)
        return json({ ring: id, ...(await rollouts.promote(id, by, now)) })
      }
      case 'POST rings/:/halt': {
        const { by, reason = 'by command' } = read(ringQuery, request.query)
        return json({ ring: id, ...rollouts.halt(id, by, reason) })
      }
      case 'POST reports': {
        const rejection = parts.inventory.onReport(request.body, 'https')
        if (rejection !== undefined) throw failure('HUB_REPORT', rejection)
        return json({ accepted: true })
      }
      case 'POST enrol':
        return { kind: 'octets', octets: await enrolment.enrol(request.body) }
      case 'POST tokens': {
        const { name, ring, expires, by } = read(tokenQuery, request.query)
        return json(await enrolment.createToken(name, ring, expires, by))
      }
      default:
        return undefined
    }
  }
  return async (method, request) => {
    const changes = method === 'POST' && !CHANGING_NOTHING.includes(request.path[1] ?? '')
    if (changes) leadership.guard()
    const reply = await route(method, request)
    // What is confirmed must not get lost with this hub.
    if (changes && reply !== undefined) await leadership.commit()
    return reply
  }
}

/** Gateways do not need the hub: this is for whoever watches the hub itself. */
function readiness({ nats, problem, leadership }: RouteSources): HubReply {
  const { role, leader } = leadership.status
  const why = nats.isConnected ? problem() : (nats.error ?? 'not connected yet')
  const standby = `standby: ${leader ?? 'no other hub'} leads the fleet`
  const reason = role === 'standby' ? standby : why && `NATS: ${why}`
  const type = 'text/plain'
  return reason === undefined
    ? { kind: 'text', text: 'ready\n', type }
    : { kind: 'text', text: `${reason}\n`, type, status: 503 }
}

function metrics({ sources, inventory, nats, leadership }: RouteSources): HubReply {
  const { dropped, accepted } = inventory
  const { role, missing: absent } = leadership.status
  const counts = { leads: role === 'leader', missing: absent.length }
  const text = hubMetrics(sources(), {
    ...{ dropped, accepted, connected: nats.isConnected },
    ...counts
  })
  return { kind: 'text', text, type: 'text/plain; version=0.0.4' }
}

function read<S extends z.ZodType>(schema: S, query: HubRequest['query']): z.output<S> {
  const parsed = schema.safeParse(Object.fromEntries(query))
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw failure('HUB_REQUEST', `${path.join('.')}: ${message}`)
}

function readForecast(text: string) {
  try {
    return forecastSchema.parse(JSON.parse(text))
  } catch {
    throw failure('HUB_REQUEST', 'forecast: malformed')
  }
}
