import packet from 'dns-packet'
import t, { type Test } from 'tap'
import { withHealth } from '../../src/gateway/status/health.js'
import { makeCertificate } from '../tls/certificates.js'
import { BadUpstream, framed, good, silent, type Behaviour } from '../upstream/bad-upstream.js'
import { labelOf } from '../upstream/messages.js'
import { TlsUpstream } from '../upstream/tls-upstream.js'
import { askUdp, encodeQuery } from './dns-client.js'
import { mixedClients, type Ask } from './mixed-clients.js'
import { serving, type Setting } from './serve.js'
import { eventually } from './site.js'

/** A run before a release has a million. */
const QUERIES = Number(process.env.FORWARDERS_QUERIES ?? 30_000)
const ROUND = Math.max(1500, QUERIES / 60)
const IN_FLIGHT = 64
const NAMES = 300
/** Last octet of the addresses that each upstream answers with. */
const MARK = { tls: 1, one: 2, two: 3, corp: 4, common: 9 } as const

const CACHE = 'max-ttl: 10s, failure-ttl: 1s, stale-recheck: 1s, stale-after: 100ms'
const UPSTREAMS = 'timeout: 100ms, give-up: 200ms'

/** As `good`, but names that begin with `alias` are aliases of a name below corp.example, which it leaves to others. */
const aliasing =
  (mark: number): Behaviour =>
  query => {
    const label = labelOf(query.message)
    if (!label.toLowerCase().startsWith('alias')) return good(mark)(query)
    const { id, questions } = packet.decode(Buffer.from(query.message))
    const [question] = questions!
    const data = `n${label.slice(5)}.corp.example`
    const answers = [{ type: 'CNAME', name: question!.name, ttl: 300, data }] as const
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE
    const response = packet.encode({
      type: 'response',
      id: id!,
      flags,
      questions: questions!,
      answers: [...answers]
    })
    query.send(query.overTcp ? framed(response) : response)
  }

const at = ({ endpoint }: BadUpstream): string => `'127.0.0.1:${endpoint.port}'`

async function upstreamsOf(t: Test, behaviours: readonly Behaviour[]): Promise<BadUpstream[]> {
  const opened = await Promise.all(behaviours.map(one => BadUpstream.open(one)))
  t.teardown(() => Promise.all(opened.map(one => one.close())))
  return opened
}

const addressesOf = (reply: Buffer): string[] =>
  packet.decode(reply).answers!.flatMap(answer => (answer.type === 'A' ? [answer.data] : []))

t.test(`${QUERIES} queries over four transports: no answer of other forwarders`, async t => {
  const [one, two, corp, common] = await upstreamsOf(t, [
    aliasing(MARK.one),
    aliasing(MARK.two),
    aliasing(MARK.corp),
    aliasing(MARK.common)
  ])
  const certificate = makeCertificate({ names: ['one.example'] })
  const { certificate: cert, key } = certificate
  const tls = await TlsUpstream.open(t, { cert, key })
  const encrypted = (protocol: string): string =>
    `{ address: 127.0.0.1:0, protocol: ${protocol}, certificate: cert.pem, key: key.pem }`
  const { gateway, threads } = await serving(t, {
    listen: ['127.0.0.1:0', encrypted('dot'), encrypted('doh')],
    workers: 2,
    upstream: common!.endpoint,
    upstreams: UPSTREAMS,
    cache: CACHE,
    // Clocks are moved, and the connections stay.
    more: 'tcp: { idle: 10m }',
    files: {
      'cert.pem': cert,
      'key.pem': key,
      'rules/networks.yaml': `networks:
  common: { prefixes: [127.0.1.1/32] }
  one: { prefixes: [127.0.1.2/32], forward: [${at(one!)}] }
  two: { prefixes: [127.0.1.3/32], forward: { .: [${at(two!)}] } }
  tls: { prefixes: [127.0.1.4/32], forward: [{ address: 127.0.0.1, port: ${tls.port}, protocol: dot, opportunistic: true }] }
  part: { prefixes: [127.0.1.5/32], forward: { corp.example: [${at(corp!)}] } }
`
    }
  })
  const marks = [MARK.common, MARK.one, MARK.two, MARK.tls, MARK.common]
  const [dns, dot, doh] = gateway.endpoints
  const asks = await Promise.all(
    marks.map((_, i) => mixedClients(t, `127.0.1.${i + 1}`, [dns!, dot!, doh!]))
  )
  const counts = { answered: 0, failed: 0, lost: 0, crossed: 0 }
  let sent = 0
  const ask = async (): Promise<void> => {
    const n = sent++
    const network = n % marks.length
    const transport = (n >>> 3) % 4
    const kind = Math.floor(Math.random() * 3)
    const label = `${kind === 2 ? 'alias' : 'n'}${Math.floor(Math.random() * NAMES)}`
    const name = `${label}.${kind === 1 ? 'corp.' : ''}example`
    const send: Ask = asks[network]![transport]!
    const reply = await send(encodeQuery(name, 'A', n & 0xffff))
    if (reply === undefined) counts.lost++
    else {
      const addresses = addressesOf(reply)
      // The upstream over TLS knows no aliases.
      const mark = network === 4 && kind > 0 ? MARK.corp : marks[network]
      if (addresses.length === 0) counts.failed++
      else if (addresses.every(address => address === `192.0.2.${mark}`)) counts.answered++
      else counts.crossed++
    }
  }
  const behaviours = [one!, two!, corp!, common!].map(({ behaviour }) => behaviour)
  for (let round = 0; sent < QUERIES; round++) {
    // By turns all answer, or one or all of them are silent: then expired answers are served.
    for (const [i, upstream] of [one!, two!, corp!, common!].entries())
      upstream.behaviour = round % 3 === 2 && round % 4 !== i ? silent : behaviours[i]!
    const until = Math.min(QUERIES, sent + ROUND)
    const run = async (): Promise<void> => {
      while (sent < until) await ask()
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, run))
    // Into the last tenth of the lifetime, where entries are refreshed, or beyond it.
    await threads.letPass(round % 2 === 0 ? 9_200 : 2_500)
  }
  const { queries } = await gateway.status()
  t.comment(`${JSON.stringify(counts)}, ${queries.stale} stale`)
  t.equal(counts.crossed, 0)
  t.ok(counts.answered > QUERIES / 2)
  t.ok(queries.stale > 0)
  for (const protocol of ['udp', 'tcp', 'dot', 'doh'] as const) t.ok(queries[protocol] > 0)
  for (const upstream of [one, two, corp, common]) t.ok(upstream!.seen.length > 0)
  t.ok(tls.queries.length > 0)
})

/** A gateway with one network, whose forwarder is the second upstream. */
async function withForwarder(
  t: Test,
  forward: (of: readonly BadUpstream[]) => string,
  more: Setting = {}
) {
  const upstreams = await upstreamsOf(t, [good(MARK.common), good(MARK.one)])
  const rig = await serving(t, {
    upstream: upstreams[0]!.endpoint,
    upstreams: UPSTREAMS,
    cache: CACHE,
    files: { 'rules/networks.yaml': rulesOf(forward(upstreams)) },
    ...more
  })
  return { rig, upstreams }
}

const rulesOf = (forward: string): string =>
  `networks: { office: { prefixes: [127.0.0.0/8], forward: ${forward} } }\n`

t.test('never falls back to the upstreams of the settings', async t => {
  const { rig, upstreams } = await withForwarder(t, of => `[${at(of[1]!)}]`)
  const { at: to, threads } = rig
  const [common, own] = upstreams
  t.match(await askUdp(to, 'www.example'), { answers: [/192\.0\.2\.2/] })
  own!.behaviour = silent
  t.match(await askUdp(to, 'other.example'), { rcode: 'SERVFAIL', ede: 22 })
  await threads.letPass(11_000)
  t.match(await askUdp(to, 'www.example'), { answers: [/192\.0\.2\.2/], ede: 3 })
  await own!.kill()
  t.match(await askUdp(to, 'third.example'), { rcode: 'SERVFAIL', answers: [] })
  t.equal(common!.seen.length, 0)
})

t.test('a change of the rules changes forwarders, log labels and cached answers', async t => {
  const started = await withForwarder(t, of => `[${at(of[1]!)}]`, {
    queries: 'flush: 10ms, which: all'
  })
  const { rig, upstreams } = started
  const { at: to, site, gateway } = rig
  const third = await BadUpstream.open(good(MARK.two))
  t.teardown(() => third.close())
  t.match(await askUdp(to, 'www.example'), { answers: [/192\.0\.2\.2/] })
  site.write('rules/networks.yaml', rulesOf(`[${at(third)}]`))
  await gateway.reload('request')
  await rig.generation(2)
  await eventually('the new forwarder', async () =>
    (await askUdp(to, 'www.example')).answers[0]!.endsWith(`.${MARK.two}`)
  )
  const labels = upstreams.map(({ endpoint }) => `127.0.0.1:${endpoint.port}`)
  const label = `127.0.0.1:${third.endpoint.port}`
  await eventually('its record', () => site.records().some(({ upstream }) => upstream === label))
  t.strictSame(
    site
      .records()
      .map(({ upstream }) => upstream)
      .filter(it => it === labels[0]),
    []
  )
  t.match((await gateway.status()).upstreams, [
    { address: labels[0], networks: [] },
    { address: label, networks: ['office'], isDefault: false, queries: 1 }
  ])
  site.write('rules/networks.yaml', 'networks: { office: { prefixes: [127.0.0.0/8] } }\n')
  await gateway.reload('request')
  await eventually('the upstream of the settings', async () =>
    (await askUdp(to, 'www.example')).answers[0]!.endsWith(`.${MARK.common}`)
  )
})

t.test('forwards a domain, special-use names and private addresses included', async t => {
  const forward = (of: readonly BadUpstream[]): string =>
    `{ home.arpa: [${at(of[1]!)}], corp.example: [${at(of[1]!)}] }`
  const { rig } = await withForwarder(t, forward, {
    more: 'rebinding-guard: { enabled: true, addresses: [192.0.2.0/24] }'
  })
  const { at: to } = rig
  for (const name of ['printer.home.arpa', 'www.corp.example'])
    t.match(await askUdp(to, name), { answers: [/192\.0\.2\.2/] })
  t.match(await askUdp(to, 'www.example'), { answers: [], rcode: 'NOERROR' })
})

t.test(
  'a network without forwarders that answer is a problem, but the gateway is ready',
  async t => {
    const { rig, upstreams } = await withForwarder(t, of => `[${at(of[1]!)}]`, { idleProbe: '1s' })
    const { at: to, gateway } = rig
    const [common, own] = upstreams
    t.match(await askUdp(to, 'www.example'), { rcode: 'NOERROR' })
    await common!.sees(1)
    await own!.kill()
    await eventually('the upstream is down', async () => {
      await askUdp(to, `${Math.random()}.example`)
      return (await gateway.status()).upstreams.some(({ state }) => state === 'down')
    })
    const { ready, problems } = withHealth(await gateway.status()).health
    t.match(problems, [{ code: 'UPSTREAM_DOWN' }, { code: 'UPSTREAM_DOWN', subject: 'office' }])
    t.ok(ready)
  }
)
