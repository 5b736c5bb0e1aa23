import { createUser } from '@nats-io/nkeys'
import t from 'tap'
import type { Clock } from '../../src/base/time/clock.js'
import { signReport } from '../../src/fleet/channel/credentials.js'
import { userSeed } from '../../src/fleet/channel/nkey.js'
import type { Report } from '../../src/fleet/channel/wire.js'
import { Inventory, type Counted } from '../../src/fleet/hub/inventory.js'
import { gatewayView, type Sources } from '../../src/fleet/hub/views.js'
import { counters, report } from '../fleet/reports.js'

const NOW = Date.parse('2026-01-02T03:04:00Z')
const clock: Clock = { wall: () => NOW, now: () => 0 }

function rig(onCounted: (counted: Counted) => void = () => undefined) {
  const inventory = new Inventory(clock, onCounted)
  const pair = createUser()
  inventory.add('gw', pair.getPublicKey())
  const key = userSeed(Buffer.from(pair.getSeed()).toString())!
  const send = (change: Partial<Report>) => inventory.onReport(signReport(report(change), key))
  return { inventory, key, send }
}

t.test('a report is taken once, with the offset of the clock', async t => {
  const { inventory, send } = rig()
  t.equal(send({}), undefined)
  t.match(inventory.all, [{ name: 'gw', contact: NOW, clockOffset: 5000, report: { active: 10 } }])
  t.equal(send({}), 'replayed')
  t.equal(send({ number: 2 }), undefined)
  t.equal(send({ started: '2026-01-03T00:00:00Z' }), undefined, 'after a restart')
  t.equal(inventory.accepted, 3)
})

t.test('a report of an earlier run does not replace one of the current run', async t => {
  const { inventory, send } = rig()
  t.equal(send({ active: 10 }), undefined)
  t.equal(send({ started: '2026-01-03T00:00:00Z', active: 11 }), undefined, 'after a restart')
  t.equal(send({ number: 2, active: 10 }), 'replayed')
  t.match(inventory.all, [{ report: { active: 11 } }])
  // The clock of the gateway may have been set back.
  t.equal(send({ started: '2025-12-31T00:00:00Z', active: 12 }), undefined, 'a run that is new')
  t.equal(send({ started: '2026-01-03T00:00:00Z', number: 9, active: 11 }), 'replayed')
})

t.test('the view of a gateway says when its probe was last good', t => {
  const { inventory, send } = rig()
  const state = { gateways: { gw: { ring: 'canary' } }, rings: {} }
  const sources = { config: { silentAfter: 1000 }, state, now: NOW } as unknown as Sources
  const view = () => gatewayView(inventory.all[0]!, sources)
  t.match(view(), { state: 'unseen', probe: null })
  const probe = { good: '2026-01-02T03:04:01.000Z', failing: 2 }
  send({ probe })
  t.match(view(), { state: 'running', probe })
  t.end()
})

t.test('what is dropped and counted', async t => {
  const { inventory, key, send } = rig()
  const other = createUser()
  inventory.add('other', other.getPublicKey())
  inventory.add('bad', 'no key')
  t.equal(inventory.onReport(Buffer.from('garbage')), 'malformed')
  t.equal(inventory.onReport(Buffer.alloc(100_000, 'x')), 'malformed')
  t.equal(inventory.onReport(signReport({} as never, key)), 'malformed')
  t.equal(send({ gateway: 'nobody' }), 'unknown')
  t.equal(send({ gateway: 'bad' }), 'unknown')
  t.equal(send({ gateway: 'other' }), 'signature')
  const signed = signReport(report({}), key)
  t.equal(inventory.onReport(signed, 'nats', 'other'), 'sender', 'in the name of another')
  inventory.remove('gw')
  t.equal(send({}), 'unknown')
  t.strictSame(inventory.dropped, {
    ...{ malformed: 3, unknown: 3, sender: 1, signature: 1, replayed: 0 }
  })
})

t.test('what is counted between two reports', async t => {
  const counted: Counted[] = []
  const { send } = rig(one => counted.push(one))
  send({ counters: counters({ lookups: 5 }) })
  t.strictSame(counted, [], 'nothing is known before the first report')
  const networks = (lookups: number, blocked: number) => ({ phones: [lookups, blocked] }) as const
  const change = { lookups: 105, blocked: 10 }
  send({ number: 2, counters: counters(change), networks: { phones: [105, 10] } })
  send({ number: 3, active: 11, counters: counters({ lookups: 110, blocked: 11 }) })
  const started = '2026-01-03T00:00:00Z'
  send({ started, active: 11, counters: counters({ lookups: 7 }), networks: { phones: [7, 1] } })
  const steady = { gateway: 'gw', ring: 'canary', isSteady: true, hasRestarted: false }
  const phones = ([lookups, blocked]: readonly [number, number]) => ({
    phones: { lookups, blocked }
  })
  t.match(counted, [
    { ...steady, serial: 10, counts: { lookups: 100, blocked: 10 } },
    { ...steady, serial: 11, isSteady: false, counts: { lookups: 5, blocked: 1 }, networks: {} },
    { ...steady, serial: 11, hasRestarted: true, counts: { lookups: 7 } }
  ])
  t.strictSame(counted[0]!.networks, phones(networks(105, 10).phones))
  t.strictSame(counted[2]!.networks, phones(networks(7, 1).phones))
})
