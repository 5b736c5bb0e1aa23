import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import t, { type Test } from 'tap'
import { CERTIFICATE, ListServer, upstream } from '../sources/http/rig.js'
import { banned } from './banned.js'
import { Rig, type Setting } from './serve.js'
import { eventually } from './site.js'

const rules = (url: string, more = ''): string => `networks:
  all:
    prefixes: [127.0.0.0/8]
    block: [banned.example, { lists: [ads] }]
lists:
  ads: { url: '${url}'${more} }
`

/** A gateway whose rules have a list at this URL. */
async function rig(t: Test, url: string, more = ''): Promise<Rig> {
  const setting: Setting = {
    upstream: (await upstream(t)).endpoint,
    more: `remote-lists: { ca-file: '${resolve(CERTIFICATE)}', timeout: 8s }`,
    files: { 'rules/networks.yaml': rules(url, more) }
  }
  return new Rig(t, setting)
}

t.test('a first start downloads its lists before it serves', async t => {
  const server = await ListServer.open(t)
  server.on('/ads.txt', 'one.example\n')
  // Its own ban on the name of the server does not stand in the way.
  const one = await rig(t, server.url('/ads.txt', 'banned.example'))
  t.strictSame(await one.gateway.start(), [])
  t.ok(await banned(one, 'one.example'))
  t.ok(await banned(one, 'banned.example'))
  t.equal(one.log.with('without a copy').length, 1)
  t.equal(server.times('/ads.txt'), 1)
  t.ok(one.site.has('state/lists/ads'))
})

t.test('a start without a copy, and without a server: it serves, and logs an error', async t => {
  const server = await ListServer.open(t)
  const one = await rig(t, server.url('/ads.txt'))
  t.strictSame(await one.gateway.start(), [])
  t.ok(await banned(one, 'banned.example'), 'all other rules are active')
  t.notOk(await banned(one, 'one.example'))
  await one.log.says('rules on it match no names')
  t.ok(one.log.lines.some(({ fields }) => fields.code === 'REMOTE_STATUS'))
  t.ok(one.log.lines.some(({ fields }) => fields.code === 'RULES_LIST_ABSENT'))
})

t.test('a restart uses the copy at once, and does not refresh it before it is due', async t => {
  const server = await ListServer.open(t)
  server.on('/ads.txt', 'one.example\n')
  const one = await rig(t, server.url('/ads.txt'))
  await one.gateway.start()
  await one.gateway.abort()
  const files = {
    'rules/networks.yaml': rules(server.url('/ads.txt')),
    'state/lists/ads': one.site.read('state/lists/ads'),
    'state/lists/ads.json': one.site.read('state/lists/ads.json')
  }
  const other = new Rig(t, { files })
  await other.gateway.start()
  t.ok(await banned(other, 'one.example'))
  t.equal(server.times('/ads.txt'), 1)
})

t.test('a newer list replaces the one in force', async t => {
  const server = await ListServer.open(t)
  server.on('/ads.txt', 'one.example\n')
  const one = await rig(t, server.url('/ads.txt'))
  await one.gateway.start()
  // Its record is of long ago: so it is due as soon as the rules are read again.
  const record = JSON.parse(one.site.read('state/lists/ads.json')) as Record<string, unknown>
  one.site.write('state/lists/ads.json', JSON.stringify({ ...record, tried: '2020-01-01' }))
  server.on('/ads.txt', 'one.example\ntwo.example\n')
  await one.gateway.reload('SIGHUP')
  await eventually('the newer list', () => banned(one, 'two.example'))
  t.match(await one.log.says('list refreshed', 2), { fields: { entries: 2 } })
})

t.test('a bad list while running leaves its copy active', async t => {
  const server = await ListServer.open(t)
  server.on('/ads.txt', 'one.example\n')
  const one = await rig(t, server.url('/ads.txt'))
  await one.gateway.start()
  const record = JSON.parse(one.site.read('state/lists/ads.json')) as Record<string, unknown>
  one.site.write('state/lists/ads.json', JSON.stringify({ ...record, tried: '2020-01-01' }))
  server.on('/ads.txt', '<html>sign in</html>')
  await one.gateway.reload('SIGHUP')
  const line = await one.log.says('the previous copy remains active')
  t.equal(line.fields.code, 'RULES_LIST_REFUSED')
  t.ok(await banned(one, 'one.example'))
})

t.test('a list over http with its checksum', async t => {
  const server = await ListServer.open(t, 'http')
  server.on('/ads.txt', 'one.example\n')
  const sum = createHash('sha256').update('one.example\n').digest('hex')
  const one = await rig(t, server.url('/ads.txt'), `, sha256: ${sum}`)
  t.strictSame(await one.gateway.start(), [])
  t.ok(await banned(one, 'one.example'))
})

t.test('a fetcher that dies is logged, and the gateway continues', async t => {
  const server = await ListServer.open(t)
  server.on('/ads.txt', () => undefined)
  const one = await rig(t, server.url('/ads.txt'))
  const started = one.gateway.start()
  await eventually('that it is asked', () => server.times('/ads.txt') === 1)
  await one.threads.kill('fetcher')
  t.strictSame(await started, [])
  t.ok(await banned(one, 'banned.example'))
  await one.log.says('list fetcher died')
})
