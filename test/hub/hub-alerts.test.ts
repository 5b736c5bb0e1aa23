import t from 'tap'
import { failure } from '../../src/base/errors/error.js'
import { HUB_ALERT_EVENTS } from '../../src/gateway/config/alert-config.js'
import { HubAlerts, hubConditions, type HubHealth } from '../../src/fleet/hub/hub-alerts.js'
import type { Known } from '../../src/fleet/hub/inventory.js'
import type { Sources } from '../../src/fleet/hub/views.js'
import { startReceiver } from '../alerts/receiver.js'
import { MemoryLog } from '../daemon/serve.js'
import { eventually } from '../daemon/site.js'
import { report } from '../fleet/reports.js'

const NOW = Date.parse('2026-01-02T03:04:00Z')
const minutesAgo = (minutes: number): number => NOW - minutes * 60_000
const fine: HubHealth = {
  ...{ nats: undefined, altered: undefined, undelivered: undefined, uptime: 600_000 },
  missing: []
}

/** A gateway that reported a moment ago, and runs bundle 10. */
function gateway(name: string, change: Partial<Known> & { ready?: boolean; active?: number } = {}) {
  const { ready = true, active = 10, ...more } = change
  const own = { name, report: report({ gateway: name, ready, active }), contact: NOW, ...more }
  return own as Known
}

/** @param since minutes since the ring got its bundle */
function conditions(
  gateways: readonly Known[],
  { since = 10, phase = 'done', health = fine } = {}
) {
  const sources = {
    config: { rings: [{ name: 'canary' }], silentAfter: 60_000 },
    state: {
      rings: {
        canary: {
          serial: 10,
          phase,
          why: 'too slow',
          since: new Date(minutesAgo(since)).toISOString()
        }
      },
      gateways: Object.fromEntries(gateways.map(({ name }) => [name, { ring: 'canary' }]))
    },
    ...{ gateways, now: NOW }
  } as unknown as Sources
  return hubConditions(sources, health)
}

const events = (...args: Parameters<typeof conditions>): string[] =>
  conditions(...args).map(({ event }) => event)

t.test('what a hub alerts of', t => {
  t.strictSame(events([gateway('a')]), [])
  t.match(conditions([gateway('a')], { phase: 'halted' }), [
    { event: 'ring-halted', subject: 'canary', message: /bundle 10 .* too slow/ }
  ])
  const behind = ['c', 'a', 'b', 'e', 'd', 'f'].map(name => gateway(name, { active: 9 }))
  t.match(conditions(behind), [
    {
      event: 'gateways-behind',
      message: 'ring canary: 6 gateways (a, b, c, d, e, ...) not running bundle 10'
    }
  ])
  t.strictSame(events(behind, { since: 1 }), [], 'it was published a minute ago')
  t.match(conditions([gateway('a', { contact: minutesAgo(2) })]), [
    { event: 'gateways-silent', message: 'ring canary: 1 gateway (a) not reporting' }
  ])
  const unseen = [gateway('a', { report: null, contact: null })]
  t.strictSame(events(unseen), ['gateways-silent'])
  t.strictSame(
    events(unseen, { health: { ...fine, uptime: 1000 } }),
    [],
    'the hub has just started'
  )
  t.strictSame(events([gateway('a', { ready: false })]), ['gateways-not-ready'])
  t.strictSame(events([gateway('a', { ready: false, contact: minutesAgo(2) })]), [
    'gateways-silent'
  ])
  t.end()
})

t.test('NATS', t => {
  const nats = (error: HubHealth['nats']) => events([], { health: { ...fine, nats: error } })
  t.strictSame(nats(failure('FLEET_CONNECT', 'nats://x', 'refused')), ['nats-disconnected'])
  t.strictSame(nats(failure('HUB_PEERS', 3, 'no suitable peers')), ['nats-peers'])
  t.match(conditions([], { health: { ...fine, undelivered: 'not everything' } }), [
    {
      ...{ event: 'bundle-undelivered', severity: 'critical', subject: null },
      message: 'NATS: not everything'
    }
  ])
  const altered = { ...fine, altered: 'ring all has a foreign value' }
  t.match(conditions([], { health: altered }), [
    { event: 'nats-altered', severity: 'critical', subject: null, message: altered.altered }
  ])
  t.match(conditions([], { health: { ...fine, missing: ['hub-b'] } }), [
    {
      ...{ event: 'hub-missing', severity: 'warning', subject: 'hub-b' },
      message: 'hub hub-b not seen for two minutes'
    }
  ])
  const both = { ...altered, nats: failure('FLEET_CONNECT', 'nats://x', 'refused') }
  t.strictSame(events([], { health: both }), ['nats-altered', 'nats-disconnected'])
  t.end()
})

t.test('a webhook gets what it asks for, once, and its end', async t => {
  const { received, port } = await startReceiver(t)
  const url = `http://127.0.0.1:${port}/`
  const hook = {
    ...{ name: 'ops', url, events: HUB_ALERT_EVENTS, endingWithin: 1, resend: 0, timeout: 10_000 },
    ...{ secretFile: undefined, caFile: undefined },
    position: { file: 'hub.yaml', line: 1, column: 1 }
  }
  const alerts = new HubAlerts(
    [hook, { ...hook, name: 'peers', events: ['nats-peers'] }],
    new MemoryLog()
  )
  const halted = conditions([], { phase: 'halted' })
  alerts.check(() => halted, 0)
  alerts.check(() => halted, 1000)
  await eventually('the alert', () => alerts.status[0]!.sent === 1)
  alerts.check(() => [], 2000)
  alerts.check(() => [], 20_000)
  await eventually('its end', () => alerts.status[0]!.sent === 2)
  t.match(
    received.map(({ alert }) => alert),
    [
      { event: 'ring-halted', state: 'raised', subject: 'canary', severity: 'warning' },
      { event: 'ring-halted', state: 'resolved' }
    ]
  )
  t.match(alerts.status, [
    { sent: 2, waiting: 0 },
    { name: 'peers', sent: 0 }
  ])
  await alerts.close()
  t.equal(received.length, 2)
})

t.test('without webhooks nothing is computed', async t => {
  const alerts = new HubAlerts([], new MemoryLog())
  alerts.check(() => t.fail('computed') as never, 0)
  await alerts.close()
})
