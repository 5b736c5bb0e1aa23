import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { withHealth, type StatusReply } from '../../src/gateway/status/health.js'
import { HEALTH_STATES, PROBLEMS } from '../../src/gateway/status/problems.js'
import type { Status } from '../../src/gateway/status/status.js'
import { NO_IDENTITIES } from '../../src/resolver/server/client-recognizer.js'
import { listenAt } from '../daemon/admin-rig.js'
import { askTcp, askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { interdict, onTerminal, writeSite, type Ran } from './run.js'
import { listenAddress, startServer } from './server-process.js'

const settings = (servers: string, socket: string) => `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [${servers}], use-resolv-conf: false, loop-check: 0s, idle-probe: 0s, timeout: 4s, give-up: 4s }
admin: { socket: '${socket}' }
log: { queries: { file: queries.jsonl, flush: 10ms } }
`

function open(t: Test, servers = '', socket = 'admin.sock') {
  const site = new Site(t, {
    'interdict.yaml': settings(servers, socket),
    'rules/networks.yaml': banning('banned.example')
  })
  const status = (...words: string[]): Promise<Ran> =>
    onTerminal(100, 'status', ...words, '-c', site.path('interdict.yaml'))
  return { site, status }
}

t.test('shows the state of a running gateway, as text and JSON', async t => {
  const upstream = await BadUpstream.open(good(1))
  t.teardown(() => upstream.close())
  const { port } = upstream.endpoint
  const { site, status } = open(t, `'127.0.0.1:${port}'`)
  const server = startServer(t, site)
  const at = await listenAddress(server)
  for (let i = 0; i < 3; i++) await askUdp(at, 'www.example')
  await askUdp(at, 'banned.example')
  await askTcp(at, 'banned.example')
  await eventually('two records', () => site.records().length === 2)

  const forPrograms = await status('--json')
  t.match(forPrograms, { code: 0, err: '' })
  t.match(JSON.parse(forPrograms.out), {
    listening: [at],
    rules: { generation: 1, bans: 1 },
    queries: { udp: 4, tcp: 1, forwarded: 1 },
    cache: { answers: { entries: 1 } },
    upstreams: [{ address: `127.0.0.1:${port}`, queries: 1, workers: { up: 1 } }],
    recorder: { written: 2, lookups: { blocked: 2 } },
    archive: { working: false, last: null, again: null, freeOctets: Number },
    silent: []
  })

  const { code, out, err } = await status()
  t.strictSame([code, err], [0, ''])
  for (const line of [
    /^interdict \d+\.\d+\.\d+, up for \d+ (s|min), since \S+Z$/m,
    /^Rules {8}generation 1, in force since \S+Z$/m,
    /^ {13}1 network, 1 rule \(1 ban\), 1 name$/m,
    new RegExp(`^Listening    127\\.0\\.0\\.1:${at.port} on UDP and TCP, transport \\w+$`, 'm'),
    /^Workers {6}1 of 1 listening$/m,
    /^Queries {6}4 over UDP \(4 answered\), 1 over TCP$/m,
    /^ {13}1 \(20\.0%\) needed upstreams: 1 forwarded, 0 stale, 0 failed$/m,
    /^Lookups {6}2 blocked$/m,
    /^Cache {8}1 answer in \d+ B of [\d.]+ MB, 0 failures in 0 B of [\d.]+ MB$/m,
    /^TCP {10}\d connections? open, 1 accepted in total$/m,
    /^Limits {7}none exceeded$/m,
    /^Query log {4}2 lines written$/m,
    /^Archive {6}[\d.]+ [KMGT]?B of disk space free\n {13}no maintenance run yet$/m,
    /^Upstreams {4}1 of 1 up$/m,
    new RegExp(`^127\\.0\\.0\\.1:${port} +up +1 +0 +0 +[\\d.]+ ms +no$`, 'm')
  ]) {
    t.match(out, line)
  }
  t.notMatch(out, /\u001b/, 'no colours outside a terminal')
})

t.test('shows the errors of rejected rules', async t => {
  const { site, status } = open(t)
  const server = startServer(t, site)
  await listenAddress(server)
  site.write('rules/networks.yaml', banning('a..example'))
  server.child.kill('SIGHUP')
  await server.says(/previous rules remain active/)
  const { code, out } = await status()
  t.equal(code, 0)
  t.match(out, /reloaded \S+Z \([\w ]+\): refused, 1 error;/)
  t.match(out, /networks\.yaml:6:\d+: [\s\S]*\([A-Z_]+\)/)
  t.match(out, /^Upstreams {4}none$/m)
})

t.test('asks a gateway in the default place although the settings have errors', async t => {
  const file = writeSite(t, { 'interdict.yaml': 'cach: {}\n', 'state/empty': '' })
  const ask = (command: string): ReturnType<typeof interdict> => interdict(command, '-c', file)
  t.match(await ask('status'), { code: 1, err: /unknown key 'cach'/ }, 'no gateway')
  const server = createServer(socket => {
    socket.on('data', () => socket.end('{"ok":false,"code":"FAULT","message":"asked"}\n'))
  })
  await new Promise<void>(resolve =>
    server.listen(join(dirname(file), 'state/admin.sock'), resolve)
  )
  t.teardown(() => server.close())
  t.match(await ask('status'), { code: 1, err: 'asked (FAULT)\n' })
  t.match(await ask('flush'), { code: 2 })
  t.match(await interdict('flush', 'www.example', '-c', file), { code: 1, err: /unknown key/ })
})

t.test('one line of error without a running gateway or without an admin socket', async t => {
  t.match(await open(t).status(), {
    code: 1,
    out: '',
    err: /^cannot connect to the gateway.*\(ADMIN_ABSENT\)\n$/
  })
  const closed = open(t, '', '')
  t.match(await closed.status(), {
    code: 1,
    out: '',
    err: /^admin socket is disabled.*\(ADMIN_OFF\)\n$/
  })
})

const counts = {
  timeouts: 0,
  undelivered: 3,
  lost: 1_234_564,
  truncated: 0,
  doubts: 0,
  rewordings: 0,
  ednsRejections: 0,
  withoutEdns: 0
}
const since = '2026-01-02T03:04:05.678Z'
const worker = (number: number, restarts: number) => {
  return { number, restarts, state: 'listening', since, generation: 12 } as const
}
const CLEAR = { encryption: 'none', error: null } as const
const upstream = {
  isDefault: true,
  networks: [],
  queries: 123_456_789,
  overTcp: 1_234_567,
  responses: 9,
  ...counts
}

/** Everything that can go wrong, at once. */
const TROUBLE: StatusReply = withHealth({
  version: '1.2.3',
  installed: '1.2.3',
  started: '2026-01-02T03:04:05.678Z',
  uptimeSeconds: 93_784,
  stopping: false,
  readyRequires: [],
  slowTransport: null,
  slowTls: null,
  transport: 'batch',
  enforcement: { against: [], byOrder: [], more: 0 },
  listening: Array.from({ length: 9 }, (_, i) => {
    return {
      address: '2001:db8::53',
      port: 5300 + i,
      protocol: (['dot', 'doh'] as const)[i - 7] ?? 'dns'
    }
  }),
  rules: {
    ...{ generation: 7, sha256: 'f'.repeat(64), since: '2026-01-02T03:04:05.678Z' },
    ...{ networks: 1234, rules: 5678, bans: 910, names: 12_345_678 },
    ...{ ending: 12, reviewsDue: 34, shrunkLists: [], removedBans: [] },
    asns: null,
    bundle: {
      ...{ serial: 6, newest: 7, state: 'expired' },
      ...{ created: '2025-01-01T00:00:00.000Z', expires: '2025-12-31T00:00:00.000Z' },
      rollback: { from: 7, to: 6, by: 'ops', at: '2026-01-02T03:04:05Z' },
      root: { version: 3, expires: '2026-01-20T00:00:00.000Z', state: 'ending' }
    },
    reload: {
      ...{ at: '2026-01-03T03:04:05.678Z', reason: 'SIGHUP', outcome: 'refused', errors: 3 },
      first: [{ code: 'RULES_X', message: `networks.yaml:1:2: \u001b[2J${' word'.repeat(40)}` }]
    },
    waiting: null,
    mandates: { mandates: [], shortfalls: 0, later: 0, first: [], problems: [] },
    tests: { passed: 5, failed: 0, undecided: 0, first: [] },
    lists: [
      {
        ...{ id: 'ads', entries: 1000, compiled: '2026-01-01T03:04:05.678Z', compileMs: 1234 },
        compilingSince: '2026-01-04T03:04:05.678Z'
      },
      {
        id: 'new',
        entries: 0,
        compiled: null,
        compileMs: null,
        compilingSince: '2026-01-04T03:04:05.678Z'
      },
      {
        id: 'small',
        entries: 7,
        compiled: '2026-01-01T03:04:05.678Z',
        compileMs: 1,
        compilingSince: null
      }
    ],
    reloadStuckSince: '2026-01-04T03:04:05.678Z'
  },
  settings: {
    ...{ file: '/etc/interdict/interdict.yaml', sha256: 'e'.repeat(64), generation: 3 },
    since: '2026-01-02T03:04:05.678Z',
    reload: {
      ...{ at: '2026-01-03T03:04:05.678Z', reason: 'settings changed', outcome: 'refused' },
      ...{ errors: 1, first: [{ code: 'DOCUMENT_INVALID', message: 'interdict.yaml:1:2: no' }] }
    },
    restart: [{ key: 'workers', running: 'auto', wanted: '8' }]
  },
  workers: [worker(0, 3), worker(1, 0), { ...worker(2, 1), state: 'dead', since: null }],
  silent: [1],
  zones: (['good', 'failing', 'expired'] as const).map(state => ({
    ...{ list: 'rpz-main', zone: 'rpz.example', state, failures: 12 },
    copy: {
      ...{ serial: 4_294_967_295, primary: 'headquarters' },
      confirmed: '2026-01-02T03:04:05.678Z',
      due: '2026-01-02T03:04:05.678Z',
      expires: '2026-01-02T03:04:05.678Z'
    }
  })),
  history: { incompleteSince: null, error: null },
  witness: null,
  remoteLists: [],
  certificates: [],
  catalogue: null,
  reports: [
    {
      ...{ name: 'weekly', next: '2026-11-09T05:00:00.000Z', last: '2026-11-02T05:00:03.000Z' },
      ...{ made: 2, failed: 0, dropped: 0, error: null }
    },
    {
      ...{ name: 'daily', next: null, last: null, made: 0, failed: 12, dropped: 1 },
      error: 'cannot send mail by mail.example: timeout'
    }
  ],
  probe: null,
  validation: null,
  bindings: null,
  observation: null,
  fleet: {
    name: 'site-17',
    ring: 'canary',
    connected: false,
    server: null,
    contact: '2026-01-03T03:04:05.000Z',
    silentSince: '2026-01-03T03:04:05.000Z',
    wanted: 18,
    wantedSince: '2026-01-03T03:04:05.000Z',
    error: { code: 'FLEET_CONNECT', message: 'cannot connect to NATS' },
    dropped: 1,
    reports: 2,
    logs: {
      ...{ waiting: 3, waitingOctets: 4_500_000, waitingSince: '2026-01-02T03:04:05.000Z' },
      ...{ sent: 1234, lastSent: '2026-01-01T03:04:05.000Z', failed: 7 },
      error: { code: 'FLEET_LOGS', message: 'cannot send logs to /mnt/logs: no such folder' }
    }
  },
  alerts: [
    { name: 'ops', active: 3, waiting: 0, sent: 1234, failed: 0, dropped: 0, error: null },
    { name: 'on-call', active: 3, waiting: 2, sent: 1, failed: 9, dropped: 4, error: 'no route' }
  ],
  queries: {
    ...{ udp: 4e9, tcp: 4e6, dot: 5e6, doh: 6e6, waiting: 17 },
    ...{ forwarded: 3e8, stale: 2e6, failed: 1e6 }
  },
  replies: { sent: 4e9, unsent: 12 },
  connections: {
    open: 1e4,
    accepted: 1e6,
    idleClosed: 1,
    refused: 1,
    overClientLimit: 1,
    evicted: 1
  },
  tls: { handshakes: 1e6, resumed: 9e5, failed: 1234, timedOut: 1000, evicted: 1, refused: 12 },
  identities: { ...NO_IDENTITIES, known: 1e6, unknown: 3, revoked: 2, cut: 1 },
  clients: { phones: 9e5, kiosk: 1 },
  limits: {
    queries: { dropped: 1, slipped: 2 },
    responses: { dropped: 3, slipped: 4 },
    frontEnds: { refused: 1 },
    cpu: { closed: 5 }
  },
  cache: {
    answers: { entries: 1e6, octets: 2 ** 30, limitOctets: 2 ** 36 },
    failures: { entries: 1e6, octets: 5e5, limitOctets: 2 ** 22 }
  },
  upstreams: [
    {
      ...{ address: '[fd12:3456:789a:bcde:f012:3456:789a:bcde]:5353', cookies: 2, ...upstream },
      ...{
        probed: true,
        state: 'up',
        workers: { up: 1, outOfRotation: 0, down: 1 },
        roundTripMs: 1234.567
      },
      ...{ ednsRejections: 2, withoutEdns: 1, ...CLEAR },
      loopsFor: ['.', 'corp.example']
    },
    {
      ...{
        address: 'tls://192.0.2.1#a.example',
        cookies: 0,
        ...upstream,
        roundTripMs: null,
        loopsFor: []
      },
      ...{ encryption: 'opportunistic', error: null },
      state: 'up',
      probed: true,
      workers: { up: 0, outOfRotation: 2, down: 0 }
    },
    {
      ...{
        address: 'tls://192.0.2.2#b.example',
        cookies: 0,
        ...upstream,
        roundTripMs: null,
        loopsFor: []
      },
      ...{ encryption: 'strict', error: 'certificate has expired' },
      state: 'down',
      probed: true,
      workers: { up: 0, outOfRotation: 1, down: 1 }
    },
    {
      ...{ address: '192.0.2.3', cookies: 0, ...upstream, roundTripMs: null, loopsFor: [] },
      ...CLEAR,
      state: 'unknown',
      probed: true,
      workers: { up: 0, outOfRotation: 0, down: 0 }
    }
  ],
  recorder: {
    ...{ written: 1, dropped: 2, lost: 3, unknown: 4, errors: 5, rotations: 6, restarts: 7 },
    ...{ writable: false, misplaced: false, keyError: null },
    outputs: [
      {
        name: 'siem',
        sent: 5,
        dropped: 6,
        errors: 7,
        waitingOctets: 2048,
        connected: false,
        restarts: 2
      },
      {
        name: 'tap',
        sent: 8,
        dropped: 0,
        errors: 9,
        waitingOctets: 0,
        connected: true,
        restarts: 0
      }
    ],
    lookups: {
      ...{ forwarded: 1, cached: 2, blocked: 3, monitored: 4, allowed: 5, refused: 6 },
      ...{ failed: 7, local: 8, stale: 9, probe: 0, observed: 0 }
    }
  },
  archive: {
    working: false,
    last: {
      ...{ at: '2026-01-03T00:00:10.678Z', outcome: 'failed', errors: 2 },
      first: [{ code: 'CHAIN_WRITE', message: 'the chain: no space' }]
    },
    again: '2026-01-03T00:10:10.678Z',
    parquet: 'missing',
    stored: {
      ...{ days: 31, oldest: '2025-12-03', closed: 2, octets: 2 ** 30 },
      chain: {
        ...{ lines: 1234, time: '2026-01-02T23:04:05.678Z', sha256: 'a'.repeat(64) },
        putAside: 1
      }
    },
    ...{ limitOctets: 2 ** 31, keepDays: 90, freeOctets: 0 }
  }
})

async function said(t: Test, status: StatusReply, ...words: string[]): Promise<Ran> {
  const one = open(t)
  await listenAt(t, one.site.path('admin.sock'), socket => {
    socket.end(`${JSON.stringify({ ok: true, result: status })}\n`)
  })
  return one.status(...words)
}

t.test('shows every problem within 100 columns, and reports missing counters', async t => {
  const { code, out, err } = await said(t, TROUBLE)
  t.equal(code, 1)
  t.match(err, /^no reply in time from worker 1, .*\(ADMIN_WORKERS\)\n$/)
  t.strictSame(
    out.split('\n').filter(line => line.length > 100),
    []
  )
  t.notMatch(out, /\u001b/, 'no control characters')
  const text = out.replace(/\n +/g, ' ')
  for (const words of [
    'not ready; failing: serving, policy, evidence worker 2 is not listening (WORKER_DOWN)',
    'worker 1 does not respond (WORKER_SILENT)',
    'the query log cannot be written (LOG_UNWRITABLE)',
    'up for 1 d 2 h, since 2026-01-02T03:04:05Z',
    '12 bans and exceptions end within 14 days, 34 reviews due: see interdict bans',
    '(SIGHUP): refused, 3 errors; previous rules remain in force',
    'reload stuck since 2026-01-04T03:04:05Z; previous rules remain in force',
    '(RULES_X) and 2 more; see the service log',
    'worker 0 is listening, started 2026-01-02T03:04:05Z, restarted 3 times',
    'worker 1 is not responding, started',
    'worker 2 died and will be restarted, restarted 1 time',
    '17 queries in progress',
    '12 replies could not be sent',
    '3 blocked',
    '1 refused, 1 over the limit per client',
    'queries: 1 dropped, 2 truncated',
    'identical responses: 3 dropped, 4 truncated',
    '1 query from front ends without a client address',
    '1,000,000 answers in 1 GB of 64 GB',
    '2 dropped (queue full), 3 lost (write failed)',
    '5 write errors',
    'forwarding loop for corp.example; not used for it',
    'rejects EDNS; queried without it',
    '31 days of Parquet since 2025-12-03, 2 closed files waiting, 1 GB of 2 GB, kept for 90 days',
    '0 B of disk space free',
    'closed files are kept as JSON lines: DuckDB is not installed',
    'maintenance run 2026-01-03T00:00:10Z: incomplete, 2 errors; next try',
    'the chain: no space (CHAIN_WRITE) and 1 more; see the service log',
    '1,234 lines, last one 2026-01-02T23:04:05Z SHA-256 aaa',
    '1 chain set aside as broken',
    'siem: 5 lookups sent, 2 KB waiting, 6 dropped',
    'tap: 8 lookups sent',
    'ops: 3 active, 1,234 messages sent',
    'on-call: 3 active, 1 message sent, 2 waiting, 4 dropped',
    'no route (ALERTS_FAILING)',
    'weekly: last made 2026-11-02T05:00:03Z, next 2026-11-09T05:00:00Z',
    'daily: not made yet, 1 given up, cannot send mail by mail.example: timeout',
    'site-17 in ring canary: disconnected, wants bundle 18',
    'cannot connect to NATS (FLEET_CONNECT)',
    '3 log files (4.3 MB) to send since 2026-01-02T03:04:05Z; 1,234 sent',
    'cannot send logs to /mnt/logs: no such folder (FLEET_LOGS)',
    '2 of 4 up, 1 not used yet'
  ]) {
    t.ok(text.includes(words), words)
  }
  t.match(out, /:5353\n +1\/2 up +123,456,789 +1,234,567 +1,234,567 +1234\.6 ms +yes\n/)
  t.match(out, /^tls:\/\/192\.0\.2\.1#a\.example\n? +out of rotation .* - +no$/m)
  t.match(out, /^tls:\/\/192\.0\.2\.2#b\.example\n? +down /m)
  t.match(out, /192\.0\.2\.1#a\.example: encrypted, but its certificate is not checked\n/)
  t.match(out, /192\.0\.2\.2#b\.example: certificate has expired\n/)
  t.match(out, /^192\.0\.2\.3 +unknown /m)
})

t.test('--health shows problems only, and fails if there is one', async t => {
  const { code, out, err } = await said(t, TROUBLE, '--health')
  t.strictSame([code, err], [1, ''])
  const codes = out.match(/(?<=\()[A-Z_]+(?=\)$)/gm)
  t.strictSame(codes?.length, out.trim().split('\n').length - 3)
  for (const state of HEALTH_STATES) t.match(out, new RegExp(`^${state}: failing\\n {2}`, 'm'))
  t.ok(codes?.every(code => code in PROBLEMS))
  t.notMatch(out, /\u001b/, 'no control characters')
  const json = await said(t, TROUBLE, '--health', '--json')
  t.equal(json.code, 1)
  t.match(JSON.parse(json.out), { ready: false, problems: [{ code: 'WORKER_DOWN' }] })
  const states = { serving: true, policy: true, evidence: true }
  const health = { ready: true, states, problems: [] }
  t.match(await said(t, { ...TROUBLE, health }, '--health'), { code: 0, out: 'healthy\n' })
})

t.test('shows that the recorder is not responding', async t => {
  const { code, out } = await said(t, { ...TROUBLE, silent: [], recorder: null })
  t.equal(code, 0)
  t.match(out, /^Query log {4}the recorder is not responding$/m)
})

t.test('shows the last maintenance run of the archive', async t => {
  const archive = { ...TROUBLE.archive!, parquet: 'made', again: null, stored: null } as const
  const at = '2026-01-03T00:00:10.678Z'
  const cases: readonly (readonly [Status['archive'], RegExp])[] = [
    [
      { ...archive, last: { at, outcome: 'done', errors: 0, first: [] }, freeOctets: 1024 },
      /^Archive {6}1 KB of disk space free\n {13}maintenance run 2026-01-03T00:00:10Z: complete\n\w/m
    ],
    [
      { ...archive, last: { at, outcome: 'died', errors: 0, first: [] }, working: true },
      /maintenance run 2026-01-03T00:00:10Z: interrupted: the process ended\n {13}maintenance run in progress\n\w/
    ],
    [{ ...archive, last: null, working: true }, /space free\n {13}maintenance run in progress\n\w/],
    [{ ...archive, last: null, freeOctets: null }, /^Archive {6}free disk space unknown$/m],
    [null, /written[^]*\nOutputs/]
  ]
  for (const [archive, wanted] of cases) {
    const { out } = await said(t, { ...TROUBLE, silent: [], archive })
    t.match(out, wanted)
    t.notMatch(out, /^Chain/m)
  }
})

t.test('reports missing counters with --json, too', async t => {
  const { code, out, err } = await said(t, TROUBLE, '--json')
  t.equal(code, 1)
  t.match(err, /ADMIN_WORKERS/)
  t.strictSame(JSON.parse(out), TROUBLE)
})
