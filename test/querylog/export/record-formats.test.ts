import t from 'tap'
import { dnstapFrame } from '../../../src/lookups/export/dnstap-frame.js'
import { formatRecord, toEcs, toOcsf } from '../../../src/lookups/export/record-formats.js'
import type { QueryRecord } from '../../../src/lookups/event/schema.js'
import { tableAfter } from '../../house/markdown.js'
import { line } from './sinks.js'

const record = JSON.parse(line(12)) as QueryRecord

t.test('ECS: the names in docs/reference/outputs.md', async t => {
  t.match(toEcs(record), {
    '@timestamp': record.time,
    event: { action: 'blocked', type: ['protocol', 'denied'], duration: 12_000 },
    client: { address: '10.20.3.4', ip: '10.20.3.4' },
    network: { name: 'federal-phones', transport: 'udp', protocol: 'dns' },
    dns: { question: { name: 'www.tiktok.com', type: 'AAAA' }, response_code: 'NXDOMAIN' },
    rule: { id: 'federal-phones/tiktok', reference: 'networks.yaml:14', category: 'tiktok' },
    interdict: record
  })
})

t.test('OCSF: the names in docs/reference/outputs.md', async t => {
  t.match(toOcsf(record), {
    ...{ class_uid: 4003, type_uid: 400302, time: Date.parse(record.time), action_id: 2 },
    src_endpoint: { ip: '10.20.3.4', zone: 'federal-phones' },
    query: { hostname: 'www.tiktok.com', type: 'AAAA' },
    ...{ rcode: 'NXDOMAIN', rcode_id: 3 },
    firewall_rule: { uid: 'federal-phones/tiktok', name: 'networks.yaml:14', type: 'tiktok' },
    unmapped: record
  })
})

t.test('DNS over TLS is over TCP; dnstap has a number for it', async t => {
  const dot = { ...record, protocol: 'dot' }
  t.match(toEcs(dot), { network: { transport: 'tcp' }, interdict: { protocol: 'dot' } })
  t.match(toOcsf(dot), { connection_info: { protocol_name: 'tcp' } })
  // SocketProtocol.DOT, after SocketFamily.INET and the address.
  t.match(Buffer.from(dnstapFrame(dot)).toString('hex'), '10012204' + '0a140304' + '1803')
})

t.test('the device of a client is in every form', async t => {
  const known = { ...record, device: 'phones/17' }
  t.match(toEcs(known), { device: { id: 'phones/17' }, client: { ip: '10.20.3.4' } })
  t.match(toOcsf(known), { src_endpoint: { uid: 'phones/17', ip: '10.20.3.4' } })
  t.match(formatRecord('sentence', known), /^phones\/17 asked for www\.tiktok\.com/)
  t.match(JSON.parse(formatRecord('interdict', known)), { device: 'phones/17' })
  // `extra`, which is field 3 of Dnstap.
  t.match(Buffer.from(dnstapFrame(known)).toString('latin1'), '\x1a\x09phones/17')
})

t.test('a pseudonym or prefix is not an address in either', async t => {
  const veiled = { ...record, client: '10.20.3.0/24' }
  t.strictSame((toEcs(veiled) as { client: object }).client, { address: '10.20.3.0/24' })
  t.match((toOcsf(veiled) as { src_endpoint: object }).src_endpoint, { name: '10.20.3.0/24' })
})

t.test('the table only lists existing names', async t => {
  const has = (value: object, path: string): boolean =>
    path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], value) !==
    undefined
  const forms = [toEcs(record), toOcsf(record)] as const
  for (const [, ...cells] of tableAfter('docs/reference/outputs.md', '## Names in ECS and OCSF')) {
    cells.forEach((cell, i) => {
      // What begins with a dot is beside the one before.
      const paths = [...cell.matchAll(/`([@a-z_][\w.]*)`/g)].map(([, path]) => path!)
      t.ok(paths.length > 0, cell)
      for (const path of paths) t.ok(has(forms[i]!, path), path)
    })
  }
})

t.test('a record without a client reveals no client', async t => {
  const { client, ...rest } = record
  const nobody = rest as QueryRecord
  t.notOk(Object.hasOwn(toEcs(nobody), 'client'))
  t.strictSame((toOcsf(nobody) as { src_endpoint: object }).src_endpoint, {
    zone: 'federal-phones'
  })
  const texts = (['sentence', 'ecs', 'ocsf', 'interdict'] as const).map(form =>
    formatRecord(form, nobody)
  )
  for (const text of [...texts, Buffer.from(dnstapFrame(nobody)).toString('latin1')])
    t.notMatch(text, client)
})
