import { existsSync, readdirSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import type { Seconds } from '../../src/base/units.js'
import { judgeProfile } from '../../src/gateway/profiles/judge-profile.js'
import type { JudgedState } from '../../src/gateway/profiles/judgement.js'
import { JUDGES } from '../../src/gateway/profiles/judges.js'
import { loadProfile } from '../../src/gateway/profiles/profile.js'
import { PROFILES } from '../../src/gateway/profiles/profile-ids.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { interdict, writeSite } from '../cli/run.js'

interface Case {
  readonly settings?: string
  readonly rules?: string
  readonly state: JudgedState
}

/** 1 December 2026. */
const NOW = 1_796_083_200 as Seconds
const NETWORK = 'networks: { office: { prefixes: [10.0.0.0/8]'
const LIST = 'lists: { bad: { file: lists/bad.txt } }'
const DOT =
  "listen: [{ address: '127.0.0.1:853', protocol: dot, certificate: dns.pem, key: dns.key }]"
const BYPASS = ['encrypted-dns', 'private-relay', 'firefox-canary']
const ban = (apps: readonly string[], more = ''): string =>
  `${NETWORK}, bans: [{ apps: [${apps.join(', ')}], authority: A, reference: R${more} }] } }`
const HTTP = "admin: { http: '127.0.0.1:8053', tokens: tokens.yaml"

/** Settings and rules for each judge, first those with which the requirement is met as far as it can be. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  'threat-lists': [
    { rules: `${NETWORK}, block: [{ lists: [bad] }] } }\n${LIST}`, state: 'met' },
    {
      rules: `${NETWORK}, block: [{ lists: [bad], mode: monitor }] } }\n${LIST}`,
      state: 'not met'
    },
    {
      rules: `networks: { a: { prefixes: [10.0.0.0/8], block: [{ lists: [bad] }] }, b: { prefixes: [192.0.2.0/24] } }\n${LIST}`,
      state: 'partly'
    }
  ],
  'threat-categories': [
    { rules: `${NETWORK}, block: [{ lists: [bad] }] } }\n${LIST}`, state: 'not known' },
    { state: 'not met' }
  ],
  'content-filtering': [
    { rules: `${NETWORK}, block: [bad.example] } }`, state: 'met' },
    { state: 'not met' }
  ],
  'bypass-blocked': [
    { rules: ban(BYPASS), state: 'met' },
    { rules: ban(['private-relay']), state: 'partly' },
    { rules: ban(BYPASS, ', until: 2026-06-01'), state: 'not met' },
    { rules: ban(BYPASS, ', from: 2027-01-01'), state: 'not met' },
    { rules: ban(BYPASS, ', mode: monitor'), state: 'not met' }
  ],
  browsers: [{ rules: ban(['firefox-canary']), state: 'met' }, { state: 'not met' }],
  'own-clients': [
    { state: 'met' },
    { rules: 'networks: { all: { prefixes: [0.0.0.0/0] } }', state: 'not met' }
  ],
  'group-policies': [
    {
      rules:
        'networks: { a: { prefixes: [10.0.0.0/8], block: [x.example] }, b: { prefixes: [192.0.2.0/24], block: [y.example] } }',
      state: 'met'
    },
    { state: 'not met' }
  ],
  'recognized-clients': [
    {
      settings: DOT,
      rules: `${NETWORK} } }\nclients: { kiosk: { network: office, sni: kiosk } }`,
      state: 'met'
    },
    { settings: DOT, state: 'partly' },
    { state: 'not met' }
  ],
  dnssec: [
    { rules: `${NETWORK}, dnssec: enforce } }`, state: 'met' },
    {
      rules: `${NETWORK}, dnssec: enforce }, b: { prefixes: [192.0.2.0/24] } }`,
      state: 'partly'
    },
    {
      rules: `${NETWORK}, dnssec: enforce } }\ndnssec: { exceptions: [{ name: broken.example, purpose: P, approved-by: A, from: 2026-11-25, last-day: 2026-12-10 }] }`,
      state: 'partly'
    },
    { rules: `${NETWORK}, dnssec: observe } }`, state: 'partly' },
    { state: 'not known' }
  ],
  'encrypted-listeners': [
    { settings: DOT, state: 'met' },
    { settings: DOT.replace('[{', "['127.0.0.1:53', {"), state: 'partly' },
    { state: 'not met' }
  ],
  'encrypted-upstreams': [
    { settings: "upstreams: { servers: ['tls://192.0.2.1#dns.example'] }", state: 'met' },
    { settings: "upstreams: { servers: ['127.0.0.1:5335'] }", state: 'met' },
    {
      settings: "upstreams: { servers: ['tls://192.0.2.1#dns.example', 192.0.2.2] }",
      state: 'partly'
    },
    { settings: 'upstreams: { servers: [192.0.2.2] }', state: 'not met' },
    { state: 'not met' }
  ],
  'fixed-upstreams': [
    { settings: 'upstreams: { servers: [192.0.2.2] }', state: 'met' },
    { state: 'not met' }
  ],
  'upstream-service': [
    { settings: 'upstreams: { servers: [192.0.2.2] }', state: 'not known' },
    { state: 'not known' }
  ],
  'upstream-redundancy': [
    { settings: 'upstreams: { servers: [192.0.2.1, 192.0.2.2] }', state: 'met' },
    { settings: 'upstreams: { servers: [192.0.2.1] }', state: 'not met' },
    { state: 'not known' }
  ],
  'rate-limits': [
    { settings: 'limits: { queries-per-second: 100, responses-per-second: 100 }', state: 'met' },
    { settings: 'limits: { queries-per-second: 100, responses-per-second: 0 }', state: 'partly' },
    { settings: 'limits: { queries-per-second: 0, responses-per-second: 0 }', state: 'not met' }
  ],
  spoofing: [
    { settings: 'upstreams: { case-randomization: true, cookies: true }', state: 'met' },
    { settings: 'upstreams: { case-randomization: true, cookies: false }', state: 'partly' },
    { settings: 'upstreams: { case-randomization: false, cookies: false }', state: 'not met' }
  ],
  'identity-hidden': [
    { settings: "identity: { version: '' }", state: 'met' },
    { settings: "identity: { version: '7' }", state: 'not met' }
  ],
  discovery: [
    { settings: `${DOT}\ndiscovery: { name: dns.example }`, state: 'met' },
    { state: 'not met' }
  ],
  'query-log': [
    { settings: 'log: { queries: { which: all } }', state: 'met' },
    { settings: 'log: { queries: { which: bans } }', state: 'partly' },
    { settings: 'log: { queries: { which: none } }', state: 'not met' }
  ],
  'log-retention': [
    { settings: 'log: { queries: { keep: { days: 90 } } }', state: 'met' },
    { state: 'not met' },
    { settings: 'log: { queries: { which: none } }', state: 'not applicable' }
  ],
  'log-integrity': [
    {
      settings:
        'log: { queries: { chain: { sign-key: k.pem }, witness: { tsa: { url: "https://tsa.example/", ca-file: ca.pem } } } }',
      state: 'met'
    },
    { settings: 'log: { queries: { chain: { sign-key: k.pem } } }', state: 'partly' },
    { state: 'not met' },
    { settings: 'log: { queries: { which: none } }', state: 'not applicable' }
  ],
  'log-export': [
    {
      settings: "log: { outputs: [{ name: siem, type: json, to: 'tcp://192.0.2.9:514' }] }",
      state: 'met'
    },
    { state: 'not met' }
  ],
  alerts: [
    { settings: "alerts: [{ name: ops, url: 'https://alerts.example/hook' }]", state: 'met' },
    { state: 'not met' }
  ],
  'self-test': [
    { settings: 'probe: { enabled: true }', state: 'met' },
    { settings: 'probe: { enabled: false }', state: 'not met' }
  ],
  'change-control': [
    { settings: 'rules: { bundle: r.bundle, keys: [a.pub, b.pub], signatures: 2 }', state: 'met' },
    { settings: 'rules: { bundle: r.bundle, keys: [a.pub] }', state: 'partly' },
    { settings: 'rules: { folder: rules, activate: manual }', state: 'partly' },
    { state: 'not met' }
  ],
  'http-api': [{ settings: `${HTTP} }`, state: 'met' }, { state: 'not met' }],
  dashboard: [
    { settings: `${HTTP} }`, state: 'met' },
    { settings: `${HTTP}, dashboard: false }`, state: 'not met' }
  ],
  administration: [
    { settings: `${HTTP} }`, state: 'met' },
    { state: 'met' },
    { settings: "admin: { http: '127.0.0.1:8053', tokens: 'off' }", state: 'partly' }
  ],
  'multi-factor': [{ settings: `${HTTP} }`, state: 'not met' }, { state: 'not applicable' }],
  'threat-feeds': [
    { settings: 'transfers: { primaries: { hq: { address: 192.0.2.1 } } }', state: 'met' },
    { state: 'not known' }
  ],
  'generated-names': [{ state: 'not known' }],
  heuristics: [{ state: 'not met' }],
  clocks: [{ state: 'not known' }],
  backups: [{ state: 'not known' }]
}

t.test('each judge has cases, and each is used', t => {
  t.strictSame(Object.keys(CASES).sort(), Object.keys(JUDGES).sort())
  const used = PROFILES.flatMap(id => loadProfile(id).requirements.map(({ judge }) => judge))
  t.strictSame([...new Set(used)].sort(), Object.keys(JUDGES).sort())
  t.end()
})

for (const [name, cases] of Object.entries(CASES)) {
  t.test(name, async t => {
    for (const { settings = '', rules = `${NETWORK} } }`, state } of cases) {
      const apps = Object.fromEntries(
        BYPASS.map(app => [
          `rules/apps/${app}.yaml`,
          `app: ${app}\ntitle: ${app}\nnames: [${app}.example]\n`
        ])
      )
      const path = writeSite(t, {
        'rules/networks.yaml': rules,
        'rules/lists/bad.txt': 'bad.example\n',
        ...apps
      })
      const read = readConfig(settings, path)
      if (!read.ok) throw read.errors[0]!
      const loaded = await loadRules(path.replace('interdict.yaml', 'rules'))
      if (!loaded.ok) throw loaded.errors[0]!
      const judged = JUDGES[name]!({ config: read.config, rules: loaded.rules, now: NOW })
      t.equal(judged.state, state, `${settings} ${rules}`)
      t.ok(judged.found.length > 10, judged.found)
      if (state === 'met') t.equal(judged.change, null)
    }
  })
}

t.test('profiles say which document they follow, and whether it was read', t => {
  const files = readdirSync('src/gateway/profiles').filter(file => file.endsWith('.yaml'))
  t.strictSame(files.sort(), PROFILES.map(id => `${id}.yaml`).sort())
  for (const id of PROFILES) {
    const { profile, document, original, requirements } = loadProfile(id)
    t.equal(profile, id)
    t.ok(document.length > 20 && original.length > 20)
    const ids = requirements.map(({ id }) => id)
    t.equal(new Set(ids).size, ids.length, 'ids are unique')
    t.ok(requirements.every(({ section, text }) => section !== '' && text.endsWith('.')))
  }
  t.end()
})

t.test('interdict check --profile', async t => {
  const path = writeSite(t, {
    'interdict.yaml': 'upstreams: { servers: [192.0.2.1, 192.0.2.2] }\n',
    'rules/networks.yaml': `${NETWORK} } }\n`
  })
  const text = await interdict('check', '--profile', 'nis2', '-c', path)
  t.match(text, { code: 0, err: '' })
  t.match(text.out, /^NIS2: \d+ met, \d+ partly, \d+ not met, \d+ not applicable, \d+ not known\n/)
  t.match(text.out, 'It is not a statement of compliance.')
  t.match(text.out, /MET {2}redundancy\n/)
  t.match(text.out, 'Change: log.outputs')
  const json = await interdict('check', '--profile', 'nis2', '--json', '-c', path)
  const judged = JSON.parse(json.out) as ReturnType<typeof judgeProfile>
  t.equal(judged.profile, 'nis2')
  t.equal(
    Object.values(judged.counts).reduce((sum, count) => sum + count, 0),
    judged.requirements.length
  )
  t.match(await interdict('check', '--profile', 'nis3', '-c', path), {
    code: 2,
    err: "no profile 'nis3'; did you mean 'nis2'?"
  })
  t.ok(existsSync(path))
})

t.test('invalid rules are reported as by check, and nothing is judged', async t => {
  const path = writeSite(t, { 'interdict.yaml': '', 'rules/networks.yaml': 'networks: 7\n' })
  const ran = await interdict('check', '--profile', 'nis2', '-c', path)
  t.match(ran, { code: 1, out: '', err: 'rules/networks.yaml:1:11' })
})
