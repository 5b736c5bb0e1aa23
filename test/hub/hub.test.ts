import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { JetStreamApiError } from '@nats-io/jetstream'
import t, { type Test } from 'tap'
import { HUB_ALERT_EVENTS } from '../../src/gateway/config/alert-config.js'
import { HubClient } from '../../src/admin/api/hub-client.js'
import { Authority } from '../../src/fleet/hub/authority.js'
import { loadHubConfig, type HubConfig } from '../../src/fleet/hub/hub-config.js'
import { Hub } from '../../src/fleet/hub/hub.js'
import { HubNats, natsFailure } from '../../src/fleet/hub/hub-nats.js'
import { HubAlerts } from '../../src/fleet/hub/hub-alerts.js'
import { proxyFileErrors } from '../../src/sources/settings/proxy-files.js'
import { startReceiver } from '../alerts/receiver.js'
import { interdict } from '../cli/run.js'
import { bundle, one } from '../daemon/bundle-rig.js'
import { MemoryLog } from '../daemon/serve.js'
import { eventually, Site } from '../daemon/site.js'
import { ProxyServer } from '../http/proxy-server.js'

/** No NATS server listens there. */
const NOWHERE = 'nats://127.0.0.1:1'

const BAD_PROXY = `nats: ['${NOWHERE}']
keys: ['${one.publicKey}']
proxy: { url: 'socks5://proxy.example' }
`

/** Settings of a hub, and its keys. */
async function settings(t: Test, more = ''): Promise<HubConfig> {
  const { folder } = new Site(t, {})
  const file = join(folder, 'hub.yaml')
  writeFileSync(
    file,
    `nats: ['${NOWHERE}']
keys: ['${one.publicKey}']
http: 127.0.0.1:0
public-url: https://hub.example
pull-folder: www
${more}`
  )
  const loaded = await loadHubConfig(file)
  if (!loaded.ok) throw new Error(loaded.errors[0]!.message)
  await Authority.create(loaded.config.folder)
  return loaded.config
}

t.test('webhooks of a hub go through the proxy of hub.yaml, but for this machine', async t => {
  const [proxy, receiver] = [await ProxyServer.start(t), await startReceiver(t)]
  proxy.credentials = 'hub:secret'
  const config = await settings(
    t,
    `proxy: { url: '${proxy.url}', credentials-file: proxy.secret, except: [near.example] }
alerts:
  - { name: far, url: 'http://far.example:${receiver.port}/', allow-http: true }
  - { name: near, url: 'http://127.0.0.1:${receiver.port}/' }`
  )
  t.match(proxyFileErrors(config.proxy), [
    { code: 'PROXY_FILE', position: { file: /hub\.yaml$/, line: 6 } }
  ])
  writeFileSync(join(config.folder, '../proxy.secret'), 'hub:secret\n', { mode: 0o600 })
  t.strictSame(proxyFileErrors(config.proxy), [])
  t.strictSame(config.proxy?.http.exceptNames, ['near.example'])
  t.match(await new HubAlerts(config.alerts, new MemoryLog()).test(), [
    { hook: 'far', status: 204 },
    { hook: 'near', status: 204 }
  ])
  t.strictSame(proxy.seen, [`POST http://far.example:${receiver.port}/`])
  t.equal(receiver.received.length, 2)
  const bad = await loadHubConfig(join(new Site(t, { 'hub.yaml': BAD_PROXY }).folder, 'hub.yaml'))
  t.match(bad, { ok: false, errors: [{ message: /a URL such as http:\/\/proxy\.example:3128/ }] })
})

t.test('without NATS, a hub takes bundles for web servers, is not ready, and alerts', async t => {
  const receiver = await startReceiver(t)
  const config = await settings(
    t,
    `alerts: [{ name: ops, url: 'http://127.0.0.1:${receiver.port}/', secret-file: secret }]`
  )
  const secret = join(config.folder, '../secret')
  writeFileSync(secret, 'a secret of the webhook and of nobody else', { mode: 0o600 })
  t.match(config.alerts, [{ name: 'ops', events: HUB_ALERT_EVENTS }])
  t.equal(config.publicUrl, 'https://hub.example')
  const log = new MemoryLog()
  let now = 0
  const hub = new Hub(config, log, { wall: Date.now, now: () => now })
  await hub.start()
  t.teardown(() => hub.close())
  await eventually('the first attempt', () => log.with('cannot connect to NATS').length > 0)
  const client = new HubClient(config.socket, 10_000)
  const status = () => client.get<{ alerts: { sent: number }[] }>('/v1/status')
  t.match(await status(), {
    nats: { connected: false, error: /cannot connect/ },
    alerts: [{ name: 'ops', active: 0, sent: 0 }]
  })
  const published = await client.post(
    '/v1/bundles',
    { ring: 'canary' },
    await bundle({ serial: 7 })
  )
  t.match(published, { serial: 7, delivered: false })
  t.match(log.with('not connected'), [{ level: 'warn', fields: { code: 'HUB_NATS' } }])
  const channel = JSON.parse(readFileSync(join(config.pullFolder!, 'channel.json'), 'utf8')) as {
    rings: { canary: { serial: number; file: string } }
  }
  t.equal(channel.rings.canary.serial, 7)
  t.ok(existsSync(join(config.pullFolder!, channel.rings.canary.file)))
  const { address, port } = hub.endpoint!
  const ask = (path: string, init?: RequestInit) => fetch(`http://${address}:${port}${path}`, init)
  const unready = await ask('/readyz')
  t.equal(unready.status, 503)
  t.match(await unready.text(), /^NATS: cannot connect/)
  t.equal((await ask('/livez')).status, 200)
  t.match(await (await ask('/metrics')).text(), /interdict_hub_nats_connected 0\n/)
  t.equal((await ask('/v1/bundles/7')).status, 200)
  t.equal((await ask('/v1/nothing')).status, 404)
  const post = { method: 'POST', body: 'garbage' }
  t.equal((await ask('/v1/rings/canary/halt', post)).status, 405)
  t.equal((await ask('/v1/reports', post)).status, 422)
  const large = await ask('/v1/enrol', { method: 'POST', body: 'x'.repeat(100_000) })
  t.match(await large.json(), { code: 'HUB_REQUEST' })
  t.equal(large.status, 400)
  t.match(await (await ask('/v1/enrol', post)).json(), { error: 'malformed request' })
  await t.rejects(client.post('/v1/gateways/x/revoke', {}), { code: 'HUB_GATEWAY' })

  const test = (...options: string[]) =>
    interdict('alerts', 'test', '--hub', config.socket, ...options)
  t.match(await test(), { code: 0, out: 'ops: sent, HTTP status 204\n', err: '' })
  t.match(receiver.received, [{ alert: { event: 'test', gateway: { name: hostname() } } }])
  receiver.answer = response => response.writeHead(403).end()
  t.match(await test(), {
    code: 1,
    out: '',
    err: 'cannot send alerts to ops: HTTP status 403 (ALERT_SEND)\n'
  })
  receiver.answer = response => response.writeHead(200).end()
  t.strictSame(JSON.parse((await test('--json')).out), {
    ok: true,
    hooks: [{ hook: 'ops', status: 200, error: null }]
  })
  chmodSync(secret, 0o644)
  t.match((await test()).err, /mode 644 .*\(ALERT_SECRET\)\n$/)
  chmodSync(secret, 0o600)
  t.equal((await ask('/v1/alert-tests', post)).status, 405, 'the socket only')
  const silent = await interdict('alerts', 'test', '--hub', `${config.socket}.absent`)
  t.match(silent, { code: 1, err: 'HUB_SILENT' })

  now = 60_000
  await eventually('the alert', async () => (await status()).alerts[0]!.sent > 0)
  t.match(await status(), { alerts: [{ waiting: 0, failed: 0 }] })
})

t.test('what NATS does not take is an error', async t => {
  const config = await settings(t)
  const none = {
    connected: () => Promise.resolve(),
    disconnected: () => undefined,
    leads: () => true,
    nameOf: () => undefined,
    report: () => undefined,
    enrol: (octets: Uint8Array) => Promise.resolve(octets),
    countersign: (_gateway: string, octets: Uint8Array) => octets
  }
  const authority = Authority.open(config.folder)
  const { hubCredentials: hub, systemCredentials: system, enrolmentKey: enrolment } = authority
  const nats = new HubNats(config, { hub, system, enrolment }, none, new MemoryLog())
  t.notOk(nats.isConnected)
  const away = { code: 'HUB_NATS', message: /not connected/ }
  await t.rejects(
    nats.streams(streams => streams.want('canary', '')),
    away
  )
  await t.rejects(nats.differences({ rings: new Map(), bundles: new Map() }), away)
  await t.rejects(nats.recreateStreams(), away)
  await t.rejects(nats.pushAccount(''), away)
  await t.rejects(nats.accounts(), away)
  await t.rejects(nats.accountJwt(''), away)
  await nats.close()
  const description = 'no suitable peers for placement'
  const peers = new JetStreamApiError({ code: 400, err_code: 10_005, description })
  t.match(natsFailure(peers, config), { code: 'HUB_PEERS', message: /fewer than 3 servers/ })
  const other = new JetStreamApiError({ code: 503, err_code: 10_008, description: 'busy' })
  t.match(natsFailure(other, config), { code: 'FLEET_CONNECT', message: /127.0.0.1:1: busy/ })
  const known = natsFailure(other, config)
  t.equal(natsFailure(known, config), known)
})

t.test('settings of a hub that are refused', async t => {
  const { folder } = new Site(t, {})
  const file = join(folder, 'hub.yaml')
  const least = `nats: ['${NOWHERE}']\nkeys: ['${one.publicKey}']\n`
  const refused = async (text: string): Promise<string> => {
    writeFileSync(file, text)
    const loaded = await loadHubConfig(file)
    return loaded.ok ? '' : loaded.errors.map(({ message }) => message).join('\n')
  }
  t.equal(await refused(least), '')
  t.match(await refused(`${least}http: 0.0.0.0:80\n`), /a loopback address/)
  t.match(await refused(`${least}key: k\n`), /certificate: .*a path/)
  t.match(await refused(`${least}certificate: k\n`), /key: .*a path/)
  t.match(await refused(`${least}rings: [{ name: a }, { name: a }]\n`), /each ring only once/)
  t.match(
    await refused(`${least}alerts: [{ url: 'https://x', events: [worker-down] }]\n`),
    /alerts.*events/
  )
  for (const url of ['http://hub.example', 'https://hub.example/x', 'hub'])
    t.match(await refused(`${least}public-url: ${url}\n`), /a URL such as https:/)
  t.match(await loadHubConfig(join(folder, 'x')), { errors: [{ code: 'CONFIG_UNREADABLE' }] })
})
