/** Alerts from a real gateway to a real webhook, with their signatures verified by OpenSSL. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import t from 'tap'
import { alertSchema } from '../../src/gateway/alerts/alert-schema.js'
import { startReceiver, type Received } from '../alerts/receiver.js'
import { listenAddress, startServer } from '../cli/server-process.js'
import { askUdp } from '../daemon/dns-client.js'
import { banning, Site } from '../daemon/site.js'
import { makeCertificate } from '../tls/certificates.js'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { install } from '../../tools/install.js'
import { eventually, freePort, interdict } from './processes.js'

t.setTimeout(120_000)

install('openssl')

const SECRET = execFileSync('openssl', ['rand', '-base64', '32'], { encoding: 'utf8' })
const PAGE = readFileSync('docs/reference/alerts.md', 'utf8')

/** As docs/reference/alerts.md tells receivers. */
function hmacByOpenssl(secretFile: string, { headers, body }: Received): string {
  const [, command] = /^ +(printf .*openssl dgst.*)$/m.exec(PAGE)!
  const [, time] = /^t=(\d+),/.exec(headers['interdict-signature'] as string)!
  const run = spawnSync('bash', ['-c', command!.replace('alerts.secret', secretFile)], {
    env: { ...process.env, t: time, body },
    encoding: 'utf8'
  })
  return run.stdout.trim().split('= ').at(-1)!
}

t.test('alerts reach a webhook, signed, and are resolved', async t => {
  const upstream = await BadUpstream.open(good(1))
  t.teardown(() => upstream.close())
  const { certificate, key } = makeCertificate({ names: ['127.0.0.1'] })
  const receiver = await startReceiver(t, { cert: certificate, key })
  const admin = await freePort()
  const soon = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10)
  const rules = banning('banned.example').replace('id: test-ban,', `id: test-ban, until: ${soon},`)
  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: ['127.0.0.1:${upstream.endpoint.port}'], use-resolv-conf: false }
identity: { name: gw1 }
admin: { http: '127.0.0.1:${admin}', socket: admin.sock }
log: { queries: { file: queries.jsonl } }
alerts: [{ name: ops, url: 'https://127.0.0.1:${receiver.port}/hook', secret-file: secret, ca-file: ca.pem }]
`,
    'rules/networks.yaml': rules,
    secret: SECRET,
    'ca.pem': certificate
  })
  chmodSync(site.path('secret'), 0o600)
  const config = site.path('interdict.yaml')

  const tested = await interdict('alerts', 'test', '-c', config)
  t.strictSame(tested, { code: 0, text: 'ops: sent, HTTP status 204\n' })

  const server = startServer(t, site)
  const at = await listenAddress(server)
  const alertOf = async (event: string, state: string) => {
    const wanted = ({ alert }: Received) => alert.event === event && alert.state === state
    await eventually(`${event} ${state}`, 30, () => Promise.resolve(receiver.received.some(wanted)))
    return receiver.received.find(wanted)!.alert
  }
  t.match(await alertOf('rule-ending', 'raised'), {
    message: /^ban test-ban ends soon: the last day is /,
    severity: 'warning'
  })

  // The receiver is away for a moment.
  const { answer } = receiver
  receiver.answer = response => response.writeHead(503).end()
  site.write('rules/networks.yaml', banning('a..example'))
  const refused = await alertOf('rules-refused', 'raised')
  t.match(refused, { severity: 'critical', subject: null, gateway: { name: 'gw1' } })
  await eventually('a second try', 30, () => {
    const tries = receiver.received.filter(({ alert }) => alert.delivery === refused.delivery)
    return Promise.resolve(tries.length > 1)
  })
  receiver.answer = answer
  const statusOf = async () => {
    const { text } = await interdict('status', '--json', '-c', config)
    return (JSON.parse(text) as { alerts: Record<string, unknown>[] }).alerts[0]!
  }
  await eventually('success', 30, async () => (await statusOf()).error === null)
  const { waiting, failed } = await statusOf()
  t.equal(waiting, 0)
  t.ok((failed as number) > 1)

  await upstream.kill()
  void askUdp(at, 'www.example').catch(() => undefined)
  t.match(await alertOf('upstreams-down', 'raised'), { message: 'no upstream answers' })

  site.write('rules/networks.yaml', rules)
  await upstream.revive()
  t.match(await alertOf('rules-refused', 'resolved'), { id: refused.id, since: refused.since })
  await alertOf('upstreams-down', 'resolved')

  for (const one of receiver.received) {
    alertSchema.parse(one.alert)
    const header = one.headers['interdict-signature'] as string
    t.equal(header.split('v1=')[1], hmacByOpenssl(site.path('secret'), one), one.alert.text)
  }
  const raised = receiver.received.filter(({ alert }) => alert.state === 'raised')
  const deliveries = new Set(raised.map(({ alert }) => alert.delivery))
  t.equal(deliveries.size, 4, 'a test, and each of three alerts once')
  const page = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  t.match(page, /^interdict_alerts_total\{hook="ops",result="sent"\} [5-9]$/m)
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
  t.notMatch(server.log(), '/hook', 'the URL is never logged')
})
