import t from 'tap'
import {
  EgressAddresses,
  MAX_ADDRESSES,
  MAX_ADDRESSES_OF_NAME,
  type EgressFact
} from '../../../src/policy/egress/egress-addresses.js'
import { SIGHTING_LIFE, type Sighting } from '../../../src/policy/egress/sighted-addresses.js'

const NOW = 1_000_000
const fact = (address: string, more: Partial<EgressFact> = {}): EgressFact => ({
  network: 'phones',
  address,
  app: 'clip',
  name: 'clip.example',
  source: 'lookup',
  ports: 'all',
  until: NOW + 600,
  ...more
})
const sighting = (more: Partial<Sighting> = {}): Sighting => ({
  network: 'phones',
  address: '192.0.2.1',
  name: 'www.shop.example',
  client: 'a',
  app: undefined,
  ...more
})
const texts = (all: readonly { readonly address: string }[]): string[] =>
  all.map(({ address }) => address)

t.test('an address of a banned name is denied in its network until it expires', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1'), NOW)
  t.ok(addresses.isDenied('phones', '192.0.2.1', NOW))
  t.notOk(addresses.isDenied('office', '192.0.2.1', NOW), 'other networks reach it')
  t.ok(addresses.isDenied('phones', '192.0.2.1', NOW + 599))
  t.notOk(addresses.isDenied('phones', '192.0.2.1', NOW + 600))
  addresses.add(fact('192.0.2.1', { until: NOW + 900 }), NOW + 500)
  addresses.expire(NOW + 600)
  t.match(addresses.of('phones', NOW + 600), [
    { address: '192.0.2.1', apps: ['clip'], names: ['clip.example'], since: NOW, until: NOW + 900 }
  ])
  addresses.expire(NOW + 900)
  t.strictSame(addresses.of('phones', 0), [])
})

t.test('a shorter TTL does not shorten what an earlier answer promised', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1'), NOW)
  addresses.add(fact('192.0.2.1', { until: NOW + 10 }), NOW + 1)
  t.ok(addresses.isDenied('phones', '192.0.2.1', NOW + 500))
})

t.test('names, apps and sources of an address add up; all ports outweigh those of DNS', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1', { ports: 'dns' }), NOW)
  t.match(addresses.denied('phones', NOW), [{ ports: 'dns' }])
  const more = { name: 'b.example', app: undefined, source: 'capture' } as const
  addresses.add(fact('192.0.2.1', more), NOW)
  t.match(addresses.denied('phones', NOW), [
    {
      apps: ['clip'],
      names: ['b.example', 'clip.example'],
      sources: ['capture', 'lookup'],
      ports: 'all'
    }
  ])
})

t.test('one name of the catalogue that is not banned releases an address', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1'), NOW)
  const named = sighting({ app: 'maps', name: 'maps.example', client: undefined })
  t.equal(addresses.sight(named, NOW), 'released')
  t.notOk(addresses.isDenied('phones', '192.0.2.1', NOW))
  t.match(addresses.of('phones', NOW), [{ shared: { why: 'catalogue', names: ['maps.example'] } }])
  t.strictSame(addresses.denied('phones', NOW), [])
  t.equal(addresses.sight(named, NOW), 'not-denied')
})

t.test('a domain pointed at the address of a banned app releases nothing', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1'), NOW)
  for (const client of ['a', 'b', 'c', 'd']) {
    t.equal(addresses.sight(sighting({ client }), NOW), 'kept')
    const below = sighting({ client, name: `${client}.shop.example` })
    t.equal(addresses.sight(below, NOW), 'kept', 'names of one registrable domain are one')
  }
  const many = new EgressAddresses()
  many.add(fact('192.0.2.1'), NOW)
  for (const name of ['a.example', 'b.test', 'c.example', 'd.example', 'e.example'])
    t.equal(many.sight(sighting({ name }), NOW), 'kept', 'one client is not enough')
})

t.test('three clients and two registrable domains release an address', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1'), NOW)
  t.equal(addresses.sight(sighting({ client: 'a' }), NOW), 'kept')
  t.equal(addresses.sight(sighting({ client: 'b' }), NOW), 'kept')
  t.equal(addresses.sight(sighting({ client: 'c' }), NOW), 'kept')
  const other = sighting({ client: 'c', name: 'blog.example' })
  t.equal(addresses.sight({ ...other, network: 'office' }, NOW), 'not-denied')
  t.ok(addresses.isDenied('phones', '192.0.2.1', NOW), 'what other networks use does not count')
  t.equal(addresses.sight(other, NOW), 'released')
  t.match(addresses.of('phones', NOW), [
    { shared: { why: 'use', names: ['www.shop.example', 'blog.example'] } }
  ])
})

t.test('use before the address was found counts; old use does not', async t => {
  const addresses = new EgressAddresses()
  for (const client of ['a', 'b', 'c'])
    addresses.sight(sighting({ client, name: `${client}.example` }), NOW)
  addresses.add(fact('192.0.2.1', { until: NOW + 2 * SIGHTING_LIFE }), NOW)
  t.notOk(addresses.isDenied('phones', '192.0.2.1', NOW))
  t.ok(addresses.isDenied('phones', '192.0.2.1', NOW + SIGHTING_LIFE))
  addresses.expire(NOW + SIGHTING_LIFE)
  t.equal(addresses.sight(sighting({ client: 'd' }), NOW + SIGHTING_LIFE), 'kept')
  t.equal(addresses.sight(sighting({ app: 'maps' }), NOW + SIGHTING_LIFE), 'released')
})

t.test('facts of bans that are not in force are removed', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1'), NOW)
  addresses.add(fact('192.0.2.1', { name: 'other.example', app: 'other' }), NOW)
  addresses.add(fact('192.0.2.2', { name: 'other.example', app: 'other' }), NOW)
  addresses.retain(({ app }) => app === 'clip')
  t.strictSame(texts(addresses.denied('phones', NOW)), ['192.0.2.1'])
  t.match(addresses.denied('phones', NOW), [{ names: ['clip.example'] }])
  addresses.retain(() => false)
  t.strictSame(addresses.of('phones', NOW), [])
})

t.test('a name with very many addresses keeps the newest', async t => {
  const addresses = new EgressAddresses()
  for (let i = 0; i <= MAX_ADDRESSES_OF_NAME; i++) addresses.add(fact(`192.0.2.${i}`), NOW)
  const denied = texts(addresses.denied('phones', NOW))
  t.equal(denied.length, MAX_ADDRESSES_OF_NAME)
  t.notOk(denied.includes('192.0.2.0'))
  addresses.add(fact('192.0.2.1', { name: 'other.example' }), NOW)
  addresses.add(fact('198.51.100.1'), NOW)
  t.match(
    addresses.of('phones', NOW).find(({ address }) => address === '192.0.2.1'),
    { names: ['other.example'] },
    'the address of another name stays'
  )
})

t.test('a network with very many addresses takes no more', async t => {
  const addresses = new EgressAddresses()
  const at = (i: number): EgressFact => fact(String(i), { name: `n${i}.example` })
  for (let i = 0; i < MAX_ADDRESSES; i++) addresses.add(at(i), NOW)
  t.notOk(addresses.add(at(-1), NOW))
  t.ok(addresses.add(at(5), NOW), 'known ones are renewed')
  t.ok(addresses.add({ ...at(-1), network: 'office' }, NOW))
})

t.test('in 100,000 names of which 30% share a CDN, no shared address is denied', async t => {
  const addresses = new EgressAddresses()
  let random = 1
  const next = (limit: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
    return (random >>> 8) % limit
  }
  const cdn = (i: number): string => `198.18.${i >> 8}.${i & 255}`
  const shared = new Set<string>()
  for (let i = 0; i < 100_000; i++) {
    const isShared = i % 10 < 3
    const address = isShared ? cdn(next(2_000)) : `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
    const isBanned = next(20) === 0
    const name = `n${i}.example`
    if (isBanned) addresses.add(fact(address, { name, app: `app${i % 50}` }), NOW)
    else if (isShared) {
      shared.add(address)
      addresses.sight(sighting({ address, name, app: 'other', client: undefined }), NOW)
    }
  }
  const denied = addresses.denied('phones', NOW)
  t.equal(denied.filter(({ address }) => shared.has(address)).length, 0)
  t.ok(denied.length > 3_000, `${denied.length} denied`)
})

t.test('names that are banned again do not show that an address is shared', async t => {
  const addresses = new EgressAddresses()
  // While the ban was paused, clients used the app.
  addresses.sight(sighting({ name: 'clip.example', app: 'clip' }), NOW)
  for (const client of ['a', 'b', 'c'])
    addresses.sight(sighting({ client, name: `${client}.clip-${client}.example` }), NOW)
  addresses.add(fact('192.0.2.1'), NOW)
  t.notOk(addresses.isDenied('phones', '192.0.2.1', NOW))
  addresses.retainSightings((network, name) => network === 'office' && name.length > 0)
  t.notOk(addresses.isDenied('phones', '192.0.2.1', NOW), 'bans of other networks do not count')
  addresses.retainSightings((_, name) => name === 'clip.example')
  t.match(addresses.find('phones', '192.0.2.1', NOW), { shared: { why: 'use' } })
  addresses.retainSightings((_, name) => name !== 'b.clip-b.example')
  t.ok(addresses.isDenied('phones', '192.0.2.1', NOW), 'one domain is left')
  t.equal(addresses.sight(sighting({ app: 'maps' }), NOW), 'released')
  addresses.retainSightings((_, name) => name.includes('clip'))
  t.notOk(addresses.isDenied('phones', '192.0.2.1', NOW), 'another app still has it')
})

t.test('one address is found without a look at the others', async t => {
  const addresses = new EgressAddresses()
  addresses.add(fact('192.0.2.1'), NOW)
  t.strictSame(addresses.find('phones', '192.0.2.1', NOW), addresses.of('phones', NOW)[0])
  t.equal(addresses.find('phones', '192.0.2.1', NOW + 600), undefined, 'expired')
  t.equal(addresses.find('phones', '192.0.2.2', NOW), undefined)
  t.equal(addresses.find('office', '192.0.2.1', NOW), undefined)
})
