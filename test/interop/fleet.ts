/**
 * A fleet with real programs: three nats-server processes as a cluster, a hub and gateways; rings, automatic halt,
 * rollback, servers and hub killed, and attacks with stolen credentials and with a store under foreign control.
 *
 * Four gateways, since twenty need 2 GB and half a minute of both cores at their start; FLEET_GATEWAYS=20 runs them all,
 * FLEET_KILLS=30 kills a NATS server thirty times instead of three, FLEET_HANGS=5 stops one (SIGSTOP) five times instead of once.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { install } from '../../tools/install.js'
import { connectAs, replaceBundles, stealCredentials, type Fleet } from './fleet-attacks.js'
import { GatewayRig, HubRig, startUpstream, startWebServer, Traffic } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, freePort, interdict, type Owner } from './processes.js'

t.setTimeout(0)
install('nats-server')

const COUNT = Number(process.env.FLEET_GATEWAYS ?? 4)
const KILLS = Number(process.env.FLEET_KILLS ?? 3)
const HANGS = Number(process.env.FLEET_HANGS ?? 1)
/** Seconds in which all must have gone on, beside a busy machine. */
const LONGEST_HANG = 60

const hubPort = await freePort()
const RINGS = `rings:
  - { name: canary, soak: 1s }
  - { name: all, soak: 1s }
band: { lookups: 20, latency: 1000 }
silent-after: 20s
pull-folder: www
http: 127.0.0.1:${hubPort}
public-url: http://127.0.0.1:${hubPort}
`

const hub = await HubRig.create(t)
const upstream = await startUpstream(t)
// The keys are in what the servers include, and the ports of the servers in the settings of the hub.
const cluster = await Cluster.reserve(t, hub.auth)
await hub.init(cluster.urls, RINGS)
await cluster.form()
await hub.start()
await hub.says('connected to NATS')

const gateways = Array.from({ length: COUNT }, (_, i) => {
  return new GatewayRig(t, `gw-${i}`, i < Math.max(1, COUNT / 4) ? 'canary' : 'all')
})
const [canary] = gateways as [GatewayRig, ...GatewayRig[]]
const last = gateways.at(-1)!
const nats = `  nats: [${cluster.urls.map(url => `'${url}'`).join(', ')}]\n  credentials: fleet.creds`

const ringIs = (ring: string, serial: number, phase: string): Promise<void> =>
  eventually(`ring ${ring}: ${serial} ${phase}\n${hub.output}`, PATIENCE, async () => {
    const found = (await hub.rings()).get(ring)!
    return found.serial === serial && found.phase === phase
  })

const fleet: Fleet = { hub, cluster, gateways }

await t.test('gateways enrol with one-time tokens, and get their first bundle', async t => {
  for (const gateway of gateways) {
    await gateway.enrol(hub)
    await gateway.configure(hub.publicKey, upstream, nats)
  }
  const used = await interdict(
    'fleet',
    'enrol',
    join(canary.dir, 'token'),
    '-o',
    join(canary.dir, 'x')
  )
  t.match(used, { code: 1, text: /was used before.*FLEET_TOKEN/ })
  const file = await hub.bundle(10, ['one.example'])
  await hub.fleet('publish', file, '--ring', 'canary', '--now')
  await hub.fleet('promote', 'all', '--now')
  for (const gateway of gateways) await gateway.start()
  for (const gateway of gateways) t.equal(await gateway.rcode('one.example'), 'NXDOMAIN')
  await eventually('all run bundle 10', PATIENCE, async () => {
    return (await hub.gateways()).every(({ state, active }) => state === 'running' && active === 10)
  })
  t.equal((await hub.gateways()).length, COUNT)
  t.match(await hub.fleet('without', 'test-ban'), `gateways: ${COUNT}; each enforces test-ban`)
})

const traffic = new Traffic(gateways, 'popular.example')
t.teardown(() => traffic.stop())

await t.test('a bundle goes from ring to ring when the first stays within the band', async t => {
  await ringIs('all', 10, 'done')
  await hub.fleet(
    'publish',
    await hub.bundle(11, ['one.example', 'two.example']),
    '--ring',
    'canary'
  )
  await canary.blocks('two.example')
  await ringIs('canary', 11, 'done')
  for (const gateway of gateways) await gateway.blocks('two.example')
  await ringIs('all', 11, 'done')
  t.match(await hub.fleet('events'), /bundle 11 promoted to ring all/)
})

await t.test('a bundle that blocks a popular name is halted, and rolled back', async t => {
  await hub.fleet('publish', await hub.bundle(12, ['popular.example']), '--ring', 'canary')
  await ringIs('canary', 12, 'halted')
  t.match((await hub.rings()).get('canary'), { why: /blocked \d+\.\d% of lookups, expected/ })
  t.equal((await hub.rings()).get('all')!.serial, 11)
  t.match(await interdict('fleet', 'promote', 'all', '-c', hub.settings), {
    code: 1,
    text: /canary halted.*HUB_EARLY/
  })
  t.not(await last.rcode('popular.example'), 'NXDOMAIN')
  const behind = await interdict('fleet', 'without', 'test-ban', '-c', hub.settings)
  t.equal(behind.code, 0, behind.text)
  const text = await hub.fleet('rollback', '-k', hub.key, '--to', '11')
  t.match(text, /rings canary: back to the rules of bundle 11/)
  await canary.blocks('popular.example', false)
  await canary.blocks('two.example')
})

await t.test('stolen credentials of a gateway can only read and report as that gateway', t =>
  stealCredentials(t, fleet)
)

await t.test('an unsigned, older or foreign bundle in the store is refused everywhere', t =>
  replaceBundles(t, fleet)
)

let serial = Math.floor(Date.now() / 1000) + 1000

/** Says how long it took, for docs/operations/fleet.md. */
function comment(t: Owner & { comment(text: string): void }, what: string, start: number): void {
  const seconds = (performance.now() - start) / 1_000
  t.comment(`${what}: all gateways have the bundle after ${seconds.toFixed(1)} s`)
}

await t.test('a NATS server killed at any moment loses nothing', async t => {
  for (let i = 0; i < KILLS; i++) {
    const node = i % 3
    const start = performance.now()
    await cluster.kill(node)
    const name = `kill-${i}.example`
    await hub.fleet(
      'publish',
      await hub.bundle(++serial, [name, 'two.example']),
      '--ring',
      'canary'
    )
    await hub.fleet('promote', 'all', '--now')
    await cluster.start(node)
    for (const gateway of gateways) await gateway.blocks(name)
    comment(t, `kill ${i + 1}`, start)
  }
  t.equal(traffic.lost, 0)
  t.ok(traffic.asked > 0)
})

await t.test('a NATS server that hangs costs no more than one that is killed', async t => {
  for (let i = 0; i < HANGS; i++) {
    // The one that the canary uses, then the others: the hub and the leaders of the streams are on one of them.
    const ports = [...canary.output.matchAll(/127\.0\.0\.1:(\d+)[^\n]*connected to the fleet/g)]
    const used = cluster.ports.indexOf(Number(ports.at(-1)?.[1]))
    t.not(used, -1)
    const node = (used + i) % 3
    const start = performance.now()
    cluster.hang(node)
    const name = `hang-${i}.example`
    const file = await hub.bundle(++serial, [name, 'two.example'])
    await eventually('the hub takes a bundle', LONGEST_HANG, async () => {
      const { code } = await interdict(
        'fleet',
        'publish',
        file,
        '--ring',
        'canary',
        '-c',
        hub.settings
      )
      return code === 0
    })
    await hub.fleet('promote', 'all', '--now')
    for (const gateway of gateways) await gateway.blocks(name)
    comment(t, `hang ${i + 1}`, start)
    cluster.wake(node)
  }
  t.equal(traffic.lost, 0)
})

await t.test(
  'with hub and NATS down, gateways answer, also after a restart, and catch up',
  async t => {
    await hub.kill()
    await cluster.kill(0, 1, 2)
    for (const gateway of gateways) await gateway.says('disconnected from the fleet')
    for (const gateway of gateways) t.equal(await gateway.rcode('two.example'), 'NXDOMAIN')
    t.equal(traffic.lost, 0)
    await traffic.stop()
    await last.stop()
    await last.start()
    t.equal(await last.rcode('two.example'), 'NXDOMAIN', 'a restart without the centre')
    await cluster.start(0, 1, 2)
    await hub.start()
    await hub.fleet('publish', await hub.bundle(++serial, ['back.example']), '--ring', 'canary')
    await hub.fleet('promote', 'all', '--now')
    for (const gateway of gateways) await gateway.blocks('back.example')
  }
)

await t.test('a revoked gateway is disconnected, and goes on with its rules', async t => {
  await hub.fleet('revoke', last.name)
  await eventually('its credentials are refused', PATIENCE, async () => {
    return connectAs(last, cluster).then(
      connection => connection.close().then(() => false),
      () => true
    )
  })
  await last.says('FLEET_CONNECT')
  t.equal(await last.rcode('back.example'), 'NXDOMAIN')
  t.notOk((await hub.gateways()).some(({ name }) => name === last.name))
})

await t.test('a site that allows nothing else pulls from a web server, with ETag', async t => {
  const web = await startWebServer(t, join(hub.dir, 'www'))
  const site = new GatewayRig(t, 'pulling', 'canary')
  await site.enrol(hub, ['nats://127.0.0.1:1'])
  const pull = `  pull: ${web.url}
  pull-interval: 5s
  credentials: fleet.creds
  report-url: http://127.0.0.1:${hubPort}/v1/reports`
  await site.configure(hub.publicKey, upstream, pull)
  await site.start()
  t.equal(await site.rcode('back.example'), 'NXDOMAIN')
  await eventually('an unchanged answer', PATIENCE, () => Promise.resolve(web.unchanged > 0))
  await hub.fleet('publish', await hub.bundle(++serial, ['pulled.example']), '--ring', 'canary')
  await site.blocks('pulled.example')
  await eventually('its report', PATIENCE, async () =>
    (await hub.gateways()).some(
      ({ name, by, active }) => name === 'pulling' && by === 'https' && active === serial
    )
  )
  const publishing = await fetch(`http://127.0.0.1:${hubPort}/v1/rings/all/halt`, {
    method: 'POST'
  })
  t.equal(publishing.status, 405)
  t.ok(web.asked > web.unchanged)
  writeFileSync(join(hub.dir, 'www/channel.json'), 'garbage')
  await site.says('FLEET_MESSAGE')
  t.equal(await site.rcode('pulled.example'), 'NXDOMAIN')
  await site.stop()
})

for (const gateway of gateways) await gateway.stop()
