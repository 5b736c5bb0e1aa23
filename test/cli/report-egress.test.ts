import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { encodeHistoryLine } from '../../src/lookups/bindings/history-line.js'
import {
  encodeFindingLine,
  type EgressFinding,
  type FindingLine
} from '../../src/lookups/egress/egress-finding.js'
import { lines, record } from '../querylog/archive/lines.js'
import { interdict } from './run.js'

const at = (text: string): number => Date.parse(`2026-11-12T${text}Z`)
const VIDEO: EgressFinding = {
  ...{ kind: 'banned', network: 'phones', client: '10.20.3.4', destination: '203.0.113.9' },
  ...{ port: 443, protocol: 'tcp', apps: ['tiktok'], names: ['api.tiktok.com'] },
  ...{ first: at('14:00:00'), last: at('14:01:00'), connections: 3, octets: 1300 }
}
const RESOLVER: EgressFinding = {
  ...{ kind: 'resolver', network: 'phones', client: '10.20.3.5', destination: '8.8.8.8' },
  ...{ port: 53, protocol: 'udp', apps: [], names: [], connections: 1, octets: null },
  ...{ first: at('14:02:00'), last: at('14:02:00') }
}
const NET = { kind: 'banned', port: 443, first: at('14:02:30'), last: at('14:03:30') } as const
const found = (finding: EgressFinding): FindingLine => ({
  ...{ event: 'finding', time: finding.last, finding }
})
const FINDINGS: readonly FindingLine[] = [
  { event: 'start', time: at('13:00:00') },
  found(VIDEO),
  found(RESOLVER),
  found({ ...VIDEO, connections: 4, octets: 700, last: at('14:03:00') }),
  { event: 'lost', time: at('14:04:00'), count: 12 }
]
const OTHERS: readonly FindingLine[] = [
  found({ ...RESOLVER, ...NET, client: '10.20.3.6', destination: '198.51.100.7' }),
  found({ ...RESOLVER, ...NET, client: '10.20.3.7', names: ['www.site.example'] })
]
const laptop = {
  ...{ address: '10.20.3.4', source: 'kea', mac: '02:00:5e:10:00:07', host: 'laptop' },
  ...{ user: 'anna', from: at('13:30:00'), until: at('15:00:00') }
}
const BINDINGS = [
  encodeHistoryLine({ kind: 'start', time: at('13:00:00') }),
  encodeHistoryLine({ kind: 'up', time: at('13:00:00'), source: 'kea' }),
  encodeHistoryLine({ kind: 'begin', time: at('13:30:00'), binding: laptop }),
  encodeHistoryLine({ kind: 'stop', time: at('14:30:00') })
]
const NETWORKS = [
  'networks:',
  '  phones:',
  '    prefixes: [10.20.0.0/16]',
  '    egress: observe',
  '    bans:',
  '      - { id: no-video, apps: [tiktok], authority: City, reference: Decision 1 }',
  '      - { id: no-net, addresses: [198.51.100.0/24], names: [site.example], authority: City, reference: Decision 2 }',
  '  guests: { prefixes: [10.30.0.0/16] }'
]

const lookup = (time: string, more: Parameters<typeof record>[1] = {}) =>
  record(`2026-11-12T${time}.000Z`, { ban: 'no-video', ...more })
const RESOLVER_LOOKUP = { qname: 'dns.google', app: 'encrypted-dns', ban: 'no-bypass' }
const LOOKUPS = [
  lookup('13:50:00'),
  lookup('14:00:00'),
  lookup('14:01:00', RESOLVER_LOOKUP),
  lookup('14:02:00', { verdict: 'allowed' }),
  lookup('14:03:00', { client: '10.20.3.9', ...RESOLVER_LOOKUP })
]

function site(t: Test, findings = FINDINGS.map(encodeFindingLine)): readonly string[] {
  const folder = t.testdir({
    'interdict.yaml': [
      'listen: [127.0.0.1:5300]',
      'upstreams: { servers: [192.0.2.53] }',
      'rules: rules',
      'log: { queries: { file: log/queries.jsonl } }'
    ].join('\n'),
    rules: {
      'networks.yaml': NETWORKS.join('\n'),
      apps: { 'tiktok.yaml': 'app: tiktok\ntitle: TikTok\nnames: [tiktok.com]\n' }
    },
    log: {
      'queries.jsonl': lines(...LOOKUPS),
      'egress.jsonl': `${findings.join('\n')}\n`,
      'bindings.jsonl': `${BINDINGS.join('\n')}\n`
    }
  })
  return ['-c', join(folder, 'interdict.yaml')]
}

const report = (settings: readonly string[], ...words: string[]) =>
  interdict('report', 'egress', ...settings, ...words)

interface Printed {
  readonly facts: Readonly<Record<string, string>>
  readonly tables: Readonly<Record<string, readonly Record<string, unknown>[]>>
  readonly remarks: readonly string[]
}

t.test('names device, user and proof', async t => {
  const { code, out, err } = await report(site(t), '--json')
  t.equal(code, 0, err)
  const { tables, remarks, facts } = JSON.parse(out) as Printed
  const [anna, other] = tables['egress-clients']!
  t.match(anna, {
    ...{ client: '10.20.3.4', network: 'phones', device: 'laptop', user: 'anna' },
    ...{ reasons: 'banned address', apps: 'tiktok', destinations: 1, connections: 7 },
    blockedLookups: 3,
    ...{ octets: 2000, first: /^2026-11-12T14:00/, last: /^2026-11-12T14:03/ }
  })
  t.match(other, { client: '10.20.3.5', device: null, user: null, octets: null, blockedLookups: 0 })
  t.match(tables['egress-connections'], [
    { destination: '203.0.113.9', port: '443/tcp', names: 'api.tiktok.com', connections: 7 },
    { destination: '8.8.8.8', port: '53/udp', reason: 'other resolver' }
  ])
  t.match(facts, { 'Query log': /not verified: log.queries.chain is not set/ })
  t.match(remarks.join('\n'), /12 or more connections were not judged/)
})

t.test('counts blocked lookups of the same ban and period', async t => {
  const settings = site(t)
  const counts = async (...words: string[]): Promise<unknown> => {
    const { code, out, err } = await report(settings, '--json', ...words)
    t.equal(code, 0, err)
    return (JSON.parse(out) as Printed).tables['egress-clients']![0]?.blockedLookups
  }
  t.equal(await counts('--ban', 'no-video'), 2)
  t.equal(await counts('--ban', 'no-video', '--since', '2026-11-12T13:55:00Z'), 1)
})

t.test('report bypass names device, user and connections of clients', async t => {
  const { code, out, err } = await interdict('report', 'bypass', ...site(t), '--json')
  t.equal(code, 0, err)
  t.match((JSON.parse(out) as Printed).tables.clients, [
    { client: '10.20.3.4', device: 'laptop', user: 'anna', lookups: 1, connections: 7 },
    { client: '10.20.3.9', device: null, user: null, lookups: 1, connections: 0 }
  ])
  const { out: text } = await interdict('report', 'bypass', ...site(t))
  t.match(text, /device +user .*connections/)
  const { out: none } = await interdict(
    'report',
    'bypass',
    ...site(t),
    '--until',
    '2026-11-12T13:55:00Z'
  )
  t.notMatch(none, /device +user/)
})

t.test('selects by ban, app, network, client and time', async t => {
  const settings = site(t, [...FINDINGS, ...OTHERS].map(encodeFindingLine))
  const clients = async (...words: string[]): Promise<unknown[]> => {
    const { code, out, err } = await report(settings, '--json', ...words)
    t.equal(code, 0, err)
    return (JSON.parse(out) as Printed).tables['egress-clients']!.map(({ client }) => client)
  }
  t.same(await clients('--ban', 'no-video'), ['10.20.3.4'])
  t.same(await clients('--ban', 'no-net'), ['10.20.3.6', '10.20.3.7'])
  t.same(await clients('--app', 'tiktok', '--network', 'guests'), [])
  t.same(await clients('--client', '::ffff:10.20.3.5', '--network', 'phones'), ['10.20.3.5'])
  t.same(await clients('--since', '2026-11-12T14:02:00Z', '--until', '2026-11-12T14:03:00Z'), [
    '10.20.3.5'
  ])
})

t.test('prints text, and writes a page', async t => {
  const settings = site(t)
  const { out } = await report(settings, '--ban', 'no-video')
  t.match(out, /Who bypassed no-video by address/)
  t.match(out, /anna/)
  const page = join(dirname(settings[1]!), 'egress.html')
  t.equal((await report(settings, '-o', page)).code, 0)
  t.match(readFileSync(page, 'utf8'), /Bypass by address.*laptop.*anna/s)
})

t.test('says that nothing was observed, and what cannot be read', async t => {
  const folder = t.testdir({ 'queries.jsonl': '' })
  const { code, out } = await interdict('report', 'egress', '--log', folder)
  t.equal(code, 0)
  t.match(out, /have not been observed/)
  const { out: unknown } = await report(site(t, [encodeFindingLine(found(VIDEO))]))
  t.match(unknown, /not known for how long connections were observed/)
  t.notMatch(unknown, /have not been observed/)
  const { out: damaged } = await report(site(t, ['{']))
  t.match(damaged, /1 lines? of the findings cannot be read/)
})

t.test('refuses bans that are not in the rules, and filters that do not apply', async t => {
  const settings = site(t)
  t.match(await report(settings, '--ban', 'no-vidoe'), { code: 1, err: /did you mean/i })
  t.match(await report(settings, '--name', 'example.com'), { code: 2, err: /--name/ })
  t.match(await interdict('report', 'egress', 'extra', ...settings), { code: 2 })
})
