import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Config } from '../../../src/gateway/config/config.js'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { selectGateways, type GatewaySelection } from '../../../src/fleet/hub/gateway-list.js'
import type { BanView, GapView, GatewayView, RingView } from '../../../src/fleet/hub/views.js'

const at = '2026-11-27T10:00:00.000Z'

export function gatewayView(i: number, differences: Partial<GatewayView> = {}): GatewayView {
  return {
    ...{ name: `site-${String(i).padStart(5, '0')}`, ring: i % 10 === 0 ? 'canary' : 'all' },
    ...{ state: 'running', program: '0.1.0', wanted: 8, active: 8, since: at, ready: true },
    ...{ problems: [], refused: null, contact: at, clockOffsetMs: 12, by: 'nats', probe: null },
    trust: null,
    ...differences
  }
}

const shares = { lookups: 9000, blocked: 0.031, servfail: 0.0004, latency: 3.2 }
const ring = (name: string, differences: Partial<RingView> = {}): RingView => ({
  ...{ ring: name, serial: 8, since: at, by: 'cli', phase: 'done', why: null, within: at },
  ...{ soakMs: 600_000, gateways: 10, live: 10, running: 9, notReady: 1, refused: 0 },
  ...{ silent: 0, restarts: 0, names: [], namesUnknown: 0 },
  ...{ shares, before: { ...shares, blocked: 0.03 } },
  forecast: {
    ...{ lookups: 100_000, newlyBlocked: 120, newlyAllowed: 3, networks: [], clients: [] },
    names: [{ what: 'www.newapp.example', newlyBlocked: 100, newlyAllowed: 0 }]
  },
  ...differences
})

const HALTED = 'blocked 9.4% of lookups, expected 3.1% ± 5.0%'

/** Documents of the shapes that `interdict hub` sends, by path; of gateways, what a query selects. */
export function documents(
  gateways: readonly GatewayView[],
  query = new URLSearchParams()
): Record<string, unknown> {
  const { order, offset, limit, ...given } = Object.fromEntries(query)
  const selection: GatewaySelection = {
    ...given,
    order: order === 'problems' ? order : 'name',
    limit: limit === undefined ? undefined : Number(limit),
    offset: Number(offset ?? 0)
  }
  const without: GapView[] = gateways
    .filter(({ state }) => state !== 'running')
    .map(one => ({ ...one, gap: 'no such ban in its bundle' }))
  const bans: BanView[] = [
    { id: 'federal-tiktok', gateways: gateways.length, without: without.length }
  ]
  const { gateways: chosen, ...part } = selectGateways(without, selection)
  return {
    '/v1/status': {
      nats: { connected: true, error: null },
      rings: [ring('canary'), ring('all', { serial: 7, phase: 'halted', why: HALTED })]
    },
    '/v1/gateways': selectGateways(gateways, selection),
    '/v1/bans': { bans },
    '/v1/bans/federal-tiktok/without': {
      ...{ ban: 'federal-tiktok', gateways: gateways.length, ...part, without: chosen }
    },
    '/v1/events': {
      events: [
        { at, by: 'cli', what: 'bundle 8 published to ring canary' },
        { at, by: 'hub', what: `ring all: bundle 7 halted: ${HALTED}` }
      ]
    },
    '/v1/rings/all/promote': { ring: 'all', serial: 8, delivered: true },
    '/v1/rings/canary/halt': { ring: 'canary', serial: 8, phase: 'halted' },
    '/v1/rings/all/halt': { ring: 'all', serial: 7, phase: 'halted' }
  }
}

export interface FakeHub {
  readonly socket: string
  /** Method and path with query, in order. */
  readonly requests: readonly string[]
}

/** A hub's socket with fixed answers. @param socket default: in a folder of its own */
export async function fakeHub(
  t: Test,
  gateways: readonly GatewayView[],
  socket = socketOf(t)
): Promise<FakeHub> {
  const requests: string[] = []
  const server: Server = createServer(({ method, url = '' }, response) => {
    requests.push(`${method} ${url}`)
    const { pathname, searchParams } = new URL(url, 'http://hub')
    const reply = documents(gateways, searchParams)[pathname]
    response.writeHead(reply === undefined ? 404 : 200)
    response.end(JSON.stringify(reply ?? { code: 'HUB_RING', detail: 'unknown ring' }))
  })
  await new Promise<void>(done => server.listen(socket, done))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { socket, requests }
}

/** Settings with the socket of a hub; undefined: none. */
export function configWith(hub: string | undefined): Config {
  const read = readConfig(`admin: { hub: '${hub ?? ''}' }`, '/x/interdict.yaml')
  if (!read.ok) throw new Error('settings')
  return read.config
}

function socketOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-hub-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'hub.sock')
}
