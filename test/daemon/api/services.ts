import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import type { StatusReply } from '../../../src/gateway/status/health.js'
import type { ActiveRules, ApiServices } from '../../../src/admin/api/api-services.js'
import type { RequestName, RequestOf } from '../../../src/gateway/processes/requests.js'
import type { ControlRequest } from '../../../src/gateway/socket/admin-protocol.js'
import type { Redirect } from '../../../src/admin/login/login.js'
import { ZERO_COUNTERS } from '../../../src/gateway/workers/worker-status.js'
import { packRules, unpackRules } from '../../../src/gateway/compiler/packed-rules.js'
import { compile } from '../../../src/policy/compile/compile.js'
import { loadRules } from '../../../src/policy/rules/load.js'
import { listBans, type BansList } from '../../../src/analysis/views/bans-list.js'

const usage = { entries: 0, octets: 0, limitOctets: 1 }
const at = '2026-01-01T00:00:00Z'

export const STATUS: StatusReply = {
  ...ZERO_COUNTERS,
  version: '1.0.0',
  installed: '1.0.0',
  started: at,
  uptimeSeconds: 1,
  stopping: false,
  transport: 'batch',
  listening: [{ address: '127.0.0.1', port: 53, protocol: 'dns' }],
  rules: {
    generation: 1,
    sha256: 'a'.repeat(64),
    since: at,
    bundle: null,
    asns: null,
    networks: 1,
    rules: 1,
    bans: 1,
    names: 1,
    ending: 0,
    reviewsDue: 0,
    reload: null,
    lists: [],
    waiting: null,
    tests: { passed: 0, failed: 0, undecided: 0, first: [] },
    mandates: { mandates: [], shortfalls: 0, later: 0, first: [], problems: [] },
    reloadStuckSince: null,
    shrunkLists: [],
    removedBans: []
  },
  enforcement: { against: [], byOrder: [], more: 0 },
  settings: null,
  clients: {},
  workers: [],
  silent: [],
  cache: { answers: usage, failures: usage },
  upstreams: [],
  zones: [],
  history: { incompleteSince: null, error: null },
  witness: null,
  remoteLists: [],
  certificates: [],
  alerts: [],
  reports: [],
  catalogue: null,
  fleet: null,
  probe: null,
  validation: null,
  bindings: null,
  observation: null,
  recorder: null,
  archive: null,
  readyRequires: [],
  slowTransport: null,
  slowTls: null,
  health: { ready: true, states: { serving: true, policy: true, evidence: true }, problems: [] }
}

/** A ban with everything, an exception, a ban to come, a list and two networks. */
const NETWORKS = `
networks:
  staff:
    prefixes: [10.0.0.0/8]
    bans:
      - id: video-ban
        apps: [video]
        authority: Ministry
        reference: { title: Decision 1, url: 'https://law.example/1' }
        legal-basis: Act 2
        owner: it@gov.example
        from: 2023-03-13
        review: 2026-01-05
      - id: later-ban
        names: [later.example]
        authority: Ministry
        reference: Decision 2
        from: 2999-01-01
    exceptions:
      - apps: [video]
        prefixes: [10.7.0.0/16]
        purpose: press office
        approved-by: head of security
        from: 2026-01-01
        until: 2026-01-10
    block: [{ lists: [own] }]
  guests:
    prefixes: [192.0.2.0/24, 2001:db8::/32]
dnssec:
  exceptions:
    - name: broken.example
      purpose: expired keys
      approved-by: head of security
      from: 2026-01-01
      until: 2026-01-10
lists:
  own: { file: own.txt }
`
const VIDEO = `
app: video
title: Video
vendor: Vendor
country: BE
names:
  - { name: video.example, role: web, evidence: [] }
`

/** Compiled rules, packed and unpacked as between threads. */
export async function activeRules(t: Test): Promise<ActiveRules> {
  const folder = t.testdir({
    'networks.yaml': NETWORKS,
    'own.txt': 'own.example\n',
    apps: { 'video.yaml': VIDEO }
  })
  const loaded = await loadRules(folder)
  if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
  const options = { generation: 7, random: () => 0, specialUse: [] }
  const snapshot = compile(loaded.rules, options)
  return { snapshot, ...unpackRules(packRules(loaded)) }
}

/** As `interdict bans --json`. */
function bansOf({ rules }: ActiveRules, request: RequestOf<'bans'>): BansList {
  const { at = '', within, network, app } = request
  return listBans(rules, { at: Date.parse(at) / 1000, within, network, app })
}

const sha256 = 'ab'.repeat(32)

/** Results of requests. */
const RESULTS: Readonly<Partial<Record<RequestName, unknown>>> = {
  query: [],
  who: { at: 0, found: { status: 'unknown', reason: 'none' } },
  check: { ok: true, errors: [], warnings: [] },
  'lists update': { lists: [{ id: 'ads', result: 'updated' }] },
  rollback: { from: 8, to: 7, changed: true },
  plan: { exitCode: 0, planned: sha256, check: { ok: true }, diff: null, forecast: null },
  'rules history': { total: 0, entries: [] },
  'rules show': { sha256, stretches: [], files: [], zones: [] },
  'rules file': { path: 'networks.yaml', text: '' },
  'rules restore': { sha256, written: [], removed: [], saved: null },
  explain: {
    ...{ name: 'video.example', type: 'AAAA', client: '10.7.0.1', device: null, network: null },
    ...{ at: '2026-01-02T00:00:00.000Z', rules: { sha256: null, serial: null } },
    ...{ verdict: 'unknown', match: 'none', rule: null, upstream: null, steps: [], reply: null },
    past: {
      ...{ since: null, until: null, unknown: ['the history begins later'], notes: [] },
      log: { lookups: [], remarks: [] }
    },
    timeZone: 'UTC'
  }
}

/** Replies of the control thread. */
const REPLIES: Readonly<Record<string, unknown>> = {
  flush: { dropped: 1, silent: [] },
  bindings: { lines: 1, refused: 0, late: 0 },
  reload: { at: 0, reason: 'request', outcome: 'unchanged', errors: 0, first: [] },
  apply: { sha256: 'ab', errors: [] },
  pause: { rule: 'ads', until: 1_800_000_000 },
  rotate: { rotated: true }
}

/**
 * Services with which every route succeeds.
 *
 * @param folder of the rule files; default: the test's own
 */
export function serving(
  t: Test,
  rules: ActiveRules,
  folder = t.testdirName
): Pick<ApiServices, 'config' | 'login' | 'status' | 'rules' | 'control' | 'command'> {
  const settings = `rules: '${folder}'\nupstreams: { servers: [], use-resolv-conf: false }\nlog: { queries: { which: none } }\nbindings: { feeds: [{ name: nac, type: json, http: true }] }`
  const read = readConfig(settings, join(folder, 'interdict.yaml'))
  if (!read.ok) throw new Error('settings')
  const { config } = read
  const redirect: Redirect = { location: '/', cookies: [] }
  const login = {
    begin: () => Promise.resolve(redirect),
    finish: () => Promise.resolve(redirect),
    logout: () => ({ provider: null, cookie: '' })
  }
  return {
    config,
    login,
    status: () => Promise.resolve(STATUS),
    rules: () => Promise.resolve(rules),
    control: <Result>(request: ControlRequest) => Promise.resolve(REPLIES[request.do] as Result),
    command: answering((name, request) => {
      if (name === 'bundle create')
        writeFileSync((request as RequestOf<'bundle create'>).output, 'bundle')
      const bans = name === 'bans' ? bansOf(rules, request as RequestOf<'bans'>) : undefined
      return Promise.resolve(bans ?? RESULTS[name] ?? {})
    })
  }
}

/** Answers all requests with a function instead of processes. */
export function answering(
  answer: (name: RequestName, request: object) => Promise<unknown>
): ApiServices['command'] {
  return answer as ApiServices['command']
}
