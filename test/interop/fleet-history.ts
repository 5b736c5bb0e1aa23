/**
 * Histories of rules of real gateways, through real NATS servers and the hub into the central folder: while the hub is
 * down they are kept, and a gateway cannot write the history of another.
 */
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { connect, credsAuthenticator, headers } from '@nats-io/transport-node'
import t from 'tap'
import { install } from '../../tools/install.js'
import { CHUNK_HEADER, inboxOf, UPLOAD_SUBJECT } from '../../src/fleet/channel/wire.js'
import { filesBelow } from '../fleet/ship-rig.js'
import { command, GatewayRig, HubRig, startUpstream } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, folder, interdict } from './processes.js'

t.setTimeout(0)
install('nats-server')

const hub = await HubRig.create(t)
const upstream = await startUpstream(t)
const cluster = await Cluster.reserve(t, hub.auth)
const centre = join(folder(t), 'centre')
await hub.init(cluster.urls, `rings: [{ name: all, soak: 1s }]\nlogs: ${centre}\n`)
await cluster.form()
await hub.start()
await hub.says('connected to NATS')

const gateways = ['one', 'other'].map(name => new GatewayRig(t, name, 'all'))
const [one, other] = gateways as [GatewayRig, GatewayRig]
const servers = cluster.urls.map(url => `'${url}'`).join(', ')
const CHANNEL = `  nats: [${servers}]\n  credentials: fleet.creds\n  logs: { to: nats }`

interface Entry {
  readonly sha256: string | null
  readonly serial: number | null
}

async function entriesOf({ name }: GatewayRig): Promise<readonly Entry[]> {
  const words = ['rules', 'history', '--fleet', centre, '--gateway', name, '--json']
  const { code, text } = await interdict(...words)
  return code === 0 ? (JSON.parse(text) as { entries: Entry[] }).entries : []
}

/** Waits until the centre knows that a bundle was in force at a gateway. */
const arrives = (gateway: GatewayRig, serial: number): Promise<void> =>
  eventually(
    `${gateway.name}: ${serial}\n${hub.output}\n${gateway.output}`,
    PATIENCE * 3,
    async () => (await entriesOf(gateway)).some(one => one.serial === serial)
  )

const SHA256_OF_X = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'

const contents = (): string[] =>
  filesBelow(centre).filter(file => /^contents\/[0-9a-f]{64}\.gz$/.test(file))

await t.test('the histories of two gateways arrive, with each content once', async t => {
  for (const gateway of gateways) {
    await gateway.enrol(hub)
    await gateway.configure(hub.publicKey, upstream, CHANNEL)
  }
  await hub.fleet('publish', await hub.bundle(10, ['one.example']), '--ring', 'all')
  for (const gateway of gateways) await gateway.start()
  for (const gateway of gateways) await arrives(gateway, 10)
  const [first] = (await entriesOf(one)).filter(({ serial }) => serial === 10)
  const show = ['rules', 'show', first!.sha256!, 'networks.yaml', '--fleet', centre]
  t.match(await command(...show), 'one.example')
  const version = JSON.parse(await command(...show.slice(0, 3), ...show.slice(4), '--json')) as {
    files: readonly { readonly stored: boolean }[]
  }
  t.ok(version.files.every(({ stored }) => stored))
  // The text of the rules, and the settings of each gateway.
  t.ok(contents().length <= 3, contents().join())
})

await t.test('while the hub is down, changes are kept and arrive later', async t => {
  await hub.fleet('publish', await hub.bundle(11, ['two.example']), '--ring', 'all')
  await one.blocks('two.example')
  await hub.kill()
  // Times of commands are seconds.
  await new Promise(resolve => setTimeout(resolve, 1_500))
  const at = new Date().toISOString().replace(/\.\d+/, '')
  await one.stop()
  await one.start()
  await hub.start()
  await arrives(one, 11)
  await arrives(other, 11)
  const words = ['explain', 'two.example', '--from', '127.0.0.1', '--fleet', centre, '--json']
  await eventually('the time is known', PATIENCE * 3, async () => {
    const { text } = await interdict(...words, '--gateway', 'one', '--at', at)
    return text.includes('"verdict": "blocked"')
  })
  t.ok((await entriesOf(one)).length >= 4)
})

await t.test('a gateway cannot write the history of another, nor false contents', async t => {
  const connection = await connect({
    servers: cluster.urls,
    authenticator: credsAuthenticator(readFileSync(one.credentials)),
    inboxPrefix: inboxOf('one')
  })
  t.teardown(() => connection.close())
  const before = filesBelow(centre)
  const put = async (path: string): Promise<unknown> => {
    const own = headers()
    own.set(CHUNK_HEADER, JSON.stringify({ path, sha256: SHA256_OF_X, size: 1, at: 0 }))
    const options = { headers: own, timeout: 2_000 }
    return (await connection.request(UPLOAD_SUBJECT, 'x', options)).json()
  }
  t.match(await put('histories/other/known-4000000000.json'), { error: /malformed/ })
  await hub.says(/FLEET_MESSAGE/)
  t.match(await put(`contents/${'0'.repeat(64)}.gz`), { error: /altered on the way/ })
  await hub.says(/HUB_LOGS.*altered on the way/)
  const mine = (file: string): boolean => !file.includes('known-')
  t.strictSame(filesBelow(centre).filter(mine), before.filter(mine))
  t.notOk(filesBelow(centre).includes('histories/other/known-4000000000.json'))
})
