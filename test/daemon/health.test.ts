import t from 'tap'
import { tableAfter } from '../house/markdown.js'
import type { ObservationState } from '../../src/gateway/egress/observation-messages.js'
import { healthOf, type HealthProblem } from '../../src/gateway/status/health.js'
import { HEALTH_STATES, PROBLEMS } from '../../src/gateway/status/problems.js'
import type { Status } from '../../src/gateway/status/status.js'
import type { UpstreamStatus } from '../../src/gateway/status/upstream-status.js'
import { ZERO_COUNTERS } from '../../src/gateway/workers/worker-status.js'

type Recorder = NonNullable<Status['recorder']>

const upstream = (address: string, state: UpstreamStatus['state'], more: object = {}) =>
  ({
    address,
    state,
    isDefault: true,
    networks: [],
    loopsFor: [],
    ...more
  }) as unknown as UpstreamStatus
const output = { name: 'siem', connected: false, sent: 0, waitingOctets: 0 }
const CERTIFICATE = {
  ...{ name: 'new', expires: '2999-01-01T00:00:00.000Z' },
  ...{ error: null, uncovered: [] }
}
const recorder = {
  writable: true,
  misplaced: false,
  keyError: null,
  outputs: []
} as unknown as Recorder
// Still now when the machine is slow.
const now = new Date(Date.now() + 3_600_000).toISOString()
const fleet = {
  ...{ name: 'site-17', ring: 'all', connected: true, server: null, contact: null, reports: 0 },
  ...{ silentSince: '2026-01-01T00:00:00Z', wanted: 18, wantedSince: '2026-01-01T00:00:00Z' },
  ...{ error: null, dropped: 0, logs: null }
}
const probe = (part: object): NonNullable<Status['probe']> => ({
  ...{ everySeconds: 60, since: now, rounds: 1, asked: 9, failed: 0, last: { at: now, asked: 9 } },
  ...{
    lastGood: now,
    failing: 0,
    failures: [],
    bans: null,
    skipped: [],
    tlsListeners: 0,
    certificates: []
  },
  ...part
})
const REJECTED = (
  [
    'CERTIFICATE_NAME',
    'CERTIFICATE_UNTRUSTED',
    'CERTIFICATE_OUTDATED',
    'TLS_FAILING',
    'CERTIFICATE_EXPIRED'
  ] as const
).map(code => ({ code, listener: 'dot 127.0.0.1:853', name: '', problem: 'no', since: now }))
const wrong = (rule: string): NonNullable<Status['probe']>['failures'][number] => {
  const kind = rule === '' ? 'log' : 'ban'
  const asked = rule === '' ? '' : 'x'
  const of = { network: asked, client: asked, name: asked, type: asked, server: asked }
  return { kind, rule, ...of, problem: 'no SOA', worker: null, since: now }
}
const reload = { at: '2026-01-01T00:00:00Z', reason: 'SIGHUP', errors: 1 } as const
const denied: NonNullable<ObservationState['deny']> = {
  ...{ networks: { phones: 1 }, inForce: true, error: null, shared: 0, aliased: 0, kept: 0 },
  lookups: { names: 1, failed: 0, waiting: 0 },
  ...{ omitted: 0, overdue: 0, restored: { count: 0, last: null }, fetched: null }
}
const observed: ObservationState = {
  ...{
    reading: true,
    error: null,
    counted: true,
    known: true,
    connections: 9,
    unknown: 0,
    lost: 0
  },
  ...{ findings: { banned: 1, resolver: 0, unresolved: 0 }, lastFinding: null, deny: null }
}
const first = [{ code: 'RULES_X', message: 'networks.yaml:1:2: no' }]
const mandates = { mandates: [], shortfalls: 0, later: 0, first: [], problems: [] }
const worker = { number: 0, state: 'listening', since: null, restarts: 0, generation: 2 } as const
const usage = { entries: 0, octets: 0, limitOctets: 1 }
const GOOD: Status = {
  ...ZERO_COUNTERS,
  ...{
    version: '1.0.0',
    installed: '1.0.0',
    started: '',
    uptimeSeconds: 1,
    stopping: false,
    readyRequires: [],
    slowTransport: null,
    slowTls: null,
    transport: 'batch',
    listening: []
  },
  rules: {
    generation: 2,
    reload: null,
    waiting: null,
    tests: { passed: 1, failed: 0, undecided: 0, first: [] },
    mandates,
    reloadStuckSince: null,
    ...{ shrunkLists: [], removedBans: [] },
    bundle: null
  } as unknown as Status['rules'],
  enforcement: { against: [], byOrder: [], more: 0 },
  settings: null,
  workers: [worker],
  silent: [],
  cache: { answers: usage, failures: usage },
  upstreams: [upstream('192.0.2.1', 'up'), upstream('192.0.2.2', 'unknown')],
  zones: [],
  history: { incompleteSince: null, error: null },
  witness: null,
  remoteLists: [],
  certificates: [],
  clients: {},
  alerts: [],
  reports: [],
  catalogue: null,
  fleet: null,
  probe: null,
  validation: null,
  bindings: null,
  observation: null,
  recorder,
  archive: null
}
const rules = (part: object): Partial<Status> => ({ rules: { ...GOOD.rules, ...part } })
const zone = (state: string) => [
  { list: 'rpz', zone: 'rpz.example', state, failures: 9, copy: null }
]

const list = (state: Status['remoteLists'][number]['state']) => {
  return { list: 'ads', state, isQuarantined: false, failures: 0, confirmed: 'then' }
}
const scheduled = (error: string | null): Status['reports'][number] => {
  return { name: 'weekly', next: null, last: null, made: 0, failed: 0, dropped: 0, error }
}
const hook = (error: string | null) => {
  return { name: 'ops', active: 0, waiting: 0, sent: 0, failed: 0, dropped: 0, error }
}

const deviation = (
  kind: 'pause' | 'scope',
  code: HealthProblem['code']
): Status['enforcement']['against'][number] => ({
  ...{ kind, code, subject: 'clip', networks: [], by: null, reason: null, until: null },
  message: 'no'
})

const cases: readonly {
  readonly it: string
  readonly bad: Partial<Status>
  readonly codes: readonly HealthProblem['code'][]
}[] = [
  { it: 'all is well', bad: {}, codes: [] },
  {
    it: 'a worker is dead',
    bad: { workers: [worker, { ...worker, number: 1, state: 'dead' }] },
    codes: ['WORKER_DOWN']
  },
  { it: 'it is about to stop', bad: { stopping: true }, codes: ['STOPPING'] },
  {
    it: 'a worker answers by earlier rules',
    bad: { workers: [worker, { ...worker, number: 1, generation: 1 }] },
    codes: ['WORKER_OUTDATED']
  },
  {
    it: 'a worker starts, and has no rules yet',
    bad: { workers: [worker, { ...worker, number: 1, state: 'starting', generation: 0 }] },
    codes: ['WORKER_DOWN']
  },
  { it: 'a worker is silent', bad: { silent: [0] }, codes: ['WORKER_SILENT'] },
  {
    it: 'a block is paused, and a declared scope is not covered',
    bad: {
      enforcement: {
        against: [deviation('pause', 'BLOCK_PAUSED'), deviation('scope', 'SCOPE_UNCOVERED')],
        ...{ byOrder: [], more: 0 }
      }
    },
    codes: ['BLOCK_PAUSED', 'SCOPE_UNCOVERED']
  },
  {
    it: 'rules are refused',
    bad: rules({ reload: { ...reload, outcome: 'refused', first } }),
    codes: ['RULES_REFUSED']
  },
  {
    it: 'saved rules wait to be applied',
    bad: rules({ waiting: { since: 'then', sha256: 'abc', errors: 0, first: [] } }),
    codes: ['RULES_WAITING']
  },
  {
    it: 'a witness has not confirmed the query log for too long',
    bad: {
      witness: [
        {
          ...{
            by: 'tsa',
            to: 'https://tsa.example/',
            line: 7,
            confirmed: 'then',
            error: first[0]!
          },
          missingSince: 'then'
        }
      ]
    },
    codes: ['LOG_UNWITNESSED']
  },
  {
    it: 'connections of clients are not read',
    bad: { observation: { ...observed, reading: false, error: 'no such file' } },
    codes: ['EGRESS_UNOBSERVED']
  },
  {
    it: 'addresses are not denied',
    bad: { observation: { ...observed, deny: { ...denied, error: 'no such file' } } },
    codes: ['EGRESS_UNDENIED']
  },
  {
    it: 'another program has changed the table of denied addresses',
    bad: {
      observation: {
        ...observed,
        deny: { ...denied, restored: { count: 1, last: new Date().toISOString() } }
      }
    },
    codes: ['EGRESS_CHANGED']
  },
  {
    it: 'clients bypass the resolver by address',
    bad: { observation: { ...observed, lastFinding: Date.now() - 60_000 } },
    codes: ['EGRESS_FOUND']
  },
  {
    it: 'clients bypassed the resolver long ago',
    bad: { observation: { ...observed, lastFinding: Date.now() - 7_200_000 } },
    codes: []
  },
  {
    it: 'the history of rules cannot be written',
    bad: { history: { incompleteSince: 'then', error: first[0]! } },
    codes: ['HISTORY_GAP']
  },
  {
    it: 'policy tests fail under the rules in force',
    bad: rules({ tests: { passed: 1, failed: 1, undecided: 1, first } }),
    codes: ['POLICY_TESTS_FAILING']
  },
  {
    it: 'a mandate is not satisfied',
    bad: rules({ mandates: { ...mandates, shortfalls: 1, first } }),
    codes: ['MANDATE_UNMET']
  },
  {
    it: 'the file of a mandate is gone, and one will not be satisfied',
    bad: rules({ mandates: { ...mandates, later: 1, first, problems: first } }),
    codes: ['MANDATE_INVALID']
  },
  {
    it: 'policy tests cannot be decided',
    bad: rules({ tests: { passed: 1, failed: 0, undecided: 1, first } }),
    codes: []
  },
  {
    it: 'a secret file is refused',
    bad: rules({ reload: { ...reload, outcome: 'unchanged', first } }),
    codes: ['SECRETS_REFUSED']
  },
  {
    it: 'rules were accepted',
    bad: rules({ reload: { ...reload, errors: 0, outcome: 'accepted', first: [] } }),
    codes: []
  },
  {
    it: 'settings are refused',
    bad: {
      settings: {
        reload: { ...reload, outcome: 'refused', first }
      } as unknown as Status['settings']
    },
    codes: ['SETTINGS_REFUSED']
  },
  { it: 'a reload hangs', bad: rules({ reloadStuckSince: 'then' }), codes: ['RELOAD_STUCK'] },
  {
    it: 'the log cannot be written',
    bad: { recorder: { ...recorder, writable: false } },
    codes: ['LOG_UNWRITABLE']
  },
  {
    it: 'the log is somewhere else',
    bad: { recorder: { ...recorder, misplaced: true } },
    codes: ['LOG_MISPLACED']
  },
  {
    it: 'slow sockets',
    bad: { slowTransport: 'portable sockets' },
    codes: ['TRANSPORT_PORTABLE']
  },
  { it: 'an untried OpenSSL', bad: { slowTls: 'by node:tls' }, codes: ['TLS_PORTABLE'] },
  {
    it: 'another version is installed than the one that runs',
    bad: { installed: '1.0.1' },
    codes: ['PROGRAM_OUTDATED']
  },
  { it: 'the installed program is gone', bad: { installed: null }, codes: [] },
  {
    it: 'a pseudonym key cannot be used',
    bad: { recorder: { ...recorder, keyError: 'cannot use pseudonym key' } },
    codes: ['PRIVACY_KEY']
  },
  {
    it: 'a ban was removed',
    bad: rules({ removedBans: [{ id: 'clip', since: 'then' }] }),
    codes: ['BAN_REMOVED']
  },
  {
    it: 'a local list has shrunk',
    bad: rules({ shrunkLists: [{ id: 'own', before: 50, now: 1, since: 'then' }] }),
    codes: ['LIST_SHRUNK']
  },
  {
    it: 'a certificate is for another name',
    bad: { certificates: [{ ...CERTIFICATE, uncovered: ['dns.example'] }] },
    codes: ['CERTIFICATE_NAME']
  },
  {
    it: 'a listener has a certificate that clients reject',
    bad: { probe: probe({ certificates: REJECTED }) },
    codes: [
      'CERTIFICATE_NAME',
      'CERTIFICATE_UNTRUSTED',
      'CERTIFICATE_OUTDATED',
      'TLS_FAILING',
      'CERTIFICATE_EXPIRED'
    ]
  },
  {
    it: 'the file of a certificate shows already what clients find',
    bad: {
      probe: probe({ certificates: REJECTED.slice(0, 1) }),
      certificates: [{ ...CERTIFICATE, uncovered: ['dns.example'] }]
    },
    codes: ['CERTIFICATE_NAME']
  },
  { it: 'the recorder is silent', bad: { recorder: null }, codes: ['RECORDER_SILENT'] },
  {
    it: 'one upstream of two is down',
    bad: { upstreams: [upstream('192.0.2.1', 'down'), upstream('192.0.2.2', 'unknown')] },
    codes: ['UPSTREAM_DOWN']
  },
  {
    it: 'all upstreams are down',
    bad: { upstreams: [upstream('192.0.2.1', 'down'), upstream('192.0.2.2', 'down')] },
    codes: ['UPSTREAMS_DOWN', 'UPSTREAM_DOWN', 'UPSTREAM_DOWN']
  },
  {
    it: 'the only upstream is down',
    bad: { upstreams: [upstream('192.0.2.1', 'down')] },
    codes: ['UPSTREAMS_DOWN']
  },
  {
    it: 'all default upstreams are down, and that of a domain is up',
    bad: {
      upstreams: [upstream('192.0.2.1', 'down'), upstream('192.0.2.2', 'up', { isDefault: false })]
    },
    codes: ['UPSTREAMS_DOWN', 'UPSTREAM_DOWN']
  },
  {
    it: 'the upstream of a domain is down, and there are no others',
    bad: { upstreams: [upstream('192.0.2.1', 'down', { isDefault: false })] },
    codes: ['UPSTREAMS_DOWN']
  },
  {
    it: 'no upstream has answered a probe yet',
    bad: {
      upstreams: [
        upstream('192.0.2.1', 'unknown', { probed: true }),
        upstream('192.0.2.2', 'down', { probed: true })
      ]
    },
    codes: ['UPSTREAMS_UNKNOWN', 'UPSTREAM_DOWN']
  },
  { it: 'there is no upstream', bad: { upstreams: [] }, codes: ['UPSTREAMS_DOWN'] },
  {
    it: 'there are upstreams for domains alone',
    bad: { upstreams: [upstream('192.0.2.1', 'up', { isDefault: false })] },
    codes: []
  },
  {
    it: 'no upstream has been used',
    bad: { upstreams: [upstream('192.0.2.1', 'unknown')] },
    codes: []
  },
  {
    it: 'an upstream forwards back',
    bad: { upstreams: [upstream('192.0.2.1', 'up', { loopsFor: ['corp.example'] })] },
    codes: ['FORWARDING_LOOP']
  },
  {
    it: 'the bundle has expired',
    bad: rules({ bundle: { serial: 1, state: 'expired', expires: 'then' } }),
    codes: ['BUNDLE_EXPIRED']
  },
  {
    it: 'the root of trust has expired',
    bad: rules({
      bundle: { serial: 1, state: 'good', root: { version: 3, state: 'expired', expires: 'then' } }
    }),
    codes: ['ROOT_EXPIRED']
  },
  {
    it: 'a zone has expired',
    bad: { zones: zone('expired') as Status['zones'] },
    codes: ['ZONE_EXPIRED']
  },
  {
    it: 'a zone was never transferred',
    bad: { zones: zone('missing') as Status['zones'] },
    codes: ['ZONE_MISSING']
  },
  {
    it: 'a list has expired, another one is quarantined',
    bad: { remoteLists: [list('expired'), { ...list('failing'), isQuarantined: true }] },
    codes: ['LIST_EXPIRED', 'LIST_QUARANTINED']
  },
  {
    it: 'a list was never downloaded',
    bad: { remoteLists: [list('missing')] },
    codes: ['LIST_MISSING']
  },
  {
    it: 'a certificate has expired',
    bad: {
      certificates: [
        { ...CERTIFICATE, name: 'old', expires: '2020-01-01T00:00:00.000Z' },
        CERTIFICATE
      ]
    },
    codes: ['CERTIFICATE_EXPIRED']
  },
  {
    it: 'a new certificate is unusable',
    bad: { certificates: [{ ...CERTIFICATE, error: 'no key' }] },
    codes: ['CERTIFICATE_REFUSED']
  },
  {
    it: 'a webhook fails',
    bad: { alerts: [hook(null), hook('HTTP status 500')] },
    codes: ['ALERTS_FAILING']
  },
  {
    it: 'a scheduled report fails',
    bad: { reports: [scheduled(null), scheduled('cannot send mail')] },
    codes: ['REPORTS_FAILING']
  },
  {
    it: 'the catalogue cannot be updated and has expired',
    bad: {
      catalogue: {
        inForce: { version: '1', serial: 1, expires: '2020-01-01T00:00:00Z' },
        ...{ last: null, next: null },
        error: { code: 'REMOTE_FETCH', message: 'no route' }
      }
    },
    codes: ['CATALOGUE_FAILING', 'CATALOGUE_EXPIRED']
  },
  {
    it: 'the fleet is silent, and the gateway behind',
    bad: { fleet },
    codes: ['FLEET_SILENT', 'FLEET_BEHIND']
  },
  {
    it: 'the fleet is silent, which the gateway knows why',
    bad: {
      fleet: {
        ...fleet,
        wanted: null,
        wantedSince: null,
        error: { code: 'FLEET_CONNECT', message: 'no route' }
      }
    },
    codes: ['FLEET_SILENT']
  },
  {
    it: 'the fleet was heard of just now',
    bad: { fleet: { ...fleet, silentSince: now, wantedSince: now } },
    codes: []
  },
  {
    it: 'bans do not work as the rules say',
    bad: { probe: probe({ failing: 3, failures: [wrong('one'), wrong('one'), wrong('')] }) },
    codes: ['PROBE_FAILING', 'PROBE_FAILING']
  },
  {
    it: 'more bans than are named do not work',
    bad: { probe: probe({ failing: 99, failures: [wrong('one')] }) },
    codes: ['PROBE_FAILING']
  },
  {
    it: 'the probe does not run',
    bad: { probe: probe({ since: '2026-01-01T00:00:00Z', last: null }) },
    codes: ['PROBE_SILENT']
  },
  { it: 'the probe is good', bad: { probe: probe({}) }, codes: [] },
  {
    it: 'archiving fails',
    bad: {
      archive: { last: { ...reload, outcome: 'failed', first } } as unknown as Status['archive']
    },
    codes: ['ARCHIVE_FAILED']
  },
  {
    it: 'an output is away, with lookups for it',
    bad: {
      recorder: { ...recorder, outputs: [{ ...output, waitingOctets: 1 }] } as unknown as Recorder
    },
    codes: ['OUTPUT_DISCONNECTED']
  },
  {
    it: 'an output has nothing to do',
    bad: { recorder: { ...recorder, outputs: [output] } as unknown as Recorder },
    codes: []
  }
]

for (const { it, bad, codes } of cases) {
  t.test(`${it}: ${codes.join() || 'healthy'}`, async t => {
    const { ready, states, problems } = healthOf({ ...GOOD, ...bad })
    t.strictSame(
      problems.map(({ code }) => code),
      codes
    )
    const failing = codes.filter(code => PROBLEMS[code].fails).map(code => PROBLEMS[code].state)
    for (const state of HEALTH_STATES) t.equal(states[state], !failing.includes(state), state)
    t.equal(ready, states.serving, 'ready')
    const strict = healthOf({ ...GOOD, ...bad, readyRequires: ['policy', 'evidence'] })
    t.equal(strict.ready, failing.length === 0, 'ready, with all states required')
  })
}

t.test('a problem says what it is about', async t => {
  const down = { upstreams: [upstream('192.0.2.1', 'down'), upstream('192.0.2.2', 'up')] }
  t.strictSame(healthOf({ ...GOOD, ...down }).problems, [
    {
      ...{ code: 'UPSTREAM_DOWN', state: 'serving', subject: '192.0.2.1' },
      message: 'upstream 192.0.2.1 does not answer'
    }
  ])
  t.match(healthOf({ ...GOOD, stopping: true }).problems, [{ subject: null }])
})

t.test('docs/reference/admin-socket.md has the state of each code', t => {
  const rows = tableAfter('docs/reference/admin-socket.md', '### Health', 1)
  t.strictSame(
    Object.fromEntries(
      rows.map(([code, state, fails]) => [code, { state, fails: fails === 'yes' }])
    ),
    PROBLEMS
  )
  t.end()
})

t.test('every problem has a case', async t => {
  const shown = new Set(cases.flatMap(({ codes }) => codes))
  t.strictSame([...shown].sort(), Object.keys(PROBLEMS).sort())
})
