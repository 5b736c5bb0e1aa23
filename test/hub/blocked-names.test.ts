import t, { type Test } from 'tap'
import type { NewlyBlockedName } from '../../src/fleet/channel/wire.js'
import type { Known } from '../../src/fleet/hub/inventory.js'
import { blockedNames, nameBeyond } from '../../src/fleet/hub/judge/blocked-names.js'
import { NameOrigins } from '../../src/fleet/hub/judge/name-origins.js'
import { bundle } from '../daemon/bundle-rig.js'
import { MemoryLog } from '../daemon/serve.js'
import { counters, report } from '../fleet/reports.js'
import { assertTranslated } from './translated.js'

const SERIAL = 12
const clock = { now: () => 0, wall: () => Date.now() }

const blocked = (name: string, more: Partial<NewlyBlockedName> = {}): NewlyBlockedName => ({
  ...{ name, network: 'office', rule: 'b', match: 'cname', clients: 10, lookups: 100 },
  mustResolve: false,
  ...more
})

function gateway(name: string, names: readonly NewlyBlockedName[], active = SERIAL): Known {
  const own = { gateway: name, active, names: { serial: active, blocked: [...names] } }
  return { ...{ name, contact: 0, clockOffset: 0, by: 'nats' }, report: report(own) }
}

const watch = { observedOf: () => counters({ lookups: 50_000 }) }
const found = (gateways: readonly Known[], control: readonly Known[] = []) =>
  blockedNames(gateways, control, SERIAL, watch)

t.test(
  'names of gateways are added up by domain, and named after the most popular one',
  async t => {
    const all = found([
      gateway('a', [blocked('x1.cdn.example'), blocked('rare.test', { clients: 2, lookups: 3 })]),
      gateway('b', [blocked('x2.cdn.example', { lookups: 200, rule: 'c' })])
    ])
    t.match(all, [
      {
        ...{ name: 'x2.cdn.example', network: 'office', rule: 'c', clients: 20, lookups: 300 },
        ...{ gateways: ['b', 'a'], isPopular: true }
      }
    ])
    t.equal(all.length, 1, 'few clients asked for the other one')
  }
)

t.test(
  'popular: surely a thousandth of the lookups of a gateway or the ring, at least ten',
  async t => {
    const popular = (lookups: number): boolean =>
      found([gateway('a', [blocked('a.example', { lookups })])])[0]!.isPopular
    t.notOk(popular(64))
    t.ok(popular(65))
    const popularOf = (lookups: number, all: number): boolean =>
      blockedNames([gateway('a', [blocked('a.example', { lookups })])], [], SERIAL, {
        observedOf: () => counters({ lookups: all })
      })[0]!.isPopular
    t.notOk(popularOf(9, 20))
    t.ok(popularOf(10, 20))
    t.notOk(popularOf(12, 10_000), 'a name that is less popular has as many by chance')
    t.ok(popularOf(20, 10_000))
    t.notOk(
      blockedNames([gateway('a', [blocked('a.example')])], [], SERIAL, undefined)[0]!.isPopular
    )
  }
)

t.test('what later rings block as well is not the doing of the bundle', async t => {
  const names = [blocked('a.example'), blocked('b.example', { mustResolve: true })]
  const all = found([gateway('a', names)], [gateway('z', [blocked('www.a.example')], 11)])
  t.strictSame(
    all.map(({ name }) => name),
    ['b.example']
  )
})

t.test('reports about another bundle, or without names, count for nothing', async t => {
  const silent = gateway('a', [])
  const unknown = { ...silent, report: { ...silent.report!, names: null } }
  t.strictSame(found([unknown, gateway('b', [blocked('a.example')], 11)]), [])
})

t.test('a name that must resolve is listed for a single client', async t => {
  const all = found([gateway('a', [blocked('l.example', { mustResolve: true, clients: 1 })])])
  t.match(all, [{ name: 'l.example', clients: 1 }])
})

const RULES = `must-resolve: [login.example]
networks:
  office:
    prefixes: [10.0.0.0/16]
    bans:
      - { id: app, names: [app.example, '=exact.test'], authority: A, reference: r }
      - { id: wide, names: [corp], force: all of it, authority: A, reference: r }
    block:
      - { id: ads, lists: [ads] }
  guests: { prefixes: [10.1.0.0/16] }
lists:
  ads: { url: 'https://lists.example/ads' }
`

async function originsOf(t: Test, names: readonly NewlyBlockedName[]) {
  const octets = await bundle({ serial: SERIAL, files: { 'networks.yaml': RULES } })
  const origins = new NameOrigins(() => Promise.resolve(octets), clock, new MemoryLog())
  const all = found([gateway('a', names)])
  t.strictSame(origins.judged(SERIAL, all), [], 'nothing is known before')
  await origins.prepare(SERIAL, all)
  return origins.judged(SERIAL, all)
}

t.test('a bundle lists the names that it bans by themselves', async t => {
  const cases: readonly (readonly [NewlyBlockedName, string])[] = [
    [blocked('www.app.example', { rule: 'app' }), 'listed'],
    [blocked('exact.test', { rule: 'app' }), 'listed'],
    [blocked('customer.test', { rule: 'app' }), 'unlisted'],
    [blocked('app.example', { rule: 'app', network: 'guests' }), 'unlisted'],
    [blocked('login.corp', { rule: 'wide' }), 'unlisted'],
    [blocked('tracker.test', { rule: 'ads', match: 'qname' }), 'downloaded'],
    [blocked('login.example', { mustResolve: true }), 'must-resolve']
  ]
  for (const [name, origin] of cases)
    t.match(await originsOf(t, [name]), [{ name: name.name, origin }], name.name)
})

t.test('a bundle that is not here: all names count as unlisted', async t => {
  const origins = new NameOrigins(() => Promise.reject(new Error('gone')), clock, new MemoryLog())
  const all = found([gateway('a', [blocked('a.example')])])
  await origins.prepare(SERIAL, all)
  t.match(origins.judged(SERIAL, all), [{ origin: 'unlisted' }])
})

t.test('which names halt a ring', async t => {
  const [one] = found([gateway('gw-1', [blocked('l.example')])])
  const beyond = (origin: 'listed' | 'unlisted' | 'must-resolve' | 'downloaded', more = {}) =>
    nameBeyond([{ ...one!, origin, ...more }], false)
  t.equal(beyond('listed'), undefined)
  t.equal(beyond('downloaded'), undefined)
  t.equal(beyond('unlisted', { isPopular: false }), undefined)
  const unlisted =
    'b blocks l.example in network office (clients: 10, lookups: 100, most at gw-1), though the bundle does not list it'
  t.equal(beyond('unlisted'), unlisted)
  const demanded = beyond('must-resolve', { isPopular: false })!
  t.match(demanded, 'though it must resolve')
  for (const sentence of [unlisted, demanded]) assertTranslated(t, sentence)
  t.equal(nameBeyond([{ ...one!, origin: 'unlisted' }], true), undefined, 'a rollback')
  t.ok(nameBeyond([{ ...one!, origin: 'must-resolve' }], true))
})
