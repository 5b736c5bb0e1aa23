import { appendFileSync } from 'node:fs'
import { createServer, get as httpGet, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { lookup, searchOf } from '../../../src/admin/api/log-questions.js'
import { eventually } from '../site.js'
import { apiRig } from './rig.js'
import { answering } from './services.js'

const line = (qname: string, more: object = {}): string =>
  `${JSON.stringify({ v: 1, time: '2026-01-01T00:00:00.000Z', generation: 1, protocol: 'udp', qname, qtype: 'A', verdict: 'blocked', network: 'staff', us: 1, ...more })}\n`

async function streaming(t: Test) {
  const folder = t.testdir({ 'queries.jsonl': line('old.example') })
  const path = join(folder, 'queries.jsonl')
  const read = readConfig('log: { queries: { file: queries.jsonl } }', join(folder, 'x.yaml'))
  if (!read.ok) throw new Error('settings')
  const rig = await apiRig(t, { services: { config: read.config } })
  const server = createServer((request, response) => rig.app.routing(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const open = (token: string, query = ''): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      const url = `http://127.0.0.1:${port}/api/v1/lookups/stream${query}`
      httpGet(url, { headers, agent: false }, resolve).on('error', reject)
    })
  return { rig, open, add: (text: string) => appendFileSync(path, text) }
}

/** All that a stream has sent so far. */
function gather(response: IncomingMessage): { text: string; ended: boolean } {
  const all = { text: '', ended: false }
  response.setEncoding('utf8').on('data', (part: string) => (all.text += part))
  response.on('end', () => (all.ended = true)).on('error', () => undefined)
  return all
}

t.test('a stream of lookups', async t => {
  const { rig, open, add } = await streaming(t)
  const token = rig.token('r', ['read'])
  const response = await open(token, '?network=staff&lines=5&name=example')
  t.match(response, { statusCode: 200, headers: { 'content-type': 'text/event-stream' } })
  const all = gather(response)
  await eventually('a recent one', () => all.text.includes('old.example'))
  add(line('new.example') + line('other.test') + line('c.example', { network: 'guests' }) + 'x\n')
  await eventually('a new one', () => all.text.includes('new.example'))
  t.notMatch(all.text, /other\.test|guests/)
  t.match(all.text, /^event: lookup\ndata: \{"v":1,[^\n]*"qname":"old\.example"[^\n]*\}\n\n/)

  // More than is parsed at once.
  add(Array.from({ length: 3_000 }, () => line('many.example')).join(''))
  await eventually('some are dropped', () =>
    /event: dropped\ndata: \{"lookups":\d+\}/.test(all.text)
  )

  rig.revoke('r')
  await eventually('the end', () => all.ended)
  t.match(all.text, /event: end\ndata: .*revoked/)
})

t.test('streams that begin while lookups arrive get each of them once', async t => {
  const { rig, open, add } = await streaming(t)
  const token = rig.token('r', ['read'])
  const all: ReturnType<typeof gather>[] = []
  let written = 0
  const addSome = (): void => {
    for (let i = 0; i < 7; i++) add(line(`n${++written}.example`))
    // Half a line: it is complete with the next one.
    const half = line(`n${++written}.example`)
    add(half.slice(0, 40))
    add(half.slice(40))
  }
  const opened: number[] = []
  for (let i = 0; i < 6; i++) {
    addSome()
    opened.push(written)
    all.push(gather(await open(token, `?lines=${i}`)))
    await new Promise(resolve => setTimeout(resolve, 70))
  }
  addSome()
  await eventually('the last', () => all.every(one => one.text.includes(`"n${written}.example"`)))
  for (const [i, { text }] of all.entries()) {
    const names = Array.from(text.matchAll(/"qname":"n(\d+)\.example"/g), ([, n]) => Number(n))
    const first = opened[i]! - i + 1
    t.strictSame(
      names,
      Array.from({ length: written - first + 1 }, (_, at) => first + at),
      `with ${i} recent ones`
    )
  }
})

t.test('the last stream may end while another begins', async t => {
  const { rig, open, add } = await streaming(t)
  const [one, other] = [rig.token('one', ['read']), rig.token('other', ['read'])]
  const first = gather(await open(one))
  rig.revoke('one')
  const second = gather(await open(other, '?lines=1'))
  await eventually('the first ends', () => first.ended)
  add(line('later.example'))
  await eventually('the other goes on', () => second.text.includes('later.example'))
})

t.test('at most eight streams', async t => {
  const { rig, open } = await streaming(t)
  const token = rig.token('r', ['read'])
  const responses: IncomingMessage[] = []
  for (let i = 0; i < 8; i++) responses.push(await open(token))
  t.ok(responses.every(({ statusCode }) => statusCode === 200))
  const refused = await open(token)
  t.equal(refused.statusCode, 503)
  refused.resume()
  responses[0]!.destroy()
  await eventually('one may follow', async () => {
    rig.clock.time += 1000
    const response = await open(token)
    response.destroy()
    return response.statusCode === 200
  })
  for (const response of responses) response.destroy()
  t.equal((await open(token, '?name=a..b')).statusCode, 400)
})

const search = (query: object) => searchOf(lookup.parse(query)) as { readonly filters?: string }
const where = (query: object): string | undefined => search(query).filters

t.test('searches of the log are quoted', async t => {
  t.strictSame(search({}), { filters: undefined, latest: 101, skip: 0 })
  t.strictSame(
    search({
      ...{ network: "a' OR 1=1 --", client: '10.0.0.1', type: 'aaaa', limit: '2', offset: '4' },
      ...{ since: '2026-01-01T00:00:00Z', until: '2026-01-02T01:00:00+01:00' }
    }),
    {
      latest: 3,
      skip: 4,
      period: { since: Date.UTC(2026, 0, 1), until: Date.UTC(2026, 0, 2) },
      filters:
        "(client = '10.0.0.1' OR device = '10.0.0.1' OR starts_with(device, '10.0.0.1/')" +
        " OR client IN ('10.0.0.1', '10.0.0.1/32'))" +
        " AND network = 'a'' OR 1=1 --'" +
        " AND qtype = 'AAAA'" +
        " AND time >= TIMESTAMP '2026-01-01T00:00:00.000' AND time < TIMESTAMP '2026-01-02T00:00:00.000'"
    }
  )
  t.equal(where({ name: '=A.example' }), "qname = 'a.example'")
  t.equal(where({ name: '*.a.example' }), "ends_with(qname, '.a.example')")
  t.match(where({ name: 'a.example' }), "(qname = 'a.example' OR ends_with(")
  for (const wrong of [{ type: "A'" }, { verdict: 'x' }, { name: 'a..b' }, { sql: 'SELECT 1' }])
    t.notOk(lookup.safeParse(wrong).success)
})

t.test('pages of a search, and reports', async t => {
  const asked: unknown[] = []
  const rows = [{ time: 't', qname: 'a', verdict: 'blocked', app: null }, { qname: 'b' }]
  const command = answering((name, request) => {
    asked.push([name, request])
    return Promise.resolve(name === 'query' ? rows : { title: 'x' })
  })
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('r', ['read'])
  const page = await rig.send({ url: '/api/v1/lookups?limit=1', token })
  t.strictSame(page.json(), {
    offset: 0,
    more: true,
    items: [{ time: 't', qname: 'a', verdict: 'blocked' }]
  })
  const url = '/api/v1/reports/ban?id=video&since=7d&top=5&by=client'
  t.equal((await rig.send({ url, token })).statusCode, 200)
  t.strictSame(asked.at(-1), [
    'report',
    { question: 'ban', id: 'video', since: '7d', by: 'client', top: 5 }
  ])
  for (const wrong of ['ban?id=-o', 'other', 'daily?since=--output', 'overview?top=x', 'daily?x=1'])
    t.equal((await rig.send({ url: `/api/v1/reports/${wrong}`, token })).statusCode, 400, wrong)
})

t.test('each read of lookups is recorded: who, filter, rows', async t => {
  const command = answering(name =>
    Promise.resolve(
      name === 'query' ? [{ qname: 'a' }, { qname: 'b' }] : { tables: { app: [{}, {}], ban: [{}] } }
    )
  )
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('reader', ['read'])
  await rig.send({ url: '/api/v1/lookups?client=10.0.0.1&name=a.example', token })
  await rig.send({ url: '/api/v1/reports/overview?client=10.0.0.1', token })
  await rig.send({ url: '/api/v1/lookups?limit=x', token })
  await rig.send({ url: '/api/v1/lookups' })
  await rig.send({ url: '/api/v1/bans', token })
  const by = 'reader'
  const expected = [
    { by, subject: '/api/v1/lookups', filter: 'limit=x', rows: null, code: 'API_REQUEST' },
    { by, operation: 'getReport', filter: 'client=10.0.0.1', rows: 3, code: null },
    { by, operation: 'searchLookups', filter: 'client=10.0.0.1 name=a.example', rows: 2 }
  ]
  t.match(rig.reads.newest, expected)
  t.equal(rig.reads.newest.length, expected.length, 'nothing of bans, nor of strangers')
  t.equal(rig.log.with('lookups read').length, expected.length)
  t.strictSame(rig.changes.newest, [], 'the log of changes keeps its lines')
  t.equal((await rig.send({ url: '/api/v1/reads', token })).statusCode, 403)
  const policy = rig.token('auditor', ['policy'])
  const page = await rig.send({ url: '/api/v1/reads?limit=2', token: policy })
  t.match(page.json(), { items: expected.slice(0, 2) })
})

t.test('a read is recorded even if its rows cannot be counted', async t => {
  const rig = await apiRig(t, { services: { command: answering(() => Promise.resolve({})) } })
  const token = rig.token('reader', ['read'])
  const { statusCode } = await rig.send({ url: '/api/v1/reports/overview', token })
  t.equal(statusCode, 200)
  t.match(rig.reads.newest, [{ by: 'reader', operation: 'getReport', rows: null, code: null }])
  t.equal(rig.log.with('cannot count the rows of a response').length, 1)
})

t.test('clients and names of a replay and a forecast count as read', async t => {
  const top = (...rows: object[]) => ({ all: 9, top: rows })
  const replay = { blocked: { clients: top({}, {}), names: top({}) }, allowed: { names: top({}) } }
  const forecast = { blocked: { clients: 7, names: [{}, {}] }, refused: { clients: 0, names: [] } }
  const command = answering(name =>
    Promise.resolve(
      name === 'plan'
        ? { exitCode: 4, forecast: { known: true, changes: forecast } }
        : { ok: true, changes: name === 'replay' ? replay : {} }
    )
  )
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('reader', ['read'])
  const headers = { 'content-type': 'application/octet-stream' }
  const check = { method: 'POST', headers, payload: Buffer.from('b'), token } as const
  const url = '/api/v1/rules/candidate'
  t.equal((await rig.send({ ...check, url })).statusCode, 200)
  t.equal((await rig.send({ ...check, url: `${url}?replay=false` })).statusCode, 200)
  t.equal((await rig.send({ url: '/api/v1/rules/plan', token })).statusCode, 200)
  t.match(rig.reads.newest, [
    { by: 'reader', operation: 'planRules', rows: 2, code: null },
    { operation: 'checkCandidate', filter: 'replay=false', rows: 0 },
    { by: 'reader', operation: 'checkCandidate', filter: '', rows: 4, code: null }
  ])
})

t.test('a stream is recorded at its start, and with its rows at its end', async t => {
  const { rig, open } = await streaming(t)
  const response = await open(rig.token('r', ['read']), '?lines=5&network=staff')
  const all = gather(response)
  await eventually('a lookup', () => all.text.includes('old.example'))
  const entry = { by: 'r', operation: 'streamLookups', filter: 'lines=5 network=staff', code: null }
  t.match(rig.reads.newest, [{ ...entry, rows: null }])
  response.destroy()
  await eventually('its end', () => rig.reads.newest.length === 2)
  t.match(rig.reads.newest, [{ ...entry, rows: 1 }])
})

t.test('operations that are commands', async t => {
  const asked: unknown[] = []
  const command = answering((name, request) => {
    asked.push([name, request])
    return Promise.resolve({})
  })
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('o', ['operate', 'policy'])
  const post = (path: string, payload?: object) =>
    rig.send({ method: 'POST', url: `/api/v1${path}`, token, ...(payload && { payload }) })
  await post('/lists/ads/update')
  await post('/lists/ads/confirm')
  await post('/rules/rollback', { to: 7 })
  await post('/rules/rollback', {})
  t.strictSame(asked, [
    ['lists update', { ids: ['ads'] }],
    ['lists confirm', { id: 'ads' }],
    ['rollback', { to: 7, user: 'o' }],
    ['rollback', { user: 'o' }]
  ])
  t.equal((await post('/lists/-c/update')).statusCode, 400)
  t.equal((await post('/rules/rollback', { to: 0 })).statusCode, 400)
})
