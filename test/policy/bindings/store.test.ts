import t from 'tap'
import { BindingStore } from '../../../src/policy/bindings/binding-store.js'
import type { Binding } from '../../../src/policy/bindings/binding.js'

const A = '02:00:5e:10:00:01'
const B = '02:00:5e:10:00:02'

function opened(limit = 100) {
  const said: string[] = []
  const store = new BindingStore({
    ...{ skew: 5000, limit },
    listener: {
      begin: ({ address, mac, host }) => said.push(`begin ${address} ${mac} ${host ?? ''}`.trim()),
      end: ({ address, mac }, at) => said.push(`end ${address} ${mac} ${at}`),
      feed: (source, isUp) => said.push(`${source} ${isUp ? 'up' : 'down'}`)
    }
  })
  store.setUp('kea', true, 0)
  said.length = 0
  return { store, said }
}

const lease = (more: Partial<Binding> = {}): Binding => ({
  ...{ address: '10.20.3.4', source: 'kea', mac: A, from: 100_000, until: 200_000, ...more }
})

t.test('a renewal is not recorded, a change of facts is', t => {
  const { store, said } = opened()
  store.begin(lease(), 100_000)
  store.begin(lease({ from: 150_000, until: 250_000 }), 150_000)
  store.begin(lease({ from: 150_000, until: 250_000, host: 'laptop' }), 151_000)
  t.strictSame(said, [`begin 10.20.3.4 ${A}`, `begin 10.20.3.4 ${A} laptop`])
  t.match(store.certainDevice('10.20.3.4', 240_000), { from: 100_000, until: 245_000 })
  t.end()
})

t.test('a moved address is certain only after the skew', t => {
  const { store, said } = opened()
  store.begin(lease(), 100_000)
  store.begin(lease({ mac: B, from: 150_000, until: 300_000 }), 150_100)
  t.strictSame(said.slice(1), [`end 10.20.3.4 ${A} 150000`, `begin 10.20.3.4 ${B}`])
  t.match(store.certainDevice('10.20.3.4', 151_000), { device: { mac: B }, from: 155_001 })
  t.match(store.deviceOf('10.20.3.4', 151_000), { status: 'unknown', reason: 'ambiguous' })
  t.match(store.deviceOf('10.20.3.4', 156_000), { status: 'known', device: { mac: B } })
  t.end()
})

t.test('an expired lease belongs to nobody', t => {
  const { store, said } = opened()
  store.begin(lease(), 100_000)
  store.expire(201_500)
  t.strictSame(said.slice(1), [`end 10.20.3.4 ${A} 200000`])
  t.equal(store.certainDevice('10.20.3.4', 201_500), undefined)
  t.equal(store.size, 0)
  store.expire(230_000)
  t.match(store.deviceOf('10.20.3.4', 201_500), { reason: 'none' })
  t.end()
})

t.test('while a feed is down, the devices that it named are not known', t => {
  const { store, said } = opened()
  store.begin(lease(), 100_000)
  store.takeChanged()
  store.setUp('kea', false, 110_000)
  t.strictSame([...store.takeChanged()], ['10.20.3.4'])
  t.equal(store.certainDevice('10.20.3.4', 120_000), undefined)
  t.match(store.deviceOf('10.20.3.4', 120_000), { reason: 'feed-down' })
  store.setUp('kea', true, 130_000)
  t.match(store.certainDevice('10.20.3.4', 130_000), { device: { mac: A } })
  t.strictSame(said.slice(1), ['kea down', 'kea up'])
  t.end()
})

t.test('what a feed no longer has ends', t => {
  const { store, said } = opened()
  store.replace('kea', [lease(), lease({ address: '10.20.3.5' })], 100_000)
  store.replace('kea', [lease()], 150_000)
  t.strictSame(said.slice(2), [`end 10.20.3.5 ${A} 150000`])
  t.end()
})

t.test('late news of an earlier tenant changes nothing', t => {
  const { store, said } = opened()
  store.begin(lease({ mac: B }), 100_000)
  store.begin(lease({ from: 90_000 }), 101_000)
  store.end('kea', '10.20.3.4', 100_000, 102_000, { mac: A })
  t.equal(said.length, 1)
  t.equal(store.counts.late, 1)
  t.end()
})

t.test('refuses more than the limit', t => {
  const { store } = opened(1)
  store.begin(lease(), 100_000)
  store.begin(lease({ address: '10.20.3.5' }), 100_000)
  t.equal(store.size, 1)
  t.equal(store.counts.refused, 1)
  t.end()
})
