import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { RemoteList } from '../../../src/policy/rules/lists/remote-list.js'
import { BootstrapResolver } from '../../../src/sources/http/bootstrap-resolver.js'
import { ListCopies } from '../../../src/sources/http/list-copies.js'
import { updateList } from '../../../src/sources/http/update-list.js'
import { MispStandIn, type StoredAttribute } from './misp-stand-in.js'
import { CERTIFICATE, ListServer, upstream } from './rig.js'

const PATH = '/attributes/restSearch'
const KEY = 'YOUR_API_KEY'
const DAY = 86_400_000

async function rig(t: Test) {
  const misp = new MispStandIn(KEY)
  const server = await ListServer.open(t)
  server.on(PATH, misp.listener)
  const { endpoint } = await upstream(t)
  const bootstrap = BootstrapResolver.open({ servers: [endpoint], domains: [] })
  t.teardown(() => bootstrap.close())
  const folder = t.testdir({ key: `Authorization: ${KEY}\n` })
  const copies = new ListCopies(join(folder, 'lists'))
  const list: RemoteList = {
    ...{ id: 'misp', url: server.url(PATH), refresh: 60_000, isMisp: true, format: 'feed' },
    ...{ sha256: undefined, signer: undefined, maxSize: 10_000_000, maxShrink: 100 },
    ...{ mayBeEmpty: true, hasCopy: false }
  }
  const update = () =>
    updateList(list, {
      ...{ copies, lookup: bootstrap.lookup, caFile: CERTIFICATE, timeout: 10_000 },
      ...{ headerFiles: { [new URL(list.url).host]: join(folder, 'key') } },
      ...{ clients: new Map(), now: () => misp.now }
    })
  const copy = (): readonly { event: string; value: string }[] =>
    readFileSync(join(folder, 'lists/misp'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { event: string; value: string })
  const values = (): readonly string[] => copy().map(({ value }) => value)
  return { misp, server, folder, copies, update, copy, values }
}

const at = (seconds: number): number => Date.UTC(2026, 11, 1) / 1000 + seconds

function attribute(
  event: number,
  type: string,
  value: string,
  more: Partial<StoredAttribute> = {}
): StoredAttribute {
  return {
    ...{ event_id: String(event), type, value, to_ids: true, deleted: false },
    ...{ timestamp: String(at(0)), first_seen: null, last_seen: null, published: at(0) },
    ...more
  }
}

t.test('attributes become indicators', async t => {
  const { misp, update, copy } = await rig(t)
  misp.attributes = [
    attribute(1, 'domain', 'Evil.example', {
      first_seen: '2026-11-01T00:00:00.000000+00:00',
      last_seen: '2026-11-20T08:00:00.000000+00:00',
      Tag: [
        { name: 'tlp:green' },
        { name: 'tlp:red' },
        { name: 'misp:confidence-level="usually-confident"' }
      ]
    }),
    attribute(1, 'hostname', 'host.example'),
    attribute(1, 'domain|ip', 'both.example|192.0.2.1'),
    attribute(2, 'ip-dst', '192.0.2.7'),
    attribute(2, 'ip-dst|port', '2001:db8::1|443'),
    attribute(2, 'url', 'https://site.example/'),
    attribute(2, 'md5', 'd41d8cd98f00b204e9800998ecf8427e'),
    attribute(2, 'domain', 'context.example', { to_ids: false }),
    attribute(2, 'domain', 'deleted.example', { deleted: true }),
    attribute(2, 'domain', 'example.com', { isWarned: true }),
    attribute(3, 'domain', 'draft.example', { published: undefined })
  ]
  t.match(await update(), { kind: 'taken', entries: 6 })
  const seen = '2026-12-01T00:00:00.000Z'
  t.strictSame(copy(), [
    {
      ...{ event: '1', value: 'Evil.example', type: 'domain' },
      first_seen: '2026-11-01T00:00:00.000000+00:00',
      last_seen: '2026-11-20T08:00:00.000000+00:00',
      ...{ confidence: 75, tlp: 'red' }
    },
    { event: '1', value: 'host.example', type: 'hostname', last_seen: seen },
    { event: '1', value: 'both.example', type: 'domain', last_seen: seen },
    { event: '2', value: '192.0.2.7', type: 'address', last_seen: seen },
    { event: '2', value: '2001:db8::1', type: 'address', last_seen: seen },
    { event: '2', value: 'https://site.example/', type: 'url', last_seen: seen }
  ])
})

t.test('only events that were published since are requested, and replaced as a whole', async t => {
  const { misp, update, values } = await rig(t)
  misp.attributes = [
    attribute(1, 'domain', 'a.example'),
    attribute(1, 'domain', 'b.example'),
    attribute(2, 'domain', 'c.example'),
    attribute(3, 'domain', 'd.example')
  ]
  await update()
  misp.now += 3_600_000
  const published = misp.now / 1000 - 10
  misp.attributes = [
    attribute(1, 'domain', 'b.example', { published }),
    attribute(1, 'domain', 'new.example', { published }),
    attribute(2, 'domain', 'c.example'),
    attribute(3, 'domain', 'd.example', { published, to_ids: false }),
    attribute(4, 'domain', 'e.example', { published })
  ]
  t.match(await update(), { kind: 'taken' })
  t.strictSame(values(), ['c.example', 'b.example', 'new.example', 'e.example'])
  const [first] = misp.searches.slice(-2)
  t.equal(first?.publish_timestamp, at(12 * 3600 - 60), 'by the clock of MISP, with an overlap')
  const before = misp.searches.length
  misp.now += 60_000
  misp.attributes = misp.attributes.map(one => ({ ...one, published: at(0) }))
  t.match(await update(), { kind: 'unchanged' })
  t.equal(misp.searches.length, before + 1, 'a single request if nothing has changed')
})

t.test('everything is requested once a day, as MISP does not tell of what was deleted', async t => {
  const { misp, update, values } = await rig(t)
  misp.attributes = [attribute(1, 'domain', 'a.example'), attribute(2, 'domain', 'b.example')]
  await update()
  misp.attributes = [attribute(2, 'domain', 'b.example')]
  misp.now += 60_000
  await update()
  t.strictSame(values(), ['a.example', 'b.example'])
  misp.now += DAY
  await update()
  await update()
  t.strictSame(values(), ['b.example'])
})

t.test('pages', async t => {
  const { misp, update } = await rig(t)
  misp.attributes = Array.from({ length: 10_001 }, (_, i) =>
    attribute(i % 7, 'domain', `n${i}.example`, { isWarned: i % 2 === 0 })
  )
  t.match(await update(), { kind: 'taken', entries: 5000 })
  t.strictSame(
    misp.searches.map(({ page, limit }) => [page, limit]),
    [1, 2, 3].map(page => [page, 10_000])
  )
})

t.test('failures: the previous copy stays', async t => {
  const { misp, server, folder, update, values } = await rig(t)
  misp.attributes = [attribute(1, 'domain', 'a.example')]
  await update()
  writeFileSync(join(folder, 'key'), 'Authorization: other\n')
  t.match(await update(), { kind: 'failed', trouble: { code: 'REMOTE_STATUS', message: '403' } })
  writeFileSync(join(folder, 'key'), `Authorization: ${KEY}\n`)
  for (const answer of ['<html>', '{}', '{"response":{"Attribute":[{"value":1}]}}', 'null']) {
    server.on(PATH, answer)
    t.match(await update(), { kind: 'failed', trouble: { code: 'REMOTE_MISP' } }, answer)
  }
  t.strictSame(values(), ['a.example'])
})
