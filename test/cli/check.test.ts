import { chmodSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { makeCertificate } from '../tls/certificates.js'
import { FILES, interdict, SETTINGS, writeSite } from './run.js'

/** Every column of policy tests, for the rules in FILES. */
const GOOD = `clients: { phone: 10.20.1.1, press: 10.20.7.3, stranger: 192.0.2.1 }
tests:
  - title: The federal ban
    columns: [client, name, at, expect, rule]
    rows:
      - [phone, www.clip.example, 2023-03-12T23:59:59, forwarded, ~]
      - [phone, www.clip.example, 2023-03-13, nxdomain, federal]
      - [phone, www.clip.example, ~, blocked, federal]
      - [press, www.clip.example, ~, allowed, press]
      - [press, www.clip.example, 2099-07-01, nxdomain, federal]
      - [phone, notclip.example, ~, passes, ~]
      - [phone, past.example, 2023-06-29, nxdomain, past]
      - [phone, past.example, 2023-07-01, passes, ~]
      - [phone, trial.example, ~, monitored, trial]
      - [phone, trial.example, ~, passes, trial]
      - [phone, good.tracker.example, ~, allowed, ~]
      - [phone, printer.local, ~, local, ~]
      - [stranger, clip.example, ~, refused, ~]
  - title: What it says, through what, where
    columns: [client, name, expect]
    type: HTTPS
    app: clip
    ede: blocked
    network: phones
    rows:
      - [phone, clip.example, nxdomain]
`

const BAD = `tests:
  - title: Two of three are wrong
    columns: [client, name, at, expect, rule]
    rows:
      - [10.20.1.1, clip.example, 2023-03-12, nxdomain, federal]
      - [10.20.1.1, clip.example, 2023-03-13, nxdomain, federal]
      - [10.20.1.1, clip.example, 2023-03-13, nxdomain, trial]
`

/** Message of each error, without the folder. */
function messages(out: string): string[] {
  return out.split('\n').map(line => line.replace(/^.*\/(?=rules\/)/, ''))
}

t.test('counts policy tests that pass', async t => {
  const { code, out } = await interdict(
    'check',
    '-c',
    writeSite(t, { ...FILES, 'rules/tests/good.yaml': GOOD })
  )
  t.equal(code, 0, out)
  t.match(out, /\n14 policy tests passed\n/)
})

t.test('reports each failed test with its position, result and expectation', async t => {
  const files = { ...FILES, 'rules/tests/a.yaml': BAD, 'rules/tests/b.yaml': GOOD }
  const config = writeSite(t, files)
  const { code, out } = await interdict('check', '-c', config)
  t.equal(code, 1)
  t.strictSame(messages(out).slice(1, 3), [
    'rules/tests/a.yaml:5:47: tests[0].rows[0]: expected nxdomain (rule federal), found forwarded (network phones), when 10.20.1.1 asks for clip.example A at 2023-03-12T00:00:00Z (POLICY_TEST)',
    'rules/tests/a.yaml:7:57: tests[0].rows[2]: expected nxdomain (rule trial), found nxdomain (rule federal, app clip, ede blocked, network phones), when 10.20.1.1 asks for clip.example A at 2023-03-13T00:00:00Z (POLICY_TEST)'
  ])
  t.match(out, /\n15 policy tests passed, 2 failed\n2 errors, 1 warning\n$/)

  const json = await interdict('check', '--json', '-c', config)
  t.equal(json.code, 1)
  t.match(JSON.parse(json.out), {
    ok: false,
    rules: { networks: 1, rules: 7, names: 6, sha256: /^[0-9a-f]{64}$/ },
    tests: { passed: 15, failed: 2 },
    errors: [
      { code: 'POLICY_TEST', file: /a\.yaml$/, line: 5, column: 47 },
      { code: 'POLICY_TEST', file: /a\.yaml$/, line: 7, column: 57 }
    ],
    warnings: [{ code: 'RULES_BAN_ENDED', line: 13 }]
  })
})

t.test('reports errors in tests along with those in rules', async t => {
  const networks = FILES['rules/networks.yaml'].replace('apps: [clip]', 'apps: [clop]')
  const tests = { 'rules/tests/a.yaml': 'tests: [{ title: none, rows: [] }]\n' }
  const { code, out } = await interdict(
    'check',
    '-c',
    writeSite(t, { ...FILES, ...tests, 'rules/networks.yaml': networks })
  )
  t.equal(code, 1)
  t.match(out, /networks\.yaml:\d+:\d+: .*\(RULES_UNKNOWN_APP\)\n[^]*a\.yaml:1:30: .*1 entry/)
  const json = await interdict('check', '--json', '-c', writeSite(t, { ...FILES, ...tests }))
  t.match(JSON.parse(json.out), { ok: false, tests: null, errors: [{ line: 1, column: 30 }] })
})

t.test('the action truncate does not apply over TCP', async t => {
  const networks = `networks:
  phones:
    prefixes: [10.20.0.0/16]
    block: [{ id: tcp, names: [slow.example], action: truncate }]
`
  const tests = `tests:
  - title: Only over UDP
    columns: [protocol, expect]
    client: 10.20.1.1
    name: slow.example
    rows: [[udp, truncate], [tcp, passes], [dot, passes], [doh, passes]]
`
  const files = { ...FILES, 'rules/networks.yaml': networks, 'rules/tests/a.yaml': tests }
  const { out } = await interdict('check', '-c', writeSite(t, files))
  t.match(out, /^4 policy tests passed\n/)
})

t.test('--at evaluates another time, in the time zone of the rules', async t => {
  const config = writeSite(t, { ...FILES, 'rules/tests/a.yaml': GOOD })
  const { code, out } = await interdict('check', '-c', config, '--at', '2023-03-01')
  t.equal(code, 1)
  t.notMatch(out, /RULES_BAN_ENDED/, 'nothing has ended by then')
  t.match(out, /:8:\d+: .* asks for www\.clip\.example A at 2023-03-01T00:00:00Z/)
})

t.test('the shipped rules pass their policy tests', async t => {
  const { code, out } = await interdict('check')
  t.equal(code, 0, out)
  t.match(out, /^\d\d+ policy tests passed\n/)
})

t.test('reports the detected format of each list, and rules that do not apply', async t => {
  const config = writeSite(t, {
    ...FILES,
    'rules/networks.yaml': `${FILES['rules/networks.yaml']}lists: { ads: { folder: lists/ads } }\n`,
    'rules/lists/ads/a.txt': '||a.example^\n||b.example^\n/x/\n##.ad\n',
    'rules/lists/ads/b.txt': '0.0.0.0 b.example\n'
  })
  const { code, out } = await interdict('check', '-c', config)
  t.equal(code, 0, out)
  const lines = messages(out).filter(line => /list ads|^rules\/lists|not applicable/.test(line))
  t.match(
    out,
    /list ads, .*rules\/lists\/ads\/a\.txt: adblock, by all of its first 4 lines; 2 names\n/
  )
  t.match(out, /\n {2}not applicable: regular expressions \(1\), cosmetic rules \(1\)\n/)
  t.match(out, /list ads, .*rules\/lists\/ads\/b\.txt: hosts, by its only line; 1 name\n/)
  t.equal(lines.length, 3)
  const json = await interdict('check', '--json', '-c', config)
  t.match(JSON.parse(json.out), {
    lists: [
      { list: 'ads', format: 'adblock', names: 2, notApplicable: { 'regular expressions': 1 } },
      { list: 'ads', format: 'hosts', recognised: 'its only line', notApplicable: {} }
    ]
  })
})

t.test(
  'warns of a network that is kept for fewer days, and that the rules do not have',
  async t => {
    const keep = 'log: { queries: { keep: { networks: { phnes: 7 } } } }\n'
    const config = writeSite(t, { ...FILES, 'interdict.yaml': SETTINGS + keep })
    t.match(await interdict('check', '-c', config), {
      code: 0,
      out: /interdict\.yaml:3:\d+: .*'phnes'.*'phones'\? \(KEEP_NETWORK\)/
    })
  }
)

t.test('checks the certificates and keys of the settings', async t => {
  const soon = makeCertificate({
    names: ['dns.example'],
    notAfter: new Date(Date.now() + 7 * 86_400_000)
  })
  const old = makeCertificate({ names: ['old.example'], notAfter: new Date('2026-01-02') })
  const good = makeCertificate({ names: ['dns.example'] })
  const listener = (pair: string): string =>
    `{ address: 127.0.0.1:0, protocol: dot, certificate: ${pair}.pem, key: ${pair}.key }`
  const site = (...pairs: readonly string[]): string => {
    const config = writeSite(t, {
      ...FILES,
      'interdict.yaml': `${SETTINGS}listen: [${pairs.map(listener).join(', ')}]\ndiscovery: { name: dns.example }\n`,
      ...{ 'old.pem': old.certificate, 'old.key': old.key },
      ...{ 'soon.pem': soon.certificate, 'soon.key': soon.key },
      ...{ 'good.pem': good.certificate, 'good.key': good.key }
    })
    for (const key of ['old.key', 'soon.key', 'good.key'])
      chmodSync(join(dirname(config), key), 0o600)
    return config
  }
  const ok = await interdict('check', '-c', site('good'))
  t.notMatch(ok.out, /CERTIFICATE|KEY_FILE|ONBOARD/)
  t.equal(ok.code, 0)

  const bad = site('good', 'old')
  const warned = await interdict('check', '-c', bad)
  t.match(warned.out, /old.pem expired at 2026-01-02T00:00:00Z \(CERTIFICATE_VALIDITY\)/)
  t.match(warned.out, /dns.example.*\(ONBOARD_NOT_COVERED\)/)
  t.equal(warned.code, 1, 'clients refuse it')
  const expiring = await interdict('check', '-c', site('soon'))
  t.match(expiring, { code: 0, out: /soon.pem expires at .* \(CERTIFICATE_VALIDITY\)/ })

  for (const mode of [0o644, 0o666]) {
    chmodSync(join(dirname(bad), 'good.key'), mode)
    const open = await interdict('check', '-c', bad)
    t.match(open.out, /good.key.*\(KEY_FILE_MODE\)/)
    t.equal(open.code, 1)
  }
  t.equal((await interdict('check', join(dirname(bad), 'rules'), '-c', bad)).code, 0)
})
