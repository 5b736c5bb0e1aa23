import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FindingMutes, muteOf } from '../../src/admin/audit/finding-mutes.js'
import { newDomainsSql, reachSql, readNewDomains } from '../../src/analysis/explore/new-domains.js'
import { domainSql, suffixesSql } from '../../src/analysis/report/questions/registrable-sql.js'
import {
  entropyOf,
  readTunnels,
  tunnelSql,
  type TunnelFinding
} from '../../src/analysis/explore/tunnel-findings.js'
import { registrableDomain } from '../../src/policy/rules/apps/public-suffix.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { apiRig } from '../daemon/api/rig.js'
import { answering } from '../daemon/api/services.js'
import { logFolder } from '../querylog/archive/lines.js'
import { ordinary } from './ordinary-names.js'
import { dns2tcp, dnscat2, iodine, type TunnelOptions, type TunnelQuery } from './tunnel-names.js'

const START = Date.UTC(2026, 10, 10)
const DAY = 86_400_000
const PERIOD = { since: START, until: START + DAY }

interface Query {
  readonly at: number
  readonly client: string
  readonly qname: string
  readonly qtype: string
}

const lookup = ({ at, client, qname, qtype }: Query, more: object = {}): object => ({
  ...{ v: 1, time: new Date(START + at).toISOString(), generation: 1, client, network: 'office' },
  ...{ protocol: 'udp', qname, qtype, rcode: 'NOERROR', verdict: 'forwarded', us: 900, ...more }
})

async function log(t: Test, records: readonly object[]) {
  const text = records.map(one => `${JSON.stringify(one)}\n`).join('')
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  await database.openLog(logFolder(t, { 'queries.jsonl': text }), 'sealed')
  const select = async (sql: string) =>
    JSON.parse(JSON.stringify(await database.rows(sql))) as Record<string, unknown>[]
  const domain = async (): Promise<string> =>
    domainSql((await select(suffixesSql('true'))).map(({ suffix }) => String(suffix)))
  return { select, domain }
}

const MAKERS: Readonly<Record<string, (options: TunnelOptions) => TunnelQuery[]>> = {
  iodine,
  dnscat2,
  dns2tcp
}
const IDLE = { seconds: 1200, rate: 0 }
const TUNNELS: readonly (readonly [tool: string, options: Omit<TunnelOptions, 'domain'>])[] = [
  ['iodine', { qtypes: ['NULL'], ...IDLE }],
  ['iodine', { qtypes: ['NULL'], seconds: 120, rate: 2_000 }],
  ['iodine', { qtypes: ['TYPE65399'], seconds: 120, rate: 1_000 }],
  ['iodine', { qtypes: ['TXT'], seconds: 120, rate: 500 }],
  ['iodine', { qtypes: ['CNAME'], seconds: 120, rate: 500 }],
  ['iodine', { qtypes: ['A'], seconds: 120, rate: 500 }],
  ['dnscat2', { qtypes: ['TXT', 'CNAME', 'MX'], ...IDLE }],
  ['dnscat2', { qtypes: ['TXT', 'CNAME', 'MX'], seconds: 120, rate: 60 }],
  ['dnscat2', { qtypes: ['A', 'AAAA'], seconds: 300, rate: 0 }],
  ['dns2tcp', { qtypes: ['TXT'], ...IDLE }],
  ['dns2tcp', { qtypes: ['KEY'], seconds: 120, rate: 1_000 }],
  ['dns2tcp', { qtypes: ['TXT'], seconds: 120, rate: 300 }]
]

t.test(
  'tunnels of three programs are found among ordinary traffic, with their evidence',
  async t => {
    const others = ordinary(40, 200)
    const tunnels = TUNNELS.map(([tool, options], i) => {
      const domain = `t${i}.net${i}.co.uk`
      const queries = MAKERS[tool]!({ ...options, domain, seed: i + 1 })
      return { tool, options, client: `10.9.0.${i}`, domain: `net${i}.co.uk`, queries }
    })
    const { select, domain } = await log(t, [
      ...others.map(one => lookup(one)),
      ...tunnels.flatMap(({ client, queries }) =>
        queries.map(one => lookup({ ...one, client, at: 1000 * (36_000 + one.at) }))
      )
    ])
    const found = readTunnels(await select(tunnelSql(PERIOD, await domain())))
    for (const { tool, options, client, domain, queries } of tunnels) {
      const own = found.filter(one => one.client === client)
      t.equal(own.length, 1, `${tool} ${JSON.stringify(options)}`)
      const [finding] = own as [TunnelFinding]
      t.match(finding, { domain, network: 'office', lookups: queries.length, blocked: 0 })
      const subs = queries.map(({ qname }) => qname.slice(0, -domain.length - 1))
      const unique = [...new Set(subs)]
      const byMinute = new Map<number, string[]>()
      for (const [i, { at }] of queries.entries()) {
        const minute = Math.floor(at / 60)
        byMinute.set(minute, [...(byMinute.get(minute) ?? []), subs[i]!])
      }
      const minutes = [...byMinute.values()]
      const octetsOf = (some: readonly string[]): number => some.join('').length
      t.equal(finding.names, unique.length, 'names')
      t.equal(finding.longest, Math.max(...unique.map(({ length }) => length)), 'longest')
      t.ok(Math.abs(finding.meanLength - octetsOf(unique) / unique.length) < 1e-9, 'mean length')
      t.equal(finding.octetsPerMinute, Math.max(...minutes.map(octetsOf)), 'octets per minute')
      t.equal(finding.namesPerMinute, Math.max(...minutes.map(some => new Set(some).size)))
      t.equal(finding.first, new Date(START + 36_000_000 + 1000 * queries[0]!.at).toISOString())
      t.strictSame(
        finding.types.reduce((sum, one) => sum + one.lookups, 0),
        queries.length
      )
      t.ok(finding.samples.every(sample => queries.some(({ qname }) => qname === sample)))
    }
    t.strictSame(
      found.filter(({ client }) => !client!.startsWith('10.9.')),
      [],
      'nothing else'
    )
  }
)

t.test('false alarms: a day of ordinary traffic of 300 made-up clients has none', async t => {
  const queries = ordinary(300, 250, 7)
  const { select, domain } = await log(
    t,
    queries.map(one => lookup(one))
  )
  const found = readTunnels(await select(tunnelSql(PERIOD, await domain())))
  t.strictSame(
    found.map(one => `${one.client} ${one.domain}`),
    []
  )
  t.comment(`${queries.length} lookups`)
})

t.test('below the limits: few names, repeated names, slow ones; no client in the log', async t => {
  const tunnel = dnscat2({ domain: 'x.example', qtypes: ['TXT'], seconds: 600, rate: 20 })
  const of = async (queries: readonly TunnelQuery[], more: object = {}) => {
    const rows = queries.map(one => lookup({ ...one, client: '10.0.0.1', at: one.at * 1000 }, more))
    const { select, domain } = await log(t, rows)
    return readTunnels(await select(tunnelSql(PERIOD, await domain())))
  }
  t.equal((await of(tunnel)).length, 1)
  t.equal((await of(tunnel.slice(0, 50))).length, 0, 'few names')
  t.equal((await of([...tunnel, ...tunnel, ...tunnel])).length, 0, 'each name three times')
  t.equal((await of(tunnel.map(one => ({ ...one, at: one.at * 20 })))).length, 0, 'three a minute')
  const blocked = await of(tunnel, { verdict: 'blocked' })
  t.match(blocked, [{ blocked: 600 }], 'a blocked tunnel is a finding all the same')
  t.match(await of(tunnel, { client: undefined, privacy: 'none' }), [{ client: null }])
})

t.test('registrable domains in SQL are those of the Public Suffix List', async t => {
  const names = [
    ...['a.b.example.com', 'example.com', 'x.example.co.uk', 'a.b.c.example.co.uk', 'localhost'],
    ...['me.github.io', 'a.me.github.io', 'www.city.kawasaki.jp', 'a.b.c.kawasaki.jp', 'com']
  ]
  const { select, domain } = await log(
    t,
    names.map((qname, at) => lookup({ at, client: 'x', qname, qtype: 'A' }))
  )
  const rows = await select(`SELECT qname, ${await domain()} AS domain FROM lookups ORDER BY time`)
  for (const { qname, domain } of rows) {
    const expected = registrableDomain(String(qname))
    if (expected !== undefined) t.equal(domain, expected, String(qname))
  }
})

t.test('domains that the log has not had before, from the raw rows', async t => {
  const old = ordinary(20, 100, 3).map(one => ({ ...one, at: one.at - 9 * DAY }))
  const fresh = ordinary(20, 100, 4)
  const records = [...old, ...fresh].map(one => lookup(one))
  records.push(
    lookup({ at: 5, client: 'x', qname: 'gone.example.net', qtype: 'A' }, { rcode: 'NXDOMAIN' })
  )
  const { select, domain } = await log(t, records)
  const sql = await domain()
  const found = readNewDomains(await select(newDomainsSql(PERIOD.since, PERIOD.until, sql)))
  const domainsOf = (some: readonly Query[]): Set<string> =>
    new Set(some.map(({ qname }) => registrableDomain(qname) ?? qname))
  const known = domainsOf(old)
  const expected = [...domainsOf(fresh.filter(({ qname }) => !qname.endsWith('.arpa')))].filter(
    one => !known.has(one)
  )
  t.ok(expected.length > 20)
  t.equal(found.more, expected.length > 100)
  if (!found.more) t.strictSame(found.items.map(one => one.domain).sort(), expected.sort())
  for (const { domain, lookups, clients, names, first } of found.items) {
    const own = fresh.filter(({ qname }) => (registrableDomain(qname) ?? qname) === domain)
    t.strictSame(
      [lookups, clients, names, first],
      [
        own.length,
        new Set(own.map(({ client }) => client)).size,
        new Set(own.map(({ qname }) => qname)).size,
        new Date(START + own[0]!.at).toISOString()
      ],
      domain
    )
  }
  t.match(await select(reachSql(PERIOD.since, PERIOD.until)), [{ others: fresh.length + 1 }])
})

t.test('entropy', async t => {
  t.strictSame([entropyOf('aaaa'), entropyOf('ab.ab'), entropyOf('abcd')], [0, 1, 2])
})

t.test('mutes: with a reason and an end, of one client or all', async t => {
  const path = join(t.testdir(), 'state', 'muted-findings.json')
  const mutes = new FindingMutes(path)
  const now = Date.UTC(2026, 0, 1)
  const until = new Date(now + DAY).toISOString()
  const one = {
    kind: 'tunnel',
    domain: 'a.example',
    client: null,
    reason: 'ours',
    by: 'x',
    until
  } as const
  const { id } = mutes.add(one, now)
  const other = mutes.add({ ...one, domain: 'b.example', client: '10.0.0.1' }, now)
  const again = new FindingMutes(path).current(now)
  t.match(muteOf(again, 'tunnel', { domain: 'a.example', client: '10.0.0.9' }), { id })
  t.match(muteOf(again, 'tunnel', { domain: 'b.example', client: '10.0.0.1' }), { id: other.id })
  t.equal(muteOf(again, 'tunnel', { domain: 'b.example', client: '10.0.0.2' }), undefined)
  t.equal(muteOf(again, 'new-domain', { domain: 'a.example', client: null }), undefined)
  t.strictSame(mutes.current(now + DAY), [], 'they end')
  mutes.remove(id, now)
  t.throws(() => mutes.remove(id, now), { code: 'API_NOT_FOUND' })
  t.match(mutes.current(now), { length: 1 })
})

t.test('the route: known or not, muted or not, audited', async t => {
  const queries = dnscat2({ domain: 'x.example', qtypes: ['TXT'], seconds: 600, rate: 20 })
  const records = queries.map(one => lookup({ ...one, client: '10.0.0.1', at: one.at * 1000 }))
  const { select } = await log(t, [
    lookup({ at: -8 * DAY, client: '10.0.0.2', qname: 'a.example', qtype: 'A' }),
    ...records
  ])
  const command = answering((_, request) => select((request as { sql: string }).sql))
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('operator', ['read', 'operate'])
  const url = '/api/v1/findings?until=2026-11-11T00:00:00Z'
  const read = async () => (await rig.send({ url, token })).json<Record<string, never>>()
  t.match(await read(), {
    known: true,
    tunnels: [{ client: '10.0.0.1', domain: 'x.example', mute: null }],
    newDomains: { known: true, items: [{ domain: 'x.example', clients: 1, mute: null }] }
  })
  t.match(rig.reads.newest, [{ by: 'operator', operation: 'listFindings', rows: 2 }])
  const payload = { kind: 'tunnel', domain: 'x.example', client: '10.0.0.1', reason: ' our test ' }
  const mute = (until: string) =>
    rig.send({
      method: 'POST',
      url: '/api/v1/findings/mutes',
      token,
      payload: { ...payload, until }
    })
  const until = new Date(Date.now() + DAY).toISOString().slice(0, 19)
  const made = await mute(`${until}Z`)
  t.equal(made.statusCode, 200, made.body)
  t.match(rig.changes.newest, [{ by: 'operator', operation: 'muteFinding', reason: /our test/ }])
  t.match(await read(), {
    tunnels: [{ mute: { reason: 'our test', by: 'operator' } }],
    newDomains: { items: [{ mute: null }] }
  })
  const { id } = made.json<{ id: string }>()
  const end = { method: 'DELETE', url: `/api/v1/findings/mutes/${id}`, token } as const
  t.equal((await rig.send(end)).statusCode, 204)
  t.match(await read(), { tunnels: [{ mute: null }] })
  for (const wrong of ['2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z', 'x'])
    t.equal((await mute(wrong)).statusCode, 400, wrong)
  const early = '/api/v1/findings?until=2026-11-03T00:00:00Z'
  t.match((await rig.send({ url: early, token })).json(), {
    ...{ known: true, tunnels: [] },
    newDomains: { known: false, items: [] }
  })
  const before = '/api/v1/findings?until=2026-01-01T00:00:00Z'
  t.match((await rig.send({ url: before, token })).json(), { known: false, tunnels: [] })
})
