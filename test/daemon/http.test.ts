import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { withHealth, type StatusReply } from '../../src/gateway/status/health.js'
import { PROBLEMS } from '../../src/gateway/status/problems.js'
import { metricFamilies } from '../../src/admin/metrics/metrics.js'
import { newToken, writeTokens } from '../../src/admin/tokens/token-file.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askUdp } from './dns-client.js'
import { serving, settingsText, type Rig } from './serve.js'
import { banning, eventually } from './site.js'

const NXDOMAIN = 'NXDOMAIN'

interface Response {
  readonly code: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Options {
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

function call({ gateway }: Rig, path: string, options: Options = {}): Promise<Response> {
  const { method = 'GET', headers = {}, body } = options
  const { address: host, port } = gateway.httpEndpoint!
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, path, method, headers, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () => {
        resolve({ code: response.statusCode!, headers: response.headers, body: text })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

const codesOf = (body: string): readonly string[] =>
  (JSON.parse(body) as { problems: { code: string }[] }).problems.map(({ code }) => code)

/** Families that the HTTP thread counts itself: `CounterMetrics`. */
const COUNTED = 9
const NO_FIGURES = { residentOctets: 0, peakOctets: 0, descriptors: undefined, cpuSeconds: 0 }

const more = "admin: { http: '127.0.0.1:0' }"

t.test('operations over HTTP', async t => {
  const rig = await serving(t, { more, reloads: true })
  const { token, stored } = newToken(
    'op',
    ['operate', 'read'],
    new Date(),
    new Date(Date.now() + 1e6)
  )
  writeTokens(rig.site.path('state/tokens.json'), [stored])
  const send = async (method: string, path: string, value?: object): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}` }
    if (value === undefined) return call(rig, `/api/v1${path}`, { method, headers })
    const json = { ...headers, 'content-type': 'application/json' }
    return call(rig, `/api/v1${path}`, { method, headers: json, body: JSON.stringify(value) })
  }
  const rules = `${banning('banned.example')}    block: [{ id: ads, names: [ads.example] }]\n`
  rig.site.write('rules/networks.yaml', rules)
  await rig.gateway.reload('SIGHUP')
  const rcode = async (name: string): Promise<string> => (await askUdp(rig.at, name)).rcode
  t.equal(await rcode('ads.example'), NXDOMAIN)

  const paused = await send('PUT', '/rules/ads/pause', { minutes: 5, reason: 'ticket 7' })
  t.match(paused, { code: 200, body: /"rule":"ads","until":"20/ })
  await eventually('it is paused', async () => (await rcode('ads.example')) !== NXDOMAIN)
  t.equal(await rcode('banned.example'), NXDOMAIN, 'bans are not')
  t.match(await send('PUT', '/rules/ads/pause', { minutes: 5 }), { code: 400 }, 'no reason')
  t.match(await send('PUT', '/rules/ads/pause', { minutes: 61, reason: 'x' }), {
    code: 422,
    body: /PAUSE_LONG/
  })
  t.match(JSON.parse((await send('GET', '/status')).body), {
    health: { problems: [{ code: 'UPSTREAMS_DOWN' }, { code: 'BLOCK_PAUSED', subject: 'ads' }] },
    enforcement: {
      against: [
        { kind: 'pause', subject: 'ads', by: 'op', reason: 'ticket 7' },
        { kind: 'upstream' }
      ]
    }
  })
  t.match((await call(rig, '/metrics')).body, /not_enforced\{order="against",kind="pause"\} 1/)
  await eventually('lookups say so', () =>
    rig.site.records().some(({ qname, paused }) => qname === 'banned.example' && paused === 'ads')
  )
  t.match(await send('PUT', '/rules/test-ban/pause', { minutes: 5, reason: 'ticket 7' }), {
    code: 409,
    body: /PAUSE_NOT_BLOCK/
  })
  t.match(await send('PUT', '/rules/other/pause', { minutes: 5, reason: 'ticket 7' }), {
    code: 404
  })
  t.match(await send('PUT', '/rules/ads/pause', { minutes: 0, reason: 'ticket 7' }), { code: 400 })
  t.match(await send('DELETE', '/rules/ads/pause'), { code: 204 })
  await eventually('it applies again', async () => (await rcode('ads.example')) === NXDOMAIN)

  const blocks = async (): Promise<unknown> =>
    (JSON.parse((await send('GET', '/blocks')).body) as { items: unknown }).items
  rig.site.write('rules/networks.yaml', 'networks: {')
  t.match(await send('PUT', '/rules/ads/pause', { minutes: 5, reason: 'ticket 7' }), {
    code: 409,
    body: /PAUSE_REFUSED/
  })
  t.match(await blocks(), [{ id: 'ads', pausedUntil: null }], 'it does not come later, either')
  rig.site.write('rules/networks.yaml', rules)
  t.match(await send('PUT', '/rules/ads/pause', { minutes: 5, reason: 'ticket 7' }), { code: 200 })
  rig.site.write('rules/networks.yaml', 'networks: {')
  t.match(await send('DELETE', '/rules/ads/pause'), { code: 409, body: /PAUSE_REFUSED/ })
  t.match(await blocks(), [{ id: 'ads', pausedUntil: /^20/ }], 'it is still paused')
  rig.site.write('rules/networks.yaml', rules)
  t.match(await send('DELETE', '/rules/ads/pause'), { code: 204 })

  // Two callers at once: one reload, and what is in force is what the last one wanted.
  for (let round = 0; round < 5; round++) {
    const calls = await Promise.all([
      send('PUT', '/rules/ads/pause', { minutes: 5, reason: 'ticket 7' }),
      send('DELETE', '/rules/ads/pause'),
      send('PUT', '/rules/ads/pause', { minutes: 7, reason: 'ticket 7' }),
      send('DELETE', '/rules/ads/pause')
    ])
    t.strictSame(
      calls.map(({ code }) => code),
      [200, 204, 200, 204]
    )
    const [{ pausedUntil }] = (await blocks()) as [{ pausedUntil: string | null }]
    const answer = await rcode('ads.example')
    t.equal(answer === NXDOMAIN, pausedUntil === null, 'what is shown is what is in force')
    t.match(await send('DELETE', '/rules/ads/pause'), { code: 204 })
    t.equal(await rcode('ads.example'), NXDOMAIN)
  }

  t.match(await send('POST', '/rules/reload'), { code: 200, body: /"outcome":"unchanged"/ })
  t.match(await send('POST', '/cache/flush', { name: 'www.example' }), { body: /"dropped":0/ })
  t.match(await send('POST', '/log/rotate'), { code: 200, body: /"rotated":true/ })
  const changes = rig.log.lines.filter(({ fields }) => fields.by === 'op')
  t.ok(
    changes.some(({ fields }) => fields.operation === 'pauseRule'),
    'changes are logged'
  )

  const upstream = await BadUpstream.open(good(7))
  t.teardown(() => upstream.close())
  rig.site.write('interdict.yaml', settingsText({ more, upstream: upstream.endpoint }))
  await rig.gateway.reload('settings changed')
  const explained = await send('GET', '/explain?client=127.0.0.1&name=new.example')
  const { port } = upstream.endpoint
  t.match(JSON.parse(explained.body), { upstream: `127.0.0.1:${port}` }, 'by the new settings')
})

t.test('saved rules are put in force over HTTP, and the history names who did it', async t => {
  const rig = await serving(t, {
    more: `${more}\nrules: { folder: rules, activate: manual }`
  })
  const { token, stored } = newToken(
    'lea',
    ['policy', 'read'],
    new Date(),
    new Date(Date.now() + 1e6)
  )
  writeTokens(rig.site.path('state/tokens.json'), [stored])
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const send = (method: string, path: string, body?: object): Promise<Response> =>
    call(rig, `/api/v1${path}`, {
      ...{ method, headers },
      ...(body && { body: JSON.stringify(body) })
    })
  const waiting = async (): Promise<string | null> => {
    const { body } = await send('GET', '/status')
    const { rules } = JSON.parse(body) as StatusReply
    return rules.waiting?.sha256 ?? null
  }
  rig.site.write('rules/networks.yaml', banning('banned.example', 'other.example'))
  await eventually('the rules wait', async () => (await waiting()) !== null)
  const sha256 = (await waiting())!
  const refused = await send('POST', '/rules/apply', { sha256: 'a'.repeat(64) })
  t.match(refused, { code: 200, body: /"sha256":null,"errors":\[{"code":"APPLY_CHANGED"/ })
  t.match(await send('POST', '/rules/apply', { sha256: 'x' }), { code: 400 })
  t.match(await send('POST', '/rules/apply', { sha256 }), { code: 200, body: `"${sha256}"` })
  await eventually('none waits', async () => (await waiting()) === null)
  t.equal((await askUdp(rig.at, 'other.example')).rcode, NXDOMAIN)
  const folder = rig.site.path('state/history')
  await eventually('the history has it', () =>
    readdirSync(folder)
      .filter(name => name.endsWith('.jsonl'))
      .some(name =>
        /"reason":"apply".*"by":"lea"|"by":"lea".*"reason":"apply"/.test(
          readFileSync(`${folder}/${name}`, 'utf8')
        )
      )
  )
})

t.test('health and metrics over HTTP', async t => {
  const rig = await serving(t, {
    more,
    grace: '1s, lame-duck: 1s',
    upstream: { address: '192.0.2.1', port: 53 }
  })
  const problems = async (): Promise<readonly string[]> =>
    codesOf((await call(rig, '/readyz')).body)
  await askUdp(rig.at, 'banned.example')

  t.match(await call(rig, '/livez'), { code: 200, body: /"version":"\d/ })
  const ready = await call(rig, '/readyz')
  t.match(ready, { code: 200, headers: { 'content-type': 'application/json' } })
  t.strictSame(JSON.parse(ready.body), {
    ready: true,
    states: { serving: true, policy: true, evidence: true },
    problems: []
  })
  t.match(ready.headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })

  await eventually('the lookup is counted', async () => {
    const { body } = await call(rig, '/metrics')
    return body.includes('interdict_lookups_total{verdict="blocked"} 1\n')
  })
  const plain = await call(rig, '/metrics')
  t.match(plain, { code: 200, headers: { 'content-type': /^text\/plain; version=0\.0\.4/ } })
  t.match(plain.body, '# TYPE interdict_dns_requests_total counter\n')
  const counted = [
    'interdict_dns_requests_total{transport="udp",network="all"} 1',
    'interdict_dns_responses_total{rcode="NXDOMAIN"} 1',
    'interdict_dns_request_duration_seconds_count 1',
    'interdict_network_blocked_total{network="all"} 1'
  ]
  for (const line of counted) t.match(plain.body, `${line}\n`)
  const blocked = 'interdict_blocked_total{rule="test-ban",action="nxdomain",match="qname"}'
  t.match(plain.body, `${blocked} 1\n`)
  t.match(plain.body, 'interdict_ready 1\n')
  t.match(plain.body, 'interdict_rules{kind="ban"} 1\n')
  t.notMatch(plain.body, 'banned.example', 'no name of a query')
  const open = await call(rig, '/metrics', { headers: { accept: 'application/openmetrics-text' } })
  t.match(open.headers, { 'content-type': /^application\/openmetrics-text; version=1\.0\.0/ })
  t.match(open.body, /# TYPE interdict_dns_requests counter\n[^]*\n# EOF\n$/)

  const { token, stored } = newToken('ci', ['read'], new Date(), new Date(Date.now() + 1e6))
  writeTokens(rig.site.path('state/tokens.json'), [stored])
  t.match(await call(rig, '/api/v1/status'), { code: 401 })
  const headers = { authorization: `Bearer ${token}` }
  const status = await call(rig, '/api/v1/status', { headers })
  t.equal(status.code, 200, status.body)
  t.ok((JSON.parse(status.body) as StatusReply).health.ready)

  t.match(await call(rig, '/'), { code: 200, body: /<!doctype html>/i })
  t.match(await call(rig, '/x'), { code: 404, headers: { 'content-type': /problem\+json/ } })
  t.match(await call(rig, '/readyz/../metrics'), { code: 404 })
  t.match(await call(rig, '/metrics?x=1'), { code: 200 })
  t.match(await call(rig, '/readyz', { method: 'HEAD' }), { code: 200, body: '' })
  t.match(await call(rig, '/readyz', { method: 'POST', body: '{}' }), {
    code: 405,
    headers: { allow: 'GET, HEAD', connection: 'close' }
  })
  const withBody = { body: 'x', headers: { 'content-length': '1' } }
  t.match(await call(rig, '/readyz', withBody), { code: 413 })
  const long = { headers: { cookie: 'x'.repeat(20_000) } }
  t.match(await call(rig, '/readyz', long), { code: 431 })

  rig.site.write('rules/networks.yaml', banning('a..example'))
  await rig.gateway.reload('SIGHUP')
  await eventually('refused', async () => (await problems()).includes('RULES_REFUSED'))
  t.equal((await call(rig, '/readyz')).code, 200, 'it answers, by the previous rules')
  const policy = await call(rig, '/policyz')
  t.equal(policy.code, 503)
  t.match(JSON.parse(policy.body), { good: false, problems: [{ code: 'RULES_REFUSED' }] })
  const page = (await call(rig, '/metrics')).body
  if (process.platform === 'linux') t.match(page, /^interdict_process_fds\{of="open"\} [1-9]\d*$/m)
  t.match(page, /^interdict_process_resident_memory_peak_bytes [1-9]\d+$/m)
  t.match(await call(rig, '/evidencez'), { code: 200, body: '{"good":true,"problems":[]}\n' })
  for (const [state, value] of [
    ['serving', 1],
    ['policy', 0],
    ['evidence', 1]
  ])
    t.ok(page.includes(`interdict_state{state="${state}"} ${value}\n`), String(state))
  t.equal((await call(rig, '/livez')).code, 200)
  rig.site.write('rules/networks.yaml', banning('banned.example', 'other.example'))
  await rig.gateway.reload('SIGHUP')
  await eventually('good again', async () => (await problems()).length === 0)

  await eventually('a folder in place of the file', () => {
    try {
      rmSync(rig.site.path('queries.jsonl'))
      mkdirSync(rig.site.path('queries.jsonl'))
      return true
    } catch {
      // The gateway has just made the file again.
      return false
    }
  })
  await eventually('no log', async () => (await problems()).includes('LOG_UNWRITABLE'))
  t.equal((await call(rig, '/readyz')).code, 200)
  t.equal((await call(rig, '/policyz')).code, 200)
  t.equal((await call(rig, '/evidencez')).code, 503)
  rmSync(rig.site.path('queries.jsonl'), { recursive: true })
  await eventually('a log again', async () => (await problems()).length === 0)

  await rig.threads.kill('worker')
  await rig.log.says('worker restarted')
  let restarts = 0
  await eventually('the worker is back', async () => {
    const { body } = await call(rig, '/metrics')
    restarts = Number(/^interdict_worker_restarts_total\{worker="0"\} (\d+)$/m.exec(body)?.[1])
    return restarts > 0 && body.includes('interdict_worker_up{worker="0"} 1\n')
  })
  // More than one if another program had its port for a moment.
  const deaths = rig.log.with('worker died')
  t.equal(restarts, deaths.length, JSON.stringify(deaths))
  await askUdp(rig.at, 'banned.example')
  const later = (await call(rig, '/metrics')).body
  t.match(later, `${blocked} 2\n`, 'through changes of rules and of the worker')
  t.match(later, 'interdict_dns_requests_total{transport="udp",network="all"} 2\n')

  rig.threads.lost = ({ kind }) => kind === 'reply'
  await eventually('silence', async () => (await call(rig, '/livez')).code === 503)
  t.strictSame(await problems(), ['CONTROL_SILENT'])
  rig.threads.lost = () => false

  const { address: host, port } = rig.gateway.httpEndpoint!
  const idle = connect({ host, port })
  idle.on('error', () => undefined)
  await rig.threads.kill('http')
  await rig.log.says('HTTP thread died')
  await eventually('it listens again', () =>
    call(rig, '/livez').then(
      ({ code }) => code === 200,
      () => false
    )
  )

  t.match((await call(rig, '/metrics')).body, `${blocked} 2\n`, 'its restart loses no counters')

  const stopped = rig.gateway.stop()
  await eventually('not ready', async () => (await problems()).includes('STOPPING'))
  t.equal((await askUdp(rig.at, 'banned.example')).rcode, 'NXDOMAIN', 'still answering')
  await stopped
})

t.test('a port in use prevents the start', async t => {
  const first = await serving(t, { more })
  const { port } = first.gateway.httpEndpoint!
  await t.rejects(
    serving(t, { more: more.replace(':0', `:${port}`) }),
    /SOCKET_BIND|already in use/
  )
})

t.test('the metrics page lists what there is', async t => {
  const rig = await serving(t, { more })
  const { body } = await call(rig, '/metrics')
  const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!)
  const status = withHealth(await rig.gateway.status())
  const all = metricFamilies(status, NO_FIGURES)
  t.ok(all.length + COUNTED <= 70, 'with every feature on')
  const page = readFileSync('docs/reference/metrics.md', 'utf8')
  const listed = [...page.matchAll(/^\| `(interdict_\w+)/gm)].map(([, name]) => name!)
  t.strictSame(
    names.filter(name => !listed.includes(name)),
    []
  )
  t.equal(new Set(listed).size, listed.length, 'each once')
  t.equal(listed.length, all.length + COUNTED, 'also what this gateway has nothing to show of')
  const folder = 'src/admin/metrics'
  const sources = readdirSync(folder).map(file => readFileSync(`${folder}/${file}`, 'utf8'))
  for (const name of listed) {
    const stem = name.replace(/^interdict_|_(total|info)$/g, '')
    t.ok(
      sources.some(source => source.includes(`'${stem}'`)),
      `${name} exists`
    )
  }
  for (const file of ['prometheus/interdict.rules.yaml', 'grafana/interdict.json']) {
    const named = new Set(readFileSync(`contrib/${file}`, 'utf8').match(/\binterdict_\w+/g))
    const unknown = [...named].filter(
      name => !listed.includes(name.replace(/_(bucket|sum|count)$/, ''))
    )
    t.strictSame(unknown, [], `${file} names existing metrics`)
    t.ok(named.size > 5)
  }
  const fleet = {
    ...{ name: 'one', ring: 'all', connected: true, server: null, contact: null, error: null },
    ...{ silentSince: '', wanted: null, wantedSince: null, dropped: 1, reports: 2 },
    logs: {
      ...{ waiting: 3, waitingOctets: 400, waitingSince: '1970-01-01T00:00:05Z', error: null },
      ...{ sent: 6, lastSent: '1970-01-01T00:00:07Z', failed: 8 }
    }
  }
  const ofFleet = metricFamilies({ ...status, fleet }, NO_FIGURES).flatMap(
    ({ name, samples = [] }) =>
      samples.flatMap(({ labels = {}, value }) => {
        const words = Object.values(labels)
        return words.some(word => /^(fleet_logs|log|message|report)$/.test(word))
          ? [`${name} ${words.join(' ')} ${value}`]
          : []
      })
  )
  t.strictSame(ofFleet, [
    'interdict_fleet_messages report sent 2',
    'interdict_fleet_messages message dropped 1',
    'interdict_fleet_messages log sent 6',
    'interdict_fleet_messages log failed 8',
    'interdict_task_success fleet_logs 1',
    'interdict_success_timestamp_seconds fleet_logs 7',
    'interdict_waiting fleet_logs 3',
    'interdict_waiting_bytes fleet_logs 400',
    'interdict_since_timestamp_seconds fleet_logs 5'
  ])
  const codes = [...body.matchAll(/^interdict_problems\{code="(\w+)",state="\w+"\}/gm)].map(
    ([, code]) => code!
  )
  t.strictSame(codes, Object.keys(PROBLEMS))
})
