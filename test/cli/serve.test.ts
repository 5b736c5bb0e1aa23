import { rmSync } from 'node:fs'
import t from 'tap'
import { httpContent } from '../../src/cli/service.js'
import { loadSystem } from '../../src/base/system/linux.js'
import { askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { receiveNotifications } from '../udp/notify-receiver.js'
import { interdict } from './run.js'
import { startServer } from './server-process.js'

const SETTINGS = `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [192.0.2.1], use-resolv-conf: false, loop-check: 0s, idle-probe: 0s }
log: { queries: { file: log/queries.jsonl, flush: 10ms } }
admin: { ready-requires: [evidence] }
`
const FILES = { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': banning('banned.example') }
const NOTIFIED = ['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1']

t.test('the log of the start names what is served over HTTP', async t => {
  t.equal(httpContent({ tokens: undefined, dashboard: true }), 'health and metrics')
  t.equal(httpContent({ tokens: 'tokens.json', dashboard: false }), 'health, metrics and API')
  const all = httpContent({ tokens: 'tokens.json', dashboard: true })
  t.equal(all, 'health, metrics, API and dashboard')
})

t.test('answers, logs, reloads its rules and stops, with all its threads', async t => {
  const site = new Site(t, FILES)
  const socket = site.path('notify')
  const manager = typeof loadSystem() === 'string' ? undefined : receiveNotifications(socket)
  t.teardown(() => manager?.close())
  const { child, ended, says, log } = startServer(t, site, {
    env: { NOTIFY_SOCKET: socket }
  })
  await says(/dig @127\.0\.0\.1 -p \d+ example\.com/)
  const at = { address: '127.0.0.1', port: Number(/-p (\d+)/.exec(log())![1]) }
  t.match(await askUdp(at, 'banned.example'), { rcode: 'NXDOMAIN' }, 'a worker answers')
  await eventually('a record', () => site.records('log/queries.jsonl').length > 0)
  t.match(site.records('log/queries.jsonl'), [{ qname: 'banned.example' }], 'the recorder writes')

  // Port 0 in the settings: the address is not theirs.
  site.write('interdict.yaml', SETTINGS.replace(':0', `:${at.port}`))
  const ping = (...words: string[]) =>
    interdict('ping', '--ready', ...words, '-c', site.path('interdict.yaml'))
  t.match(await ping(), { code: 0, out: /answers\nready\n$/ })
  const endpoints = [{ endpoint: `127.0.0.1:${at.port}`, answers: true }]
  const facts = async (): Promise<unknown> => JSON.parse((await ping('--json')).out)
  t.strictSame(await facts(), {
    ok: true,
    endpoints,
    health: { ready: true, states: { serving: true, policy: true, evidence: true }, problems: [] }
  })
  await eventually('a file in place of the folder', () => {
    try {
      rmSync(site.path('log'), { recursive: true })
      site.write('log', 'a file in its place')
      return true
    } catch {
      // The gateway has just made the folder again.
      return false
    }
  })
  await eventually('not ready', async () => (await ping()).code === 1)
  t.match((await ping()).out, /not ready\nthe query log cannot be written \(LOG_UNWRITABLE\)\n$/)
  t.match(await facts(), {
    ok: false,
    endpoints,
    health: {
      ready: false,
      states: { serving: true, policy: true, evidence: false },
      problems: [{ code: 'LOG_UNWRITABLE', state: 'evidence' }]
    }
  })
  rmSync(site.path('log'))
  await eventually('ready again', async () => (await ping()).code === 0)

  site.write('rules/networks.yaml', banning('other.example'))
  child.kill('SIGHUP')
  await says(/"generation":2/)
  await eventually('the new rule', async () => {
    return (await askUdp(at, 'other.example')).rcode === 'NXDOMAIN'
  })

  // STATUS lines follow at intervals, if it takes long.
  const told = () =>
    manager
      ?.states()
      .map(([first]) => first!)
      .filter(state => !state.startsWith('STATUS=')) ?? NOTIFIED
  await eventually('ready again', () => told().length >= 3)
  child.kill('SIGTERM')
  t.equal(await ended, 0)
  t.match(log(), /"msg":"stopped"/)
  t.strictSame(told(), NOTIFIED, 'the service manager knows')
})

t.test('does not start with invalid rules, and reports all errors', async t => {
  const rules = banning('banned.example').replace('id: test-ban', 'id: test-ban, wrong: 1')
  const site = new Site(t, { ...FILES, 'rules/networks.yaml': rules })
  site.write('rules/apps/clip.yaml', 'app: clip\ntitle: Clip\nnames: [" "]\n')
  const { code, out, err } = await interdict('serve', '-c', site.path('interdict.yaml'))
  t.strictSame([code, out], [1, ''])
  t.match(err, /networks\.yaml:5:\d+: .*wrong/)
  t.match(err, /clip\.yaml:3:\d+: /)
})
