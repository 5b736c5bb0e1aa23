import { createUser } from '@nats-io/nkeys'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { signReport } from '../../src/fleet/channel/credentials.js'
import { decodeToken } from '../../src/fleet/channel/enrol-token.js'
import { userSeed } from '../../src/fleet/channel/nkey.js'
import { failure } from '../../src/base/errors/error.js'
import { Authority, SERVER_FILE } from '../../src/fleet/hub/authority.js'
import { Enrolment } from '../../src/fleet/hub/enrolment.js'
import type { HubConfig } from '../../src/fleet/hub/hub-config.js'
import { hubRoutes } from '../../src/fleet/hub/hub-routes.js'
import type { HubReply } from '../../src/fleet/hub/hub-server.js'
import { StateStore } from '../../src/fleet/hub/hub-state.js'
import { Inventory } from '../../src/fleet/hub/inventory.js'
import { Rollouts } from '../../src/fleet/hub/rollouts.js'
import { Roots } from '../../src/fleet/hub/roots/roots.js'
import { Traffic } from '../../src/fleet/hub/judge/traffic.js'
import { isLive } from '../../src/fleet/hub/views.js'
import { bundle, one, stranger } from '../daemon/bundle-rig.js'
import { MemoryLog } from '../daemon/serve.js'
import { counters, report } from '../fleet/reports.js'
import type { Report } from '../../src/fleet/channel/wire.js'
import { Site } from '../daemon/site.js'
import { assertTranslated } from './translated.js'

const START = Date.now()

let accounts = 0
/** Another key each time, in the alphabet of base32. */
const accountKey = (): string => `A${String.fromCharCode(65 + (accounts++ % 26)).repeat(55)}`

/** Real signatures take their time. */
const QUICK = {
  enrolmentCredentials: () => Promise.resolve({ user: `U${'A'.repeat(55)}`, text: 'creds' }),
  createGateway: () => Promise.resolve({ account: accountKey(), userJwt: 'ey' })
}

/** All of the hub but its sockets. */
async function rig(t: Test, isReal = false) {
  const folder = join(new Site(t, {}).folder, 'hub')
  const config: HubConfig = {
    name: 'hub',
    nats: { servers: ['nats://127.0.0.1:1'], caFile: undefined, certificate: undefined },
    replicas: 1,
    trust: { keys: [one.publicKey], keyFiles: [], signatures: 1 },
    rings: [
      { name: 'canary', soak: 10_000 },
      { name: 'all', soak: 10_000 }
    ],
    band: { blocked: 0.05, servfail: 0.02, latency: 3, lagging: 0, unready: 0, lookups: 10 },
    automatic: true,
    silentAfter: 60_000,
    proxy: undefined,
    alerts: [],
    ...{ folder, socket: '', http: undefined, logs: undefined, pullFolder: undefined },
    publicUrl: undefined
  }
  const authority = isReal ? await Authority.create(folder) : QUICK
  const store = new StateStore(folder)
  let now = START
  const clock = { wall: () => now, now: () => now }
  const log = new MemoryLog()
  const traffic = new Traffic({ folder, clock, log, rings: () => store.state.rings })
  const inventory = new Inventory(clock, counted => traffic.add(counted))
  let delivered = 0
  let revoked = 0
  const pushed: string[] = []
  let isAway = false
  const deliver = (): Promise<boolean> => Promise.resolve(++delivered > 0)
  const roots = new Roots({ config, store, log, clock, deliver })
  const rollouts = new Rollouts({
    ...{ config, store, log, clock, roots },
    gateways: () => inventory.all,
    traffic,
    contact: { isLive: gateway => isLive(gateway, config, now), isLost: () => false },
    deliver
  })
  const enrolment = new Enrolment({
    ...{ config, authority, store, inventory, roots, clock, log },
    push: account => {
      pushed.push(account)
      return isAway ? Promise.reject(failure('HUB_NATS', 'away')) : Promise.resolve()
    },
    revokeTokens: () => {
      revoked++
    }
  })
  const nats = { isConnected: true, error: null as string | null }
  let problem: string | undefined
  const watchOf = (ring: string) => traffic.watchOf(ring)
  const namesOf = (ring: string) => rollouts.namesOf(ring)
  const sources = () => {
    return { config, state: store.state, gateways: inventory.all, watchOf, namesOf, now }
  }
  const route = hubRoutes({
    ...{ store, inventory, rollouts, roots, enrolment, nats, sources },
    problem: () => problem,
    leadership: {
      status: { role: 'leader', leader: 'hub', name: 'hub', missing: [] },
      guard: () => undefined,
      commit: () => Promise.resolve()
    },
    alerts: { status: [], test: () => Promise.resolve([]) }
  })
  const call = async (method: 'GET' | 'POST', url: string, body: Uint8Array = new Uint8Array()) => {
    const { pathname, searchParams } = new URL(url, 'http://hub')
    const path = pathname.split('/').slice(1).map(decodeURIComponent)
    const reply: HubReply | undefined = await route(method, {
      ...{ path, query: searchParams },
      body: Buffer.from(body)
    })
    return reply?.kind === 'json' ? reply.value : reply
  }
  /** Enrols a gateway. @returns a function that sends reports of it */
  const enrol = async (name: string, ring: string) => {
    const made = (await call('POST', `/v1/tokens?name=${name}&ring=${ring}`)) as { token: string }
    const { secret } = decodeToken(made.token)
    const pair = createUser()
    const request = JSON.stringify({ secret, key: pair.getPublicKey() })
    const other = JSON.stringify({ secret, key: createUser().getPublicKey() })
    const ask = async (body: string): Promise<string> =>
      Buffer.from(await enrolment.enrol(Buffer.from(body))).toString()
    const reply = await ask(request)
    const again = await ask(other)
    const repeated = await ask(request)
    const key = userSeed(Buffer.from(pair.getSeed()).toString())!
    let number = 0
    const send = (more: Partial<Report>) => {
      const own = { gateway: name, ring, number: ++number, at: new Date(now).toISOString() }
      return inventory.onReport(signReport(report({ ...own, ...more }), key))
    }
    return { send, reply, again, repeated, request }
  }
  return {
    ...{ config, store, rollouts, enrolment, inventory, log, call, enrol, folder, nats },
    cause: (value: string | undefined) => (problem = value),
    pass: (time: number) => (now += time),
    delivered: () => delivered,
    revoked: () => revoked,
    pushed: () => pushed.splice(0),
    cut: () => (isAway = true)
  }
}

t.test('a bundle is published to the first ring, watched, and promoted', async t => {
  const { call, enrol, rollouts, store, pass, delivered } = await rig(t)
  const canary = await enrol('a', 'canary')
  await enrol('b', 'all')
  const first = '/v1/bundles?ring=canary&by=joe&now=true'
  t.match(await call('POST', first, await bundle({ serial: 10 })), {
    ...{ serial: 10, ring: 'canary', bans: 1, delivered: true }
  })
  t.match([...rollouts.wanted()], [['canary', { serial: 10, version: 1 }]])
  await rollouts.check()
  t.match(store.state.rings.canary, {
    phase: 'soaking',
    why: 'no gateway of the ring has reported'
  })
  canary.send({ active: 10 })
  canary.send({ active: 10, counters: counters({ lookups: 50, responses: 50 }) })
  await rollouts.check()
  t.match(store.state.rings.canary, { phase: 'soaking', why: null })
  await t.rejects(call('POST', '/v1/rings/all/promote'), { code: 'HUB_EARLY' })
  pass(10_000)
  canary.send({ active: 10, counters: counters({ lookups: 60, responses: 60 }) })
  await rollouts.check()
  t.match(store.state.rings, { canary: { phase: 'done' }, all: { serial: 10, by: 'hub' } })
  t.equal(delivered(), 2)
  const { events } = (await call('GET', '/v1/events')) as { events: { what: string }[] }
  for (const { what } of events) assertTranslated(t, what)
  t.match(events.at(-1), { by: 'hub', what: 'bundle 10 promoted to ring all' })
  t.match(await call('GET', '/v1/status'), {
    nats: { connected: true },
    rings: [
      { ring: 'canary', serial: 10, running: 1, soakMs: 10_000, forecast: null },
      { ring: 'all' }
    ]
  })
  t.match(await call('GET', '/v1/bundles'), {
    bundles: [{ serial: 10, bans: 1, done: ['canary'] }]
  })
  t.match(await call('GET', '/v1/bundles/10'), { kind: 'octets' })
  t.match(await call('GET', '/metrics'), {
    text: /interdict_hub_gateways\{ring="canary",state="running"\} 1\n/
  })
})

t.test('the hub is ready while NATS has everything that is published', async t => {
  const { call, nats, cause } = await rig(t)
  t.match(await call('GET', '/readyz'), { text: 'ready\n' })
  cause('not everything that is published is delivered')
  t.match(await call('GET', '/readyz'), { status: 503, text: /not everything/ })
  Object.assign(nats, { isConnected: false })
  t.match(await call('GET', '/readyz'), { status: 503, text: 'NATS: not connected yet\n' })
  nats.error = 'refused'
  t.match(await call('GET', '/readyz'), { status: 503, text: 'NATS: refused\n' })
})

t.test('outside the band a ring is halted, and a rollback is published to it', async t => {
  const { call, enrol, rollouts, store, log } = await rig(t)
  const gateway = await enrol('a', 'canary')
  await call('POST', '/v1/bundles?ring=canary', await bundle({ serial: 10 }))
  gateway.send({ active: 9 })
  gateway.send({ wanted: 10, active: 9, refused: { code: 'BUNDLE_X', message: 'bad' } })
  await rollouts.check()
  t.match(store.state.rings.canary, { phase: 'halted', why: 'a refuses bundle 10: bad (BUNDLE_X)' })
  t.match(log.with('halted'), [
    { level: 'info' },
    { level: 'error', fields: { code: 'HUB_HALTED' } }
  ])
  await t.rejects(call('POST', '/v1/rings/all/promote'), {
    code: 'HUB_EARLY',
    message: /canary halted: a refuses/
  })
  t.match(await call('POST', '/v1/rings/all/promote?now=true&by=joe'), { serial: 10, now: true })
  t.match(store.state.events.at(-1), { by: 'joe', what: /at once \(--now\)/ })
  const back = await bundle({ serial: 11, bans: 'n9.example' })
  await call('POST', '/v1/bundles?ring=canary&rollback=9', back)
  t.match(await call('POST', '/v1/bundles?ring=all&rollback=9', back), { serial: 11 })
  t.match(store.state, {
    rings: { all: { serial: 11 } },
    bundles: [{ serial: 10 }, { rollback: 9 }]
  })
  t.match(await call('POST', '/v1/rings/all/halt?reason=lunch'), { phase: 'halted', why: 'lunch' })
  for (const { what } of store.state.events) assertTranslated(t, what)
})

t.test('what is not published', async t => {
  const { call, store } = await rig(t)
  const good = await bundle({ serial: 10 })
  const post = (query: string, octets: Uint8Array) => call('POST', `/v1/bundles?${query}`, octets)
  await t.rejects(post('ring=x', good), { code: 'HUB_RING' })
  await t.rejects(post('ring=all', good), { code: 'HUB_ORDER' })
  await t.rejects(post('ring=canary', await bundle({ serial: 10, keys: [stranger] })), {
    code: 'BUNDLE_UNSIGNED'
  })
  await t.rejects(post('ring=canary', await bundle({ serial: 9, created: -9, expires: -1 })), {
    code: 'BUNDLE_EXPIRED'
  })
  const broken = await bundle({ serial: 9, files: { 'networks.yaml': 'x: 1' } })
  await t.rejects(post('ring=canary', broken), { code: 'HUB_RULES' })
  await post('ring=canary', good)
  await t.rejects(post('ring=canary', await bundle({ serial: 9 })), { code: 'HUB_SERIAL' })
  await t.rejects(post('ring=canary', await bundle({ serial: 10, bans: 'x.example' })), {
    code: 'HUB_SERIAL'
  })
  const last = await bundle({ serial: Number.MAX_SAFE_INTEGER })
  await t.rejects(post('ring=canary', last), { code: 'BUNDLE_SERIAL' })
  await t.rejects(post('ring=canary&forecast=x', good), { code: 'HUB_REQUEST' })
  await t.rejects(post('', good), { code: 'HUB_REQUEST', message: /ring/ })
  await t.rejects(call('POST', '/v1/rings/canary/promote'), { code: 'HUB_NOTHING' })
  await t.rejects(call('POST', '/v1/rings/all/halt'), { code: 'HUB_NOTHING' })
  await t.rejects(call('GET', '/v1/bundles/9'), { code: 'HUB_REQUEST' })
  t.equal(store.state.bundles.length, 1)
  t.equal(await call('GET', '/v2/x'), undefined)
  t.equal(await call('GET', '/v1/x'), undefined)
  t.match(await call('GET', '/livez'), { text: 'ok\n' })
})

t.test('old bundles are deleted, but for those that a ring runs', async t => {
  const { call, store, folder } = await rig(t)
  for (let serial = 1; serial <= 23; serial++) {
    const ring = serial === 1 ? 'all&now=true' : 'canary'
    await call('POST', `/v1/bundles?ring=${ring}`, await bundle({ serial }))
  }
  const serials = store.state.bundles.map(({ serial }) => serial)
  t.strictSame([serials.length, serials[0], serials[1]], [21, 1, 4])
  for (const { file } of store.state.bundles) t.ok(existsSync(join(folder, 'bundles', file)))
})

t.test('who does not enforce a ban, and who is behind', async t => {
  const { call, enrol, pass } = await rig(t)
  await call('POST', '/v1/bundles?ring=canary', await bundle({ serial: 9, bans: 'x.example' }))
  const rules = (mode: string, dates = ''): Readonly<Record<string, string>> => ({
    'networks.yaml': `networks:\n  all:\n    prefixes: [127.0.0.0/8]\n    bans:\n      - { id: other, authority: A, reference: r, names: [x.example]${mode}${dates} }\n`
  })
  const files = [
    rules(''),
    rules(', mode: monitor'),
    rules('', ', from: 2999-01-01'),
    rules('', ', from: 2001-01-01, until: 2002-01-01')
  ]
  for (const [i, one] of files.entries()) {
    await call('POST', '/v1/bundles?ring=canary', await bundle({ serial: 10 + i, files: one }))
  }
  const gateways = await Promise.all(
    ['g9', 'g10', 'g11', 'g12', 'g13', 'g14', 'silent', 'unready', 'unseen'].map(name =>
      enrol(name, 'canary')
    )
  )
  gateways[6]!.send({ active: 10 })
  pass(61_000)
  for (const i of [0, 1, 2, 3, 4, 5]) gateways[i]!.send({ active: 9 + i })
  gateways[7]!.send({ active: 10, ready: false })
  const { without } = (await call('GET', '/v1/bans/other/without')) as {
    without: { name: string; gap: string }[]
  }
  t.strictSame(
    without.map(({ name, gap }) => [name, gap]).sort(),
    [
      ['g11', 'the ban is monitored only'],
      ['g12', 'the ban has not begun'],
      ['g13', 'the ban has ended'],
      ['g14', 'unknown bundle'],
      ['g9', 'no such ban in its bundle'],
      ['silent', 'no recent report'],
      ['unready', 'not ready'],
      ['unseen', 'no report']
    ].sort()
  )
  await t.rejects(call('GET', '/v1/bans/none/without'), { code: 'HUB_BAN' })
  t.match(await call('GET', '/v1/bans'), {
    bans: [
      { id: 'other', gateways: 9, without: 8 },
      { id: 'test-ban', gateways: 9 }
    ]
  })
  gateways[0]!.send({ active: 9, refused: { code: 'X', message: 'x' } })
  const states = async (query: string): Promise<string[]> => {
    const { gateways } = (await call('GET', `/v1/gateways${query}`)) as {
      gateways: { name: string; state: string }[]
    }
    return gateways.map(({ name, state }) => `${name} ${state}`).sort()
  }
  t.strictSame(await states('?state=running'), ['g13 running'])
  t.strictSame(await states('?state=refusing'), ['g9 refusing'])
  t.strictSame(await states('?state=silent'), ['silent silent'])
  t.strictSame(await states('?state=unseen'), ['unseen unseen'])
  t.strictSame(await states('?ring=all'), [])
  t.match(await call('GET', '/v1/gateways?limit=2&offset=1&order=problems'), {
    ...{ total: 9, offset: 1, gateways: [{}, {}] }
  })
  t.match(await call('GET', '/v1/bans/test-ban/without?filter=unseen&limit=1'), {
    ...{ gateways: 9, total: 1, without: [{ name: 'unseen' }] }
  })
  await t.rejects(call('GET', '/v1/gateways?limit=0'), { code: 'HUB_REQUEST' })
})

t.test('enrolment: once, in time, and revoked', async t => {
  const { call, enrol, enrolment, inventory, pass, store, revoked, pushed, cut, log } = await rig(
    t,
    true
  )
  const { reply, again, repeated, send, request } = await enrol('a', 'canary')
  t.match(reply, /^{"jwt":"ey/)
  t.match(again, /unknown, or was used before/)
  t.equal(repeated, reply, 'a gateway that lost the reply asks again')
  const first = store.state.gateways.a!.account!
  t.equal(inventory.nameOf(first), 'a')
  t.equal(send({}), undefined)
  const ask = async (octets: string): Promise<string> =>
    Buffer.from(await enrolment.enrol(Buffer.from(octets))).toString()
  t.match(await ask('garbage'), /malformed/)
  t.match(await ask('{"secret":"x","key":"x"}'), /malformed/)
  const made = (await call('POST', '/v1/tokens?name=b&ring=all&expires=1m')) as { token: string }
  const { key } = JSON.parse(request) as { key: string }
  pass(60_000)
  t.match(await ask(request), /unknown, or was used before/)
  const late = JSON.stringify({ secret: decodeToken(made.token).secret, key })
  t.match(await ask(late), /expired/)
  t.equal(log.with('enrolment refused').length, 5)
  await t.rejects(call('POST', '/v1/tokens?name=b&ring=x'), { code: 'HUB_RING' })
  await t.rejects(call('POST', '/v1/tokens?name=b.c&ring=all'), { code: 'HUB_REQUEST' })
  await t.rejects(call('POST', '/v1/gateways/x/revoke'), { code: 'HUB_GATEWAY' })
  await enrol('a', 'canary')
  t.equal(send({}), 'signature', 'the key before is replaced')
  const accountOf = (name: string): string => store.state.gateways[name]!.account!
  t.not(accountOf('a'), first)
  t.strictSame(pushed(), [first, accountOf('a'), first], 'the new account, and the old one revoked')
  t.equal(revoked(), 2, 'both tokens')
  t.strictSame(await call('POST', '/v1/gateways/a/revoke'), { revoked: 'a' })
  t.strictSame(pushed(), [accountOf('a')])
  t.equal(inventory.nameOf(accountOf('a')), undefined)
  for (const { what } of store.state.events) assertTranslated(t, what)
  const keysOf = (prefix: string): string[] =>
    Object.keys(store.state.revocations).filter(key => key.startsWith(prefix))
  t.strictSame([keysOf('A').length, keysOf('U').length], [2, 2])
  t.strictSame(inventory.all, [])
  cut()
  t.match((await enrol('c', 'all')).reply, /^{"jwt":"ey/, 'NATS gets the account later')
  t.equal(log.with('retrying').length, 1)
  await t.rejects(call('POST', '/v1/gateways/c/revoke'), { code: 'HUB_NATS' })
  pass(32 * 86_400_000)
  await enrol('d', 'all')
  t.strictSame([keysOf('A').length, keysOf('U').length], [3, 1], 'expired tokens are forgotten')
  const restarted = new Inventory({ wall: () => 0, now: () => 0 })
  t.equal(restarted.all.length, 0)
})

t.test('what gateways send by HTTPS', async t => {
  const { call, enrol } = await rig(t)
  await enrol('a', 'canary')
  const post = (path: string, text: string) => call('POST', path, Buffer.from(text))
  await t.rejects(post('/v1/reports', 'garbage'), {
    code: 'HUB_REPORT',
    message: 'report dropped: malformed'
  })
  const unknown = signReport(report({ gateway: 'b' }), stranger.key)
  await t.rejects(call('POST', '/v1/reports', unknown), { message: /unknown/ })
  const pair = createUser()
  const { token } = (await call('POST', '/v1/tokens?name=b&ring=all')) as { token: string }
  const { secret, hub } = decodeToken(token)
  t.equal(hub, null)
  const request = JSON.stringify({ secret, key: pair.getPublicKey() })
  const reply = (await post('/v1/enrol', request)) as { octets: Uint8Array }
  t.match(Buffer.from(reply.octets).toString(), /jwt/)
  const key = userSeed(Buffer.from(pair.getSeed()).toString())!
  const signed = signReport(report({ gateway: 'b', ring: 'all' }), key)
  t.strictSame(await call('POST', '/v1/reports', signed), { accepted: true })
  const { gateways } = (await call('GET', '/v1/gateways?ring=all')) as { gateways: object[] }
  t.match(gateways, [{ name: 'b', by: 'https' }])
})

t.test('state and keys survive a restart, and damage is an error', async t => {
  const { call, enrol, folder } = await rig(t, true)
  await call('POST', '/v1/bundles?ring=canary', await bundle({ serial: 10 }))
  await enrol('a', 'canary')
  const store = new StateStore(folder)
  t.match(store.state, { bundles: [{ serial: 10 }], gateways: { a: { ring: 'canary' } } })
  await t.rejects(Authority.create(folder), { code: 'HUB_EXISTS' })
  t.match(readFileSync(join(folder, SERVER_FILE), 'utf8'), /^operator: ey/m)
  t.ok(Authority.open(folder).hubKey.startsWith('A'))
  const keys = join(folder, 'authority.json')
  const { enrolment, ...old } = JSON.parse(readFileSync(keys, 'utf8')) as Record<string, string>
  t.match(enrolment, /^SA/)
  writeFileSync(keys, JSON.stringify(old))
  t.throws(() => Authority.open(folder), { code: 'HUB_STATE', message: /earlier version/ })
  writeFileSync(keys, JSON.stringify({ ...old, enrolment: 'x' }))
  t.throws(() => Authority.open(folder), { code: 'HUB_STATE' })
  writeFileSync(join(folder, 'state.json'), '{}')
  t.throws(() => new StateStore(folder), { code: 'HUB_STATE', message: /damaged/ })
  writeFileSync(join(folder, 'state.json'), '{')
  t.throws(() => new StateStore(folder), { code: 'HUB_STATE' })
  t.throws(() => Authority.open(join(folder, 'x')), { code: 'HUB_STATE' })
})
