import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { packageVersion } from '../../src/base/package.js'
import { compareDefaults } from '../../src/gateway/config/settings-changes.js'
import { toText } from '../../src/cli/output/gateway/upgrade-check-text.js'
import { banning, Site } from '../daemon/site.js'
import { interdict } from './run.js'

const NETWORKS = banning('banned.example')
const APP = (name: string): string =>
  readFileSync('rules/apps/tiktok.yaml', 'utf8').replace('tiktok.com', name)

function site(t: Test, files: Readonly<Record<string, string>> = {}): Site {
  const one = new Site(t, {
    'interdict.yaml': 'admin: { socket: admin.sock }\nlog: { queries: { file: log/q.jsonl } }\n',
    'rules/networks.yaml': NETWORKS,
    ...files
  })
  cpSync('rules/apps', one.path('rules/apps'), { recursive: true })
  cpSync('rules/evidence.yaml', one.path('rules/evidence.yaml'))
  return one
}

const check = (one: Site, ...words: string[]) =>
  interdict('upgrade-check', '-c', one.path('interdict.yaml'), ...words)

t.test('settings and rules that this version accepts, without a running gateway', async t => {
  const one = site(t)
  const { code, out } = await check(one)
  t.equal(code, 0, out)
  t.match(out, `This program: Interdict ${packageVersion()}, Node ${process.versions.node}`)
  t.match(out, 'none answers at the admin socket')
  t.match(out, 'no errors; install this version, and start it')
})

t.test('errors, a newer log, and apps that differ', async t => {
  const one = site(t, { 'log/q.jsonl': '{"v":999,"qname":"a.example"}\n' })
  one.write('rules/apps/tiktok.yaml', APP('old-tiktok.example'))
  one.write('rules/apps/x.yaml', 'app: 1\n')
  const { code, out } = await check(one)
  t.equal(code, 1)
  t.match(out, /x\.yaml:\d+:\d+: .*\(/)
  t.match(out, /schema.*999.*\(ARCHIVE_NEWER\)/)
  t.match(out, /\d errors: do not upgrade yet/)
  one.write('rules/apps/x.yaml', '')
  const { apps } = JSON.parse((await check(one, '--json')).out) as { apps: { id: string }[] }
  t.ok(apps.length > 0)
})

t.test('an app of which this version knows more names', async t => {
  const one = site(t, { 'log/q.jsonl': 'not a record\n' })
  one.write('rules/apps/tiktok.yaml', APP('old-tiktok.example'))
  const { code, out } = await check(one)
  t.equal(code, 0, out)
  t.match(out, /app tiktok: adds .*; lacks old-tiktok\.example/)
})

t.test('invalid settings are errors, and nothing else is looked at', async t => {
  const one = site(t, { 'interdict.yaml': 'no-such-key: 1\n' })
  const { code, out } = await check(one)
  t.equal(code, 1)
  t.match(out, /interdict\.yaml:1:1.*no-such-key/)
})

t.test('defaults of the previous version', async t => {
  const one = site(t)
  const schema = 'docs/reference/schemas/interdict.schema.json'
  mkdirSync(one.path('before/docs/reference/schemas'), { recursive: true })
  const text = readFileSync(schema, 'utf8').replace('"64MB"', '"32MB"')
  writeFileSync(one.path(`before/${schema}`), text)
  t.match(
    (await check(one, '--previous', one.path('before'))).out,
    /default was "32MB", and is "64MB"/
  )
  const { code, err } = await check(one, '--previous', one.path('nowhere'))
  t.equal(code, 1)
  t.match(err, 'UPGRADE_FROM')
  const [before, after] = [
    { properties: { a: { properties: { b: { default: 1 }, c: {} } } } },
    { properties: { a: { properties: { b: { default: 2 }, d: { default: [] } } } } }
  ]
  t.strictSame(compareDefaults(before, after), {
    added: ['a.d'],
    removed: ['a.c'],
    changed: [{ key: 'a.b', from: '1', to: '2' }]
  })
})

t.test('what to do next, and long lists of names', async t => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const report = {
    ...{ version: '2.0.0', node: '24.0.0', errors: [] },
    warnings: [{ code: 'X', message: 'careful' }],
    settings: { added: ['x.y'], removed: ['x.z'], changed: [] },
    apps: [
      { id: 'one', added: names, removed: [], isNew: false },
      { id: 'two', added: names, removed: [], isNew: true }
    ]
  }
  const batch = toText({ ...report, running: { version: '1.0.0', transport: 'batch' } })
  for (const line of [
    'Running gateway: 1.0.0',
    'warning: careful (X)',
    'setting x.y: new',
    'setting x.z: removed',
    'app one: adds a, b, c, d, e and 2 more',
    'app two: not in your rules, 7 names',
    'no errors; install this version, and run interdict upgrade'
  ]) {
    t.ok(batch.split('\n').includes(line), line)
  }
  const portable = toText({ ...report, running: { version: '1.0.0', transport: 'portable' } })
  t.match(portable, 'restart the gateway')
})
