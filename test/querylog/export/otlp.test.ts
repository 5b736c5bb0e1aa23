import { readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import t, { type Test } from 'tap'
import { packageVersion } from '../../../src/base/package.js'
import { RetryLater } from '../../../src/lookups/export/output-connection.js'
import { openOtlp } from '../../../src/lookups/export/otlp-http.js'
import { eventually, Site } from '../../daemon/site.js'
import { Collector, type Answer } from './collector.js'
import { CERTIFICATE, line, openOutlet, output, push, upTo, type Given } from './sinks.js'

const urlOf = ({ port }: Collector, kind: 'http' | 'https' = 'http') =>
  ({ kind, port, path: '/v1/logs' }) as const

function open(t: Test, collector: Collector, given: Given = {}) {
  return openOutlet(t, { type: 'otlp', to: urlOf(collector), ...given })
}

const numbersIn = ({ records }: Collector): unknown[] =>
  records.map(({ attributes }) => attributes['interdict.us'])

t.test('a lookup is a log record named by the semantic conventions', async t => {
  const collector = await new Collector(t).listen()
  const { outlet } = open(t, collector, { format: 'sentence' })
  push(outlet, 12, 13, { device: 'phones/17' })
  await eventually('a record', () => collector.records.length === 1)
  t.strictSame(collector.records, [
    {
      time: '2023-03-13T09:26:53.589Z',
      severity: '10 NOTICE',
      event: 'interdict.lookup',
      body: 'phones/17 asked for www.tiktok.com AAAA: blocked by federal-phones/tiktok (networks.yaml:14), app tiktok',
      attributes: {
        'network.protocol.name': 'dns',
        'network.transport': 'udp',
        'interdict.protocol': 'udp',
        'client.address': '10.20.3.4',
        'device.id': 'phones/17',
        'dns.question.name': 'www.tiktok.com',
        'interdict.generation': 7,
        'interdict.network': 'federal-phones',
        'interdict.qtype': 'AAAA',
        'interdict.rcode': 'NXDOMAIN',
        'interdict.verdict': 'blocked',
        'interdict.match': 'qname',
        'interdict.app': 'tiktok',
        'interdict.ban': 'federal-phones/tiktok',
        'interdict.rule': 'networks.yaml:14',
        'interdict.pattern': 'tiktok.com',
        'interdict.source': 'apps/tiktok.yaml:9',
        'interdict.us': 12,
        'interdict.ede': 16
      },
      resource: {
        'service.name': 'interdict',
        'service.version': packageVersion(),
        'host.name': hostname()
      },
      scope: 'interdict.query 1'
    }
  ])
  t.match(collector.requests, [
    { method: 'POST', url: '/v1/logs', headers: { 'content-type': 'application/json' } }
  ])
  await eventually('it counts', () => outlet.counts().sent === 1)
  t.match(outlet.counts(), { sent: 1, dropped: 0, waitingOctets: 0, connected: true })
})

t.test('severities, and the record as the body', async t => {
  const collector = await new Collector(t).listen()
  const { outlet } = open(t, collector)
  for (const verdict of ['monitored', 'failed', 'cached']) push(outlet, 0, 1, { verdict })
  await eventually('three', () => collector.records.length === 3)
  t.strictSame(
    collector.records.map(({ severity }) => severity),
    ['10 NOTICE', '13 WARN', '9 INFO']
  )
  t.equal(collector.records[2]!.body, line(0, { verdict: 'cached' }))
})

t.test('only blocked lookups if configured; a block without any is not sent', async t => {
  const collector = await new Collector(t).listen()
  const { outlet } = open(t, collector, { which: 'blocked' })
  push(outlet, 0, 3, { verdict: 'cached' })
  push(outlet, 3, 4)
  await eventually('one', () => collector.records.length === 1)
  t.strictSame(numbersIn(collector), [3])
  t.equal(collector.requests.length, 1)
})

t.test('a receiver that was down gets everything, in order', async t => {
  const gone = await new Collector(t).listen()
  const { port } = gone
  await gone.close()
  const { outlet, log, site } = openOutlet(t, {
    ...{ type: 'otlp', to: { kind: 'http', port, path: '/v1/logs' } }
  })
  for (let i = 0; i < 100; i++) push(outlet, i * 100, (i + 1) * 100)
  await eventually('it is reported', () => log.told.length > 0)
  t.ok(readdirSync(site.path('spool')).length > 5, 'most of it is on the disk')
  const collector = await new Collector(t).listen(port)
  await eventually('all', () => collector.records.length >= 10_000)
  t.strictSame(numbersIn(collector), upTo(10_000))
  await eventually('nothing waits', () => outlet.counts().waitingOctets === 0)
  t.strictSame(readdirSync(site.path('spool')), [])
  t.match(outlet.counts(), { sent: 10_000, dropped: 0 })
  t.strictSame(
    log.told.map(({ code }) => code),
    ['OUTPUT_DOWN', undefined]
  )
})

for (const status of [429, 502, 503, 504]) {
  t.test(`status ${status} is retried without loss`, async t => {
    const collector = await new Collector(t).listen()
    collector.answers = [{ status, headers: { 'retry-after': '0' } }, { status: 200 }]
    const { outlet, log } = open(t, collector)
    push(outlet, 0, 2)
    await eventually('both', () => collector.records.length === 2)
    t.strictSame(numbersIn(collector), [0, 1])
    await eventually('it counts', () => outlet.counts().sent === 2)
    t.match(outlet.counts(), { sent: 2, dropped: 0, errors: 1 })
    t.match(log.told, [{ code: 'OUTPUT_DOWN' }, { code: undefined }])
  })
}

t.test('a rejected request is counted and not retried; the next one is sent', async t => {
  const collector = await new Collector(t).listen()
  const body = '{"code":3,"message":"bad data"}'
  collector.answers = [{ status: 400, body }, { status: 200 }]
  const { outlet, log } = open(t, collector)
  push(outlet, 0, 2)
  await eventually('two', () => outlet.counts().dropped === 2)
  push(outlet, 2, 3)
  await eventually('one', () => collector.records.length === 1)
  t.strictSame(numbersIn(collector), [2])
  await eventually('it counts', () => outlet.counts().sent === 1)
  t.match(outlet.counts(), { sent: 1, dropped: 2, errors: 0, waitingOctets: 0 })
  t.match(log.told, [{ code: 'OUTPUT_REFUSED' }])
})

t.test('a partially accepted request is counted as such', async t => {
  const collector = await new Collector(t).listen()
  const body = '{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}'
  collector.answers = [{ status: 200, body }, { status: 200 }]
  const { outlet, log } = open(t, collector)
  push(outlet, 0, 3)
  await eventually('three', () => outlet.counts().dropped === 1)
  t.match(outlet.counts(), { sent: 2, dropped: 1, errors: 0 })
  t.match(log.told, [{ code: 'OUTPUT_REFUSED' }])
})

t.test('waits as long as Retry-After says', async t => {
  const collector = await new Collector(t).listen()
  const connection = openOtlp(output(new Site(t, {}), { type: 'otlp', to: urlOf(collector) }))
  t.teardown(() => connection.close())
  const waits = async (answer: Answer): Promise<number> => {
    collector.answers = [answer]
    const error: unknown = await connection.send([Buffer.from('{}')]).catch((e: unknown) => e)
    return error instanceof RetryLater ? error.after : NaN
  }
  const later = (after: string): Answer => ({ status: 503, headers: { 'retry-after': after } })
  t.equal(await waits({ status: 503 }), 0)
  t.equal(await waits(later('7')), 7000)
  t.equal(await waits(later('86400')), 600_000, 'ten minutes at most')
  t.equal(await waits(later('soon')), 0)
  const date = await waits(later(new Date(Date.now() + 300_000).toUTCString()))
  t.ok(date > 0 && date <= 300_000)
  t.ok(Number.isNaN(await waits({ status: 302, headers: { location: '/' } })), 'not followed')
})

t.test('HTTPS, with headers from a file, and a verified certificate', async t => {
  const collector = await new Collector(t, true).listen()
  const site = new Site(t, {})
  writeFileSync(
    site.path('headers'),
    'Authorization: Bearer abc:def\n\nX-Scope-OrgID:  one \r\nno\n'
  )
  const given = {
    type: 'otlp',
    to: urlOf(collector, 'https'),
    headers: site.path('headers')
  } as const
  const good = openOutlet(t, { ...given, tls: { ca: CERTIFICATE } }, site)
  push(good.outlet, 0, 1)
  await eventually('one', () => collector.records.length === 1)
  t.match(collector.requests, [
    { headers: { authorization: 'Bearer abc:def', 'x-scope-orgid': 'one' } }
  ])
  const bad = openOutlet(t, { ...given, tls: { ca: CERTIFICATE, serverName: 'other.example' } })
  push(bad.outlet, 1, 2)
  await eventually('it is reported', () => bad.log.told.some(({ code }) => code === 'OUTPUT_DOWN'))
  t.strictSame(numbersIn(collector), [0])
})

t.test('gzip, also for retries', async t => {
  const collector = await new Collector(t).listen()
  collector.answers = [{ status: 503, headers: { 'retry-after': '0' } }, { status: 200 }]
  const { outlet } = open(t, collector, { compression: 'gzip' })
  push(outlet, 0, 100)
  await eventually('all', () => collector.records.length === 100)
  t.strictSame(numbersIn(collector), upTo(100))
  t.ok(collector.requests.length > 1)
  for (const { headers, octets } of collector.requests) {
    t.match(headers, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    const [sent, unpacked] = octets
    t.ok(sent < unpacked / 2, `${sent} octets for ${unpacked}`)
  }
})

t.test('uncompressed by default', async t => {
  const collector = await new Collector(t).listen()
  const { outlet } = open(t, collector)
  push(outlet, 0, 1)
  await eventually('one', () => collector.records.length === 1)
  t.notOk('content-encoding' in collector.requests[0]!.headers)
})

t.test('missing header file: the output is down, and nothing is lost', async t => {
  const collector = await new Collector(t).listen()
  const { outlet, log, site } = open(t, collector, { headers: '/nowhere/headers' })
  push(outlet, 0, 1)
  await eventually('it is reported', () => log.told.some(({ code }) => code === 'OUTPUT_DOWN'))
  await outlet.close()
  t.equal(readdirSync(site.path('spool')).length, 1)
  t.strictSame(collector.requests, [])
})

t.test('a connection closed while idle is not a failure', async t => {
  const collector = await new Collector(t).listen()
  collector.impatient = true
  const { outlet, log } = open(t, collector)
  for (const number of upTo(3)) {
    push(outlet, number, number + 1)
    await eventually('it is sent', () => outlet.counts().sent === number + 1)
  }
  t.strictSame(numbersIn(collector), upTo(3))
  t.match(outlet.counts(), { errors: 0 })
  t.strictSame(log.told, [])
})

t.test('a request on a broken connection is sent again', async t => {
  const collector = await new Collector(t).listen()
  const { outlet } = open(t, collector)
  push(outlet, 0, 1)
  await eventually('one', () => outlet.counts().sent === 1)
  const { port } = collector
  await collector.close()
  push(outlet, 1, 2)
  await eventually('it is down', () => outlet.counts().errors > 0)
  const again = await new Collector(t).listen(port)
  await eventually('the other', () => again.records.length === 1)
  t.strictSame(numbersIn(again), [1])
})
