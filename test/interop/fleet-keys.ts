/**
 * Keys of a fleet with real programs: three NATS servers, a hub and three gateways, one of which pulls. A root of trust comes
 * with the enrolment; a key is rotated and revoked through the channel; who has stolen a key, and the hub with all of NATS, gets
 * no bundle accepted after its revocation; a new root resets the serial.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { connect, credsAuthenticator } from '@nats-io/transport-node'
import t from 'tap'
import { install } from '../../tools/install.js'
import { BUNDLES_STORE, ringSubject } from '../../src/fleet/channel/wire.js'
import type { RootView } from '../../src/fleet/hub/roots/root-view.js'
import { command, GatewayRig, HubRig, startUpstream, startWebServer } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, freePort, interdict } from './processes.js'

t.setTimeout(0)
install('nats-server')

const hubPort = await freePort()
const hub = await HubRig.create(t)
const upstream = await startUpstream(t)
const cluster = await Cluster.reserve(t, hub.auth)
await hub.init(
  cluster.urls,
  `rings: [{ name: canary, soak: 1h }, { name: all, soak: 1h }]
pull-folder: www
http: 127.0.0.1:${hubPort}
public-url: http://127.0.0.1:${hubPort}
`
)
await cluster.form()
await hub.start()
await hub.says('connected to NATS')
const web = await startWebServer(t, join(hub.dir, 'www'))

const path = (name: string): string => join(hub.dir, name)
/** @returns the public key */
const keygen = async (name: string): Promise<string> =>
  (await command('bundle', 'keygen', path(name))).trim()
const [rootA, rootB, rootC] = [await keygen('a.pem'), await keygen('b.pem'), await keygen('c.pem')]
const fresh = await keygen('fresh.pem')
const old = { file: hub.key, key: hub.publicKey }

const gateways = [
  new GatewayRig(t, 'first', 'canary'),
  new GatewayRig(t, 'second', 'all'),
  new GatewayRig(t, 'third', 'all')
]
const [first, , third] = gateways as [GatewayRig, GatewayRig, GatewayRig]
const nats = `  nats: [${cluster.urls.map(url => `'${url}'`).join(', ')}]\n  credentials: fleet.creds`
const pull = `  pull: ${web.url}\n  pull-interval: 5s\n  credentials: fleet.creds
  report-url: http://127.0.0.1:${hubPort}/v1/reports`

const rootView = async (): Promise<RootView> =>
  (await (await hub.client()).get<{ root: RootView }>('/v1/status')).root
/** Waits until a key is in a state, by the reports of all gateways. */
const keyIs = (key: string, state: string): Promise<void> =>
  eventually(`${key} is ${state}\n${hub.output}`, PATIENCE, async () => {
    return (await rootView()).keys.some(one => one.key === key && one.state === state)
  })
const allRun = (serial: number): Promise<void> =>
  eventually(
    `all run ${serial}\n${gateways.map(({ output }) => output).join('')}`,
    PATIENCE,
    async () => (await hub.gateways()).every(({ active }) => active === serial)
  )
/** To both rings at once. */
async function publish(file: string): Promise<void> {
  for (const ring of ['canary', 'all']) await hub.fleet('publish', file, '--ring', ring, '--now')
}
const publishRoot = (file: string, ...more: string[]) =>
  interdict('root', 'publish', path(file), '-c', hub.settings, ...more)
const change = (from: string, to: string, ...words: string[]): Promise<string> =>
  command(
    'root',
    'change',
    path(from),
    '-o',
    path(to),
    ...words,
    '-k',
    path('a.pem'),
    path('b.pem')
  )

await t.test('the first root comes with the enrolment, and gateways trust its keys', async t => {
  await command(
    ...[
      'root',
      'init',
      path('1.root'),
      '--root-key',
      rootA,
      rootB,
      rootC,
      '--root-signatures',
      '2'
    ],
    ...['--bundle-key', old.key, '-k', path('a.pem')]
  )
  t.match(await publishRoot('1.root'), { code: 1, text: /1 of 2 required.*ROOT_UNSIGNED/ })
  t.match(await command('root', 'show', path('1.root')), /incomplete: 1 of 2 signatures/)
  // Each signer has a key of their own, on a machine of their own.
  t.notMatch(await command('root', 'sign', path('1.root'), '-k', path('b.pem')), 'incomplete')
  t.match(await publishRoot('1.root'), { code: 0 })
  for (const gateway of gateways) {
    await gateway.enrol(hub)
    await gateway.configure(old.key, upstream, gateway === third ? pull : nats)
    const settings = join(gateway.dir, 'interdict.yaml')
    const text = readFileSync(settings, 'utf8')
    writeFileSync(settings, text.replace(`keys: ['${old.key}']`, 'root: fleet.root'))
    t.equal(
      readFileSync(join(gateway.dir, 'fleet.root'), 'utf8'),
      readFileSync(path('1.root'), 'utf8')
    )
  }
  await publish(await hub.bundle(10, ['one.example']))
  for (const gateway of gateways) await gateway.start()
  await allRun(10)
  await keyIs(old.key, 'ready')
  t.match(await rootView(), { version: 1, gateways: 3, current: 3, waiting: [] })
  t.match(await hub.fleet('status', '--gateways'), /root of trust 1, expires .*: 3 of 3 gateways/)
})

await t.test('a key is rotated without touching a gateway', async t => {
  await change('1.root', '2.root', '--add', `bundle=${fresh}`)
  t.match(await command('root', 'show', path('2.root'), '--after', path('1.root')), 'of trust 2')
  t.match(await publishRoot('2.root'), { code: 0 })
  await keyIs(fresh, 'ready')
  await change('2.root', '3.root', '--revoke', old.key)
  t.match(await publishRoot('3.root'), {
    code: 1,
    text: /bundle 10 of ring all has 0 of the 1 signatures|bundle 10 of ring canary has 0/
  })
  const resigned = path('r10-again.bundle')
  copyFileSync(path('r10.bundle'), resigned)
  await command('bundle', 'sign', resigned, '-k', path('fresh.pem'))
  await hub.fleet('publish', resigned, '--ring', 'canary')
  t.match(await publishRoot('3.root'), { code: 0 })
  await keyIs(old.key, 'dropped')
  t.match(await hub.fleet('status'), /dropped .*destroy its private key/)
  await publish(await hub.bundle(11, ['two.example'], path('fresh.pem')))
  for (const gateway of gateways) await gateway.blocks('two.example')
  await allRun(11)
})

/** On another port: somebody else may have got the last one meanwhile. */
async function restart(gateway: GatewayRig, between: () => void = () => undefined): Promise<void> {
  await gateway.stop()
  between()
  const settings = join(gateway.dir, 'interdict.yaml')
  const port = await freePort()
  const text = readFileSync(settings, 'utf8')
  writeFileSync(settings, text.replace(`127.0.0.1:${gateway.port}'`, `127.0.0.1:${port}'`))
  gateway.port = port
  await gateway.start()
}

/** With all rights on NATS and on the web server: wants a bundle that was signed with a stolen key. */
async function inject(file: string, serial: number): Promise<void> {
  const admin = await connect({
    servers: cluster.urls,
    authenticator: credsAuthenticator(readFileSync(path('hub/hub.creds'))),
    reconnect: false
  })
  const octets = readFileSync(file)
  const name = `${serial}-${basename(file)}`
  const store = await new Objm(jetstream(admin)).open(BUNDLES_STORE)
  await store.putBlob({ name }, octets)
  const wanted = {
    ...{ version: 1, serial, size: octets.length, file: name, at: new Date().toISOString() },
    sha256: createHash('sha256').update(octets).digest('hex')
  }
  const text = JSON.stringify(wanted)
  for (const ring of ['canary', 'all']) await jetstream(admin).publish(ringSubject(ring), text)
  await admin.close()
  writeFileSync(path(`www/${name}`), octets)
  const rings = { canary: wanted, all: wanted }
  writeFileSync(path('www/channel.json'), JSON.stringify({ version: 1, rings }))
}

await t.test(
  'a stolen key that was revoked signs nothing any more, also after a restart',
  async t => {
    const evil = await hub.bundle(12, ['popular.example'], old.file)
    t.match(await interdict('fleet', 'publish', evil, '--ring', 'canary', '-c', hub.settings), {
      code: 1,
      text: /BUNDLE_UNSIGNED/
    })
    await hub.kill()
    await inject(evil, 12)
    for (const gateway of gateways) await gateway.says('BUNDLE_UNSIGNED')
    for (const gateway of gateways) {
      await restart(gateway, () => {
        // As if the file had been replaced, too.
        if (gateway !== first) copyFileSync(evil, join(gateway.dir, 'state/fleet.bundle'))
      })
      await gateway.says('BUNDLE_UNSIGNED')
      t.equal(await gateway.rcode('popular.example'), 'NOERROR', gateway.name)
      t.equal(await gateway.rcode('two.example'), 'NXDOMAIN', gateway.name)
    }
    await hub.start()
    // It deletes the streams before it fills them again, and is killed next.
    await hub.says('content of NATS restored')
    await allRun(11)
  }
)

await t.test('a stolen key in use is revoked at once, and its bundle gives way', async t => {
  // Before the theft is known, its bundle is accepted everywhere.
  await hub.kill()
  const high = Math.floor(Date.now() / 1000) + 80_000
  const evil = await hub.bundle(high, ['popular.example'], path('fresh.pem'))
  await inject(evil, high)
  for (const gateway of gateways) await gateway.blocks('popular.example')
  await hub.start()
  await hub.says('connected to NATS')
  const good = await keygen('good.pem')
  await change('3.root', '4.root', '--revoke', fresh, '--add', `bundle=${good}`, '--reset-serials')
  t.match(await publishRoot('4.root'), { code: 1, text: /HUB_ROOT/ })
  t.match(await publishRoot('4.root', '--now'), { code: 0 })
  await keyIs(good, 'ready')
  const serial = Math.floor(Date.now() / 1000)
  await publish(await hub.bundle(serial, ['three.example'], path('good.pem')))
  for (const gateway of gateways) await gateway.blocks('three.example')
  for (const gateway of gateways) t.equal(await gateway.rcode('popular.example'), 'NOERROR')
  await allRun(serial)
  for (const gateway of gateways) {
    await restart(gateway)
    t.equal(await gateway.rcode('three.example'), 'NXDOMAIN', `${gateway.name} after a restart`)
  }
})

await t.test('a bundle that waited for its key is taken as soon as the root arrives', async t => {
  const next = await keygen('next.pem')
  await hub.kill()
  const serial = Math.floor(Date.now() / 1000) + 10
  const file = await hub.bundle(serial, ['four.example'], path('next.pem'))
  await inject(file, serial)
  for (const gateway of gateways)
    await gateway.says(new RegExp(`BUNDLE_UNSIGNED.*bundle ${serial} of the fleet`))
  await hub.start()
  await hub.says('connected to NATS')
  await change('4.root', '5.root', '--add', `bundle=${next}`)
  t.match(await publishRoot('5.root'), { code: 0 })
  await publish(file)
  for (const gateway of gateways) await gateway.blocks('four.example')
})
