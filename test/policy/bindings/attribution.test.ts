import t from 'tap'
import { attribute } from '../../../src/policy/bindings/attribution.js'
import type { Binding } from '../../../src/policy/bindings/binding.js'
import { simulate, SKEW } from './simulation.js'

const binding = (more: Partial<Binding>): Binding => ({
  ...{ address: '10.20.3.4', source: 'kea', mac: '02:00:5e:10:00:01', from: 100_000 },
  ...{ until: 200_000, ...more }
})
const next = binding({ mac: '02:00:5e:10:00:02', from: 200_000, until: 300_000 })

const cases = [
  { it: 'a binding that covers the time', at: 150_000, of: [binding({})], mac: '01' },
  { it: 'none before it, within the skew', at: 96_000, of: [binding({})], why: 'ambiguous' },
  { it: 'none long before it', at: 90_000, of: [binding({})], why: 'none' },
  {
    it: 'nobody just before the next tenant',
    at: 196_000,
    of: [binding({}), next],
    why: 'ambiguous'
  },
  { it: 'nobody just after a move', at: 204_000, of: [binding({}), next], why: 'ambiguous' },
  { it: 'the next tenant after the skew', at: 205_001, of: [binding({}), next], mac: '02' },
  {
    it: 'nobody while two feeds contradict each other',
    at: 150_000,
    of: [binding({}), binding({ source: 'nac', mac: '02:00:5e:10:00:09' })],
    why: 'ambiguous'
  },
  {
    it: 'nobody while the feed is down',
    at: 150_000,
    of: [binding({})],
    down: true,
    why: 'feed-down'
  }
] as const

for (const { it, at, of, ...expected } of cases) {
  t.test(`attributes an address to ${it}`, t => {
    const isUp = (): boolean => !('down' in expected)
    const found = attribute(of, { at, skew: SKEW, knownUntil: 1e9, isUp })
    if ('mac' in expected)
      t.match(found, { status: 'known', device: { mac: `02:00:5e:10:00:${expected.mac}` } })
    else t.strictSame(found, { status: 'unknown', reason: expected.why })
    t.end()
  })
}

t.test('does not know near the end of a lease whose next tenant may not be known yet', t => {
  const time = { at: 197_000, skew: SKEW, isUp: () => true }
  t.match(attribute([binding({})], { ...time, knownUntil: 197_000 }), { reason: 'ambiguous' })
  t.match(attribute([binding({})], { ...time, knownUntil: 300_000 }), { status: 'known' })
  t.end()
})

t.test('joins what two feeds know of one device', t => {
  const radius = { address: '10.20.3.4', source: 'nas', from: 120_000, until: 250_000 }
  const user = { ...radius, mac: '02:00:5e:10:00:01', user: 'anna', groups: ['staff'] }
  const found = attribute([binding({ host: 'laptop' }), user], {
    ...{ at: 150_000, skew: SKEW, knownUntil: 1e9, isUp: () => true }
  })
  const device = { mac: '02:00:5e:10:00:01', host: 'laptop', user: 'anna', groups: ['staff'] }
  t.strictSame(found.status === 'known' && found.device, device)
  t.end()
})

t.test('attributes nothing to a wrong device: moves, expiry, skew, feed down', t => {
  const { live, later } = simulate(41, 50, 500, 20_000)
  t.equal(live.wrong, 0)
  t.equal(later.wrong, 0)
  t.ok(live.right > 8_000, 'most lookups away from moves are attributed')
  t.ok(later.right > 8_000)
  t.ok(live.unknown > 100 && later.unknown > 100, 'lookups around moves are not')
  t.end()
})
