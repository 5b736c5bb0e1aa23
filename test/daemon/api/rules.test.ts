import t, { type Test } from 'tap'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { loadRules } from '../../../src/policy/rules/load.js'
import { listBans } from '../../../src/analysis/views/bans-list.js'
import { apiRig, type ApiRig } from './rig.js'
import { activeRules, serving } from './services.js'

const AT = '2026-01-02T00:00:00Z'

async function open(t: Test) {
  const rules = await activeRules(t)
  const rig = await apiRig(t, { services: serving(t, rules) })
  const token = rig.token('r', ['read'])
  return { rules, rig, get: getter(rig, token) }
}

const getter =
  (rig: ApiRig, token: string) =>
  async (path: string): Promise<Record<string, unknown>> => {
    rig.clock.time += 1000
    const response = await rig.send({ url: `/api/v1${path}`, token })
    return { status: response.statusCode, ...response.json<object>() }
  }

t.test('packed rules show the same bans', async t => {
  const { rules } = await open(t)
  const loaded = await loadRules(t.testdirName)
  if (!loaded.ok) throw new Error('rules')
  const query = { at: Date.parse(AT) / 1000, within: 14 }
  t.strictSame(listBans(rules.rules, query), listBans(loaded.rules, query))
  t.equal(rules.rules.sources.length, loaded.rules.sources.length)
  rules.rules.sources[0]!.writeTo(undefined as never)
})

t.test('networks', async t => {
  const { get } = await open(t)
  t.match(await get('/networks?limit=1'), {
    status: 200,
    generation: 7,
    total: 2,
    offset: 0,
    items: [{ id: 'staff', prefixes: ['10.0.0.0/8'], rules: { ban: 1, block: 1, allow: 0 } }]
  })
  t.match(await get('/networks?offset=1'), { items: [{ id: 'guests' }] })
  t.match(await get('/networks/guests'), {
    prefixes: ['192.0.2.0/24', '2001:db8::/32'],
    ech: 'pass'
  })
  t.match(await get('/networks/none'), { status: 404, code: 'API_NOT_FOUND' })
  t.match(await get('/networks?limit=0'), { status: 400, errors: [{ path: 'query.limit' }] })
  t.match(await get('/networks?limit=x'), { status: 400, errors: [{ path: 'query.limit' }] })
})

t.test('bans and exceptions', async t => {
  const { get } = await open(t)
  t.match(await get(`/bans?at=${AT}`), {
    total: 2,
    items: [
      {
        id: 'video-ban',
        state: 'in force',
        networks: ['staff'],
        sources: [{ kind: 'app', id: 'video', title: 'Video' }],
        authority: 'Ministry',
        legalBasis: 'Act 2',
        reference: 'Decision 1',
        referenceUrl: 'https://law.example/1',
        owner: 'it@gov.example',
        lacking: ['guests']
      },
      { id: 'later-ban', state: 'to come', lacking: ['guests'] }
    ]
  })
  t.match(await get('/bans?state=to%20come'), { total: 1, items: [{ id: 'later-ban' }] })
  t.match(await get('/bans?network=guests'), { total: 0 })
  t.match(await get('/bans?app=video&network=staff'), { total: 1 })
  t.match(await get('/bans?app=none'), { status: 404, code: 'API_NOT_FOUND' })
  t.match(await get('/bans?network=none'), { status: 404, code: 'API_NOT_FOUND' })
  t.match(await get('/bans?state=over'), { status: 400 })
  t.match(await get('/bans?at=yesterday'), { status: 400 })
  t.match(await get(`/exceptions?at=${AT}`), {
    items: [{ purpose: 'press office', approvedBy: 'head of security', prefixes: ['10.7.0.0/16'] }]
  })
  t.match(await get('/exceptions?at=2027-01-01T00:00:00Z'), { items: [{ state: 'ended' }] })
  t.match(await get(`/dnssec-exceptions?at=${AT}&state=in%20force`), {
    total: 1,
    items: [{ name: 'broken.example', purpose: 'expired keys', approvedBy: 'head of security' }]
  })
  t.match(await get(`/dnssec-exceptions?at=2027-01-01T00:00:00Z&state=in%20force`), {
    total: 0
  })
  t.match(await get(`/notices?at=${AT}`), {
    items: [
      { id: 'video-ban', what: 'review' },
      { kind: 'exception', what: 'ends' }
    ]
  })
  t.match(await get(`/notices?at=${AT}&within=0`), { total: 0 })
})

t.test('apps', async t => {
  const { get } = await open(t)
  t.match(await get('/apps?search=video.example&vendor=vendor&country=be&role=web&kind=app'), {
    total: 1,
    items: [{ app: 'video', bans: [{ network: 'staff', id: 'video-ban' }] }]
  })
  t.match(await get('/apps?search=nothing'), { total: 0 })
  t.match(await get('/apps/video'), { title: 'Video', names: [{ name: 'video.example', line: 7 }] })
  t.match(await get('/apps/none'), { status: 404 })
})

t.test('app files that are not valid any more', async t => {
  const rules = await activeRules(t)
  const broken = t.testdir({ 'networks.yaml': '', apps: { 'video.yaml': 'app: x' } })
  const rig = await apiRig(t, { services: serving(t, rules, broken) })
  const get = getter(rig, rig.token('r', ['read']))
  t.match(await get('/apps'), { status: 422, code: 'DOCUMENT_INVALID' })
  const bundle = readConfig('rules: { bundle: none, keys: [k.pub] }', `${broken}/interdict.yaml`)
  if (!bundle.ok) throw new Error('settings')
  const other = await apiRig(t, { services: { ...serving(t, rules), config: bundle.config } })
  t.match(await getter(other, other.token('r', ['read']))('/apps'), { status: 404 })
})

t.test('lists and zones', async t => {
  const { get } = await open(t)
  t.match(await get('/lists'), {
    total: 1,
    items: [{ id: 'own', state: 'local', entries: 1, error: null, zone: null }]
  })
  t.match(await get('/zones'), { status: 200, items: [] })
})

t.test('decisions', async t => {
  const { get } = await open(t)
  const explain = (query: string) => get(`/explain?upstream=false&${query}`)
  t.match(await explain('client=10.0.0.1&name=www.video.example'), {
    status: 200,
    network: 'staff',
    verdict: 'blocked',
    rule: { kind: 'ban', id: 'video-ban', facts: { authority: 'Ministry' } },
    timeZone: 'UTC'
  })
  t.match(await explain(`client=10.7.0.1&name=video.example&type=AAAA&at=${AT}`), {
    type: 'AAAA',
    at: '2026-01-02T00:00:00.000Z',
    ...{ verdict: 'unknown', past: { unknown: ['the history begins later'] } }
  })
  t.match(await explain('client=10.7.0.1&name=video.example&type=AAAA&at=2999-01-02'), {
    ...{ type: 'AAAA', at: '2999-01-02T00:00:00.000Z', rule: { kind: 'ban' } }
  })
  t.match(await explain('client=192.0.2.1&name=video.example'), { verdict: 'forwarded' })
  for (const wrong of ['client=x&name=a.example', 'client=10.0.0.1&name=a..b', 'name=a.example'])
    t.match(await explain(wrong), { status: 400, code: 'API_REQUEST' }, wrong)
  t.match(await get('/explain?client=10.0.0.1&name=a.example&type=NOPE'), { status: 400 })
  // Without upstreams in the settings, all fail.
  t.match(await get('/explain?client=192.0.2.1&name=a.example'), { verdict: 'failed' })
})

t.test('block rules, and their pauses', async t => {
  const rules = await activeRules(t)
  const paused = { rule: rules.rules.networks[0]!.rules.find(({ kind }) => kind === 'block')!.id }
  const pauses = [{ ...paused, until: 4_000_000_000, by: 'op', reason: 'ticket 7' }]
  const origin = { ...rules.snapshot.origin, pauses }
  const [staff, guests] = rules.rules.networks
  const networks = [staff!, { ...guests!, rules: staff!.rules }]
  const changed = {
    ...rules,
    snapshot: { ...rules.snapshot, origin },
    rules: { ...rules.rules, networks }
  } as unknown as typeof rules
  const rig = await apiRig(t, { services: serving(t, changed) })
  const get = getter(rig, rig.token('r', ['read']))
  t.match(await get('/blocks'), {
    maxPauseMinutes: 60,
    total: 1,
    items: [
      {
        ...{ id: paused.rule, networks: ['staff', 'guests'], state: 'in force', mode: 'enforce' },
        ...{ sources: [{ kind: 'list', id: 'own' }], pausedUntil: '2096-10-02T07:06:40.000Z' },
        ...{ pausedBy: 'op', pauseReason: 'ticket 7' }
      }
    ]
  })
  pauses[0]!.until = 1
  t.match(await get('/blocks'), { items: [{ pausedUntil: null }] })
})
