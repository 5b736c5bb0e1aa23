import { cpSync } from 'node:fs'
import t from 'tap'
import { sendAdminRequest } from '../../src/gateway/socket/admin-client.js'
import type { StatusReply } from '../../src/gateway/status/health.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { RulesHistory } from '../../src/policy/history/rules-history.js'
import { nxdomain, TestPrimary } from '../sources/axfr/primary.js'
import { ListServer, upstream } from '../sources/http/rig.js'
import { banned } from './banned.js'
import { bundle, isInForce, put, started, taken } from './bundle-rig.js'
import { notify } from './notify.js'
import { kinds, Rig, serving } from './serve.js'
import { banning, eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const TEST = 'rules/tests/ban.yaml'
const NOT_ACCEPTED = 'reload failed'
const SOCKET = 'admin: { socket: admin.sock }'

/** Policy tests, the first row on line 5. */
const tests = (...rows: readonly string[]): string =>
  `tests:\n  - title: demanded\n    columns: [client, name, expect]\n    rows:\n${rows
    .map(row => `      - [127.0.0.1, ${row}]\n`)
    .join('')}`

const FILES = {
  [NETWORKS]: banning('banned.example'),
  [TEST]: tests('banned.example, nxdomain')
}

async function statusOf({ site }: Rig): Promise<StatusReply> {
  const reply = await sendAdminRequest<StatusReply>(site.path('admin.sock'), { do: 'status' }, 5000)
  if (!reply.ok) throw new Error(reply.message)
  return reply.result
}

t.test('rules that fail their policy tests are refused like errors', async t => {
  const rig = await serving(t, { files: FILES, more: SOCKET })
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.log.says(NOT_ACCEPTED)
  const [error] = rig.log.lines.filter(({ fields }) => fields.code === 'POLICY_TEST')
  t.match(error, {
    level: 'error',
    message:
      /tests\/ban\.yaml:5:37: .*expected nxdomain, found forwarded .*asks for banned\.example A/
  })
  t.ok(await banned(rig, 'banned.example'), 'the previous rules are active')
  t.notOk(await banned(rig, 'other.example'))
  t.equal(rig.gateway.rules.generation, 1)
  const { health, rules } = await statusOf(rig)
  t.match(health.problems, [{ code: 'RULES_REFUSED', message: /ban\.yaml:5:37/ }])
  t.match(rules.reload, { outcome: 'refused', first: [{ code: 'POLICY_TEST' }] })
  t.match(rules.tests, { passed: 1, failed: 0, undecided: 0 }, 'of the rules in force')

  rig.site.write(TEST, tests('other.example, nxdomain'))
  await rig.generation(2)
  t.ok(await banned(rig, 'other.example'), 'a changed test is read by itself')
})

t.test('a test that the rules in force fail is refused, too', async t => {
  const rig = await serving(t, { files: FILES })
  rig.site.write(TEST, tests('banned.example, forwarded'))
  await rig.log.says(NOT_ACCEPTED)
  rig.site.write(TEST, 'tests: many\n')
  await rig.log.says(NOT_ACCEPTED, 2)
  t.match(rig.log.lines.filter(({ fields }) => fields.code === 'DOCUMENT_INVALID').length, 1)
  rig.site.write(TEST, FILES[TEST])
  await rig.log.says('unchanged')
})

t.test('at the start: the rules that were in force last are served instead', async t => {
  const before = await serving(t, { files: FILES, more: SOCKET })
  await eventually('the history has the rules', async () => {
    const { latest } = await RulesHistory.open(historyFolder(before.site.path('state')))
    return latest !== undefined
  })
  await before.gateway.stop()
  const rig = new Rig(t, { files: FILES, more: SOCKET })
  cpSync(before.site.path('state'), rig.site.path('state'), { recursive: true })
  rig.site.write(NETWORKS, banning('other.example'))
  t.strictSame(await rig.gateway.start(), [])
  t.ok(await banned(rig, 'banned.example'))
  t.notOk(await banned(rig, 'other.example'), 'what fails its tests is not in force')
  const { health, rules } = await statusOf(rig)
  t.match(health.problems, [{ code: 'RULES_REFUSED', message: /ban\.yaml:5:37/ }])
  t.equal(rules.sha256, before.gateway.rules.origin.sha256)
  rig.site.write(NETWORKS, `${banning('banned.example')}# repaired\n`)
  await rig.generation(2)
  const codes = (await statusOf(rig)).health.problems.map(({ code }) => code)
  t.notOk(codes.includes('RULES_REFUSED'))
})

t.test('at the start: rules that fail their policy tests do not start', async t => {
  const files = { ...FILES, [TEST]: tests('banned.example, forwarded') }
  const rig = new Rig(t, { files })
  t.match(await rig.gateway.start(), [{ code: 'POLICY_TEST', message: /ban\.yaml:5:37/ }])
  const lenient = await serving(t, { files, more: 'rules: { folder: rules, tests: warn }' })
  t.ok(await banned(lenient, 'banned.example'))
})

t.test('with tests: warn, rules become active and health reports it', async t => {
  const more = `rules: { folder: rules, tests: warn }\n${SOCKET}`
  const rig = await serving(t, { files: FILES, more })
  rig.site.write(NETWORKS, banning('other.example'))
  await rig.generation(2)
  t.ok(await banned(rig, 'other.example'))
  const { message } = await rig.log.says('expected nxdomain, found forwarded')
  t.match(message, /ban\.yaml:5:37/)
  const { health, rules } = await statusOf(rig)
  t.match(health.problems, [{ code: 'POLICY_TESTS_FAILING', message: /ban\.yaml:5:37/ }])
  t.match(rules.tests, { passed: 0, failed: 1, first: [{ code: 'POLICY_TEST' }] })
  rig.site.write(NETWORKS, banning('banned.example'))
  await rig.log.says('all policy tests pass')
})

// As when a ban has ended: the test fails although nobody has changed anything.
t.test('a test that the rules in force fail as well refuses an edit, but no list', async t => {
  const server = await ListServer.open(t)
  server.on('/ads.txt', 'one.example\n')
  const list = `    block: [{ lists: [ads] }]\nlists:\n  ads: { url: '${server.url('/ads.txt')}', refresh: 1h }\n`
  const more = `rules: { folder: rules, tests: warn }\n${SOCKET}`
  const rig = await serving(t, {
    upstream: (await upstream(t)).endpoint,
    files: {
      [NETWORKS]: banning('other.example') + list,
      [TEST]: tests('banned.example, nxdomain')
    },
    more,
    reloads: true
  })
  const settings = rig.site.read('interdict.yaml')
  rig.site.write('interdict.yaml', settings.replace('tests: warn', 'tests: refuse'))
  await rig.log.says('settings reloaded')
  rig.site.write('state/lists/ads', 'one.example\ntwo.example\n')
  await rig.generation(2)
  t.ok(await banned(rig, 'two.example'), 'the list is in force')
  t.match((await statusOf(rig)).health.problems, [{ code: 'POLICY_TESTS_FAILING' }])
  rig.site.write(NETWORKS, rig.site.read(NETWORKS).replace('none', 'some'))
  await rig.log.says(NOT_ACCEPTED)
  t.equal(rig.gateway.rules.generation, 2)
})

t.test('a test that depends on a list without content neither passes nor refuses', async t => {
  const server = await ListServer.open(t)
  const list = `    block: [{ lists: [ads] }]\nlists:\n  ads: { url: '${server.url('/ads.txt')}' }\n`
  const rows = ['one.example, blocked', 'free.example, forwarded', 'banned.example, nxdomain']
  const rig = await serving(t, {
    upstream: (await upstream(t)).endpoint,
    files: { [NETWORKS]: banning('banned.example') + list, [TEST]: tests(...rows) },
    more: SOCKET
  })
  const before = await statusOf(rig)
  t.match(before.rules.tests, { passed: 1, failed: 0, undecided: 2 }, 'but the ban is decided')
  t.match(before.rules.tests.first, [{ code: 'POLICY_TEST_UNDECIDED', message: /list 'ads'/ }])
  await rig.log.says('policy tests cannot be decided')

  rig.site.write(NETWORKS, banning('other.example') + list)
  await rig.log.says(NOT_ACCEPTED)
  t.ok(await banned(rig, 'banned.example'), 'a ban is not removed while a list is missing')

  rig.site.write(NETWORKS, banning('banned.example') + list)
  await rig.log.says('unchanged')
  rig.site.write('state/lists/ads', 'one.example\n')
  await rig.log.says('all policy tests pass')
  t.match((await statusOf(rig)).rules.tests, { passed: 3, failed: 0, undecided: 0 })
  rig.site.write('state/lists/ads', 'one.example\nfree.example\n')
  await rig.log.says(NOT_ACCEPTED, 2)
  t.notOk(await banned(rig, 'free.example'), 'a list that breaks a test is refused')
})

t.test('a zone transfer that breaks a test is refused', async t => {
  const primary = await TestPrimary.open(t, [{ serial: 1, policies: nxdomain('one.example') }])
  const rules = `networks:
  all: { prefixes: [127.0.0.0/8], block: [{ lists: [rpz] }] }
lists:
  rpz: { transfer: rpz.example }
`
  const rig = await serving(t, {
    upstream: (await upstream(t)).endpoint,
    transport: kinds[0]!,
    files: { [NETWORKS]: rules, [TEST]: tests('free.example, forwarded', 'one.example, blocked') },
    more: `transfers: { primaries: { hq: { address: '127.0.0.1:${primary.port}' } } }`
  })
  primary.states.push({ serial: 2, policies: nxdomain('one.example', 'free.example') })
  await notify(rig.at)
  await rig.log.says(NOT_ACCEPTED)
  t.notOk(await banned(rig, 'free.example'))
  t.ok(await banned(rig, 'one.example'))
})

t.test('a bundle that fails its tests is refused, and never accepted', async t => {
  const files = (name: string, demanded: string): Record<string, string> => {
    return { 'networks.yaml': banning(name), 'tests/a.yaml': tests(`${demanded}, nxdomain`) }
  }
  const served = await started(t, { serial: 7, files: files('n7.example', 'n7.example') })
  put(served.site, await bundle({ serial: 8, files: files('n8.example', 'n7.example') }))
  await served.log.says(NOT_ACCEPTED)
  t.ok(served.log.lines.some(({ fields }) => fields.code === 'POLICY_TEST'))
  await isInForce(t, served, 7)
  put(served.site, await bundle({ serial: 8, files: files('n8.example', 'n8.example') }))
  await taken(served, 8)
})
