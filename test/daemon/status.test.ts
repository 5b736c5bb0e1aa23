import t from 'tap'
import { sendAdminRequest } from '../../src/gateway/socket/admin-client.js'
import type { StatusReply } from '../../src/gateway/status/health.js'
import { stateOf, type UpstreamStatus } from '../../src/gateway/status/upstream-status.js'
import { BadUpstream, good, silent, truncating } from '../upstream/bad-upstream.js'
import { askMany, askTcp, askUdp } from './dns-client.js'
import { kinds, serving, type Rig } from './serve.js'
import { banning, eventually } from './site.js'

const more = 'admin: { socket: admin.sock }'
/** A gateway without any upstream is not ready. Nothing is forwarded to this one. */
const UPSTREAM = { address: '127.0.0.1', port: 9 }
/** Longer than any test here takes. */
const LONG = 30_000
/** No retry to an upstream, however busy the machine is. */
const PATIENT = 'timeout: 4s, give-up: 4s'

async function statusOf({ site }: Rig): Promise<StatusReply> {
  const reply = await sendAdminRequest<StatusReply>(site.path('admin.sock'), { do: 'status' }, LONG)
  if (!reply.ok) throw new Error(reply.message)
  return reply.result
}

/** The status once the recorder has written this many lines, and this many replies were sent. */
async function whenDone(rig: Rig, lines: number, replies: number): Promise<StatusReply> {
  let last = await statusOf(rig)
  await eventually(`${lines} lines and ${replies} replies`, async () => {
    last = await statusOf(rig)
    return (last.recorder?.written ?? 0) >= lines && last.replies.sent >= replies
  })
  return last
}

for (const transport of kinds) {
  t.test(`${transport}: adds up the counters of all workers`, async t => {
    const upstream = await BadUpstream.open(truncating(good(1)))
    t.teardown(() => upstream.close())
    const { endpoint } = upstream
    const setting = { transport, workers: 2, upstream: endpoint, upstreams: PATIENT, more }
    const rig = await serving(t, setting)
    const { workers, endpoints, upstreams } = rig.gateway
    // Workers are chosen by a hash of the port: that 48 clients all reach one is practically impossible.
    await askMany(rig.at, 'www.example', 48)
    await askMany(rig.at, 'banned.example', 5)
    await askTcp(rig.at, 'banned.example')
    const status = await whenDone(rig, 6, 53)
    t.match(status, {
      health: {
        ready: true,
        states: { serving: true, policy: true, evidence: true },
        problems: []
      },
      version: /^\d+\.\d+\.\d+$/,
      started: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
      uptimeSeconds: Number,
      transport,
      listening: endpoints,
      rules: {
        generation: 1,
        networks: 1,
        rules: 1,
        bans: 1,
        names: 1,
        reload: null,
        lists: [],
        reloadStuckSince: null
      },
      workers: Array.from({ length: workers }, (_, number) => {
        return { number, state: 'listening', restarts: 0, since: /Z$/, generation: 1 }
      }),
      silent: [],
      queries: { udp: 53, tcp: 1, waiting: 0, stale: 0, failed: 0 },
      replies: { sent: 53, unsent: 0 },
      connections: { accepted: 1, refused: 0, overClientLimit: 0 },
      limits: { queries: { dropped: 0 }, responses: { slipped: 0 }, frontEnds: { refused: 0 } },
      cache: { answers: { entries: 1 }, failures: { entries: 0, octets: 0 } },
      upstreams: [
        {
          address: upstreams[0]!,
          state: 'up',
          isDefault: true,
          networks: [],
          workers: { up: workers, outOfRotation: 0, down: 0 },
          loopsFor: [],
          timeouts: 0,
          lost: 0
        }
      ],
      recorder: { written: 6, dropped: 0, lost: 0, restarts: 0, lookups: { blocked: 6 } }
    })
    const [{ queries, overTcp, truncated, responses }] = status.upstreams as [UpstreamStatus]
    // Workers share an upstream query, unless the first one has already had its response.
    t.ok(overTcp >= 1 && overTcp <= workers)
    t.strictSame([queries, truncated, responses], [2 * overTcp, overTcp, 2 * overTcp])
    t.ok(status.queries.forwarded >= 1 && status.queries.forwarded <= 48)
    const { octets, limitOctets } = status.cache.answers
    t.ok(octets > 0 && octets < limitOctets)
    t.ok(status.upstreams[0]!.roundTripMs! > 0)
  })
}

t.test('counts what limits rejected', async t => {
  const limits = 'limits: { queries-per-second: 1, burst: 1s, slip: 2 }'
  const rig = await serving(t, { more: `${more}\n${limits}` })
  await askUdp(rig.at, 'banned.example')
  const asked = askMany(rig.at, 'banned.example', 8, { patience: 1000 }).catch(() => 'dropped')
  await eventually('some are over the limit', async () => {
    const { queries } = (await statusOf(rig)).limits
    return queries.dropped > 0 && queries.slipped > 0
  })
  await asked
  t.match((await statusOf(rig)).limits.responses, { dropped: 0, slipped: 0 }, 'and no other one')
})

t.test('shows which upstream does not answer, and how that affects clients', async t => {
  const upstream = await BadUpstream.open(silent)
  t.teardown(() => upstream.close())
  const upstreams = 'timeout: 50ms, give-up: 200ms'
  const rig = await serving(t, { upstream: upstream.endpoint, upstreams, more })
  t.match(await askUdp(rig.at, 'www.example'), { rcode: 'SERVFAIL' })
  let status = await statusOf(rig)
  // On a busy machine, what is sent is not yet three times without an answer when the client gets its SERVFAIL.
  await eventually('the upstream is down', async () => {
    status = await statusOf(rig)
    return status.upstreams[0]?.state === 'down'
  })
  const { queries, cache, upstreams: states } = status
  t.match(queries, { forwarded: 0, failed: 1 })
  t.match(cache.failures, { entries: 1 })
  t.match(states, [{ state: 'down', workers: { up: 0 }, roundTripMs: null, responses: 0 }])
  t.ok(states[0]!.timeouts > 0)
})

t.test('shows the errors of rejected rules, and when they are fixed', async t => {
  const rig = await serving(t, { upstream: UPSTREAM, more })
  const first = await statusOf(rig)
  rig.site.write('rules/networks.yaml', banning('a..example'))
  await rig.gateway.reload('SIGHUP')
  const { rules, health } = await statusOf(rig)
  t.match(health, {
    ready: true,
    states: { serving: true, policy: false, evidence: true },
    problems: [{ code: 'RULES_REFUSED', state: 'policy' }]
  })
  t.match(rules, { generation: 1, since: first.rules.since, sha256: first.rules.sha256 })
  t.match(rules.reload, { outcome: 'refused', errors: 1, at: /Z$/ })
  t.match(rules.reload?.first, [{ code: /^[A-Z_]+$/, message: /networks\.yaml:6:\d+: / }])

  rig.site.write('rules/networks.yaml', banning('b.example', 'c.example'))
  await rig.gateway.reload('SIGHUP')
  const { rules: good, health: later } = await statusOf(rig)
  t.strictSame(later, {
    ready: true,
    states: { serving: true, policy: true, evidence: true },
    problems: []
  })
  t.match(good, { generation: 2, names: 2 })
  t.not(good.since, first.rules.since)
  // The change of the file may be noticed after SIGHUP has read it.
  t.match(good.reload, { outcome: /accepted|unchanged/, errors: 0, first: [] })
})

t.test('shows twenty errors of a reload, and counts all', async t => {
  const rig = await serving(t, { more })
  const names = Array.from({ length: 30 }, (_, i) => `${i}..example`)
  rig.site.write('rules/networks.yaml', banning(...names))
  await rig.gateway.reload('SIGHUP')
  const { reload } = (await statusOf(rig)).rules
  t.equal(reload?.errors, 30)
  t.equal(reload?.first.length, 20)
})

t.test('invalid cookie secrets are among the errors of a reload', async t => {
  const secret = '0123456789abcdef0123456789abcdef'
  const files = { 'rules/networks.yaml': banning('banned.example'), secrets: secret }
  const cookies = 'cookies: { secret-file: secrets }'
  const rig = await serving(t, { upstream: UPSTREAM, files, more: `${more}\n${cookies}` })
  rig.site.write('secrets', 'secret')
  await rig.gateway.reload('SIGHUP')
  const { reload } = (await statusOf(rig)).rules
  t.match(reload, { outcome: 'unchanged', errors: 1, first: [{ code: 'COOKIE_SECRET' }] })
  t.match((await statusOf(rig)).health, { ready: true, problems: [{ code: 'SECRETS_REFUSED' }] })
})

t.test('counts thread restarts; the counters of a new thread start at zero', async t => {
  const rig = await serving(t, { more, ownThreads: true })
  await askUdp(rig.at, 'banned.example')
  await whenDone(rig, 1, 1)
  await rig.threads.kill('worker')
  await rig.log.says('worker restarted')
  await rig.threads.kill('recorder')
  await eventually('another recorder', async () => (await statusOf(rig)).recorder?.restarts === 1)
  const status = await statusOf(rig)
  t.match(status, {
    workers: [{ number: 0, state: 'listening', restarts: 1 }],
    silent: [],
    queries: { udp: 0 },
    recorder: { written: 0 }
  })
  t.ok(status.workers[0]!.since! > status.started)
})

t.test('a thread that does not answer is named, and not waited for', async t => {
  const rig = await serving(t, { more })
  await askUdp(rig.at, 'banned.example')
  rig.threads.lost = ({ kind }) => kind === 'request'
  t.match(await statusOf(rig), {
    rules: { generation: 1 },
    workers: [{ number: 0, state: 'listening' }],
    silent: [0],
    queries: { udp: 0 },
    upstreams: [],
    recorder: null,
    health: { ready: false, problems: [{ code: 'WORKER_SILENT' }, { code: 'RECORDER_SILENT' }] }
  })
  rig.threads.lost = () => false
  t.match(await statusOf(rig), { silent: [], queries: { udp: 1 } })
})

t.test('what the workers noticed last decides whether an upstream is down', async t => {
  const idle = { answeredAgo: undefined, unavailableFor: undefined }
  const answered = { answeredAgo: 500, unavailableFor: undefined }
  const failing = { answeredAgo: 900, unavailableFor: 400 }
  t.equal(stateOf([]), 'unknown')
  t.equal(stateOf([idle, idle]), 'unknown')
  t.equal(stateOf([idle, answered]), 'up')
  t.equal(stateOf([idle, failing]), 'down', 'an idle worker has nothing to say')
  t.equal(stateOf([answered, failing]), 'down', 'the response came before the failures')
  t.equal(stateOf([{ ...answered, answeredAgo: 100 }, failing]), 'up', 'it came after the first')
})
