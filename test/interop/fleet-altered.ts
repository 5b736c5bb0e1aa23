/**
 * What somebody with full rights on NATS deletes or writes is noticed by the hub within a minute, or when it connects, and
 * restored from its own state: streams, values of rings, bundles, and accounts of gateways.
 */
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { connect, credsAuthenticator, nanos, type NatsConnection } from '@nats-io/transport-node'
import t from 'tap'
import { install } from '../../tools/install.js'
import { storedMessage } from '../../src/fleet/channel/stored-message.js'
import { BUNDLES_STORE, inboxOf, ringSubject, RINGS_BUCKET } from '../../src/fleet/channel/wire.js'
import { Hub } from '../../src/fleet/hub/hub.js'
import { loadHubConfig } from '../../src/fleet/hub/hub-config.js'
import type { StateStore } from '../../src/fleet/hub/hub-state.js'
import { HUBS_BUCKET } from '../../src/fleet/hub/pair/shared-bucket.js'
import { MemoryLog } from '../daemon/serve.js'
import { GatewayRig, HubRig } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually } from './processes.js'

t.setTimeout(0)
install('nats-server')

const RINGS = `KV_${RINGS_BUCKET}`
const HUBS = `KV_${HUBS_BUCKET}`
const REGISTER = `$KV.${HUBS_BUCKET}.register`
const BUNDLES = `OBJ_${BUNDLES_STORE}`

const rig = await HubRig.create(t)
const cluster = await Cluster.reserve(t, rig.auth)
await rig.init(cluster.urls, `rings: [{ name: canary }, { name: all }]\n`)
const loaded = await loadHubConfig(rig.settings)
if (!loaded.ok) throw new Error('settings')
const { config } = loaded
const log = new MemoryLog()
const stateFile = join(config.folder, 'state.json')
await cluster.form()

/** Time of the hub, which compares each minute. */
let passed = 0
const clock = { now: () => performance.now() + passed, wall: Date.now }
let hub = await startHub()
t.teardown(() => hub.close())

async function startHub(): Promise<Hub> {
  const started = new Hub(config, log, clock)
  await started.start()
  return started
}

async function isReady(wanted: boolean): Promise<void> {
  let text = ''
  await eventually(`the hub is ready: ${wanted}`, PATIENCE, async () => {
    text = (await rig.ready()).text
    return (text === 'ready\n') === wanted
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${text}`)
  })
}
await isReady(true)
await rig.fleet('publish', await rig.bundle(10, ['one.example']), '--ring', 'canary')
await rig.fleet('promote', 'all', '--now')
await isReady(true)

async function open(path: string, name: string): Promise<NatsConnection> {
  const connection = await connect({
    ...{ servers: cluster.urls, authenticator: credsAuthenticator(readFileSync(path)) },
    ...{ inboxPrefix: inboxOf(name), reconnect: false }
  })
  t.teardown(() => connection.close())
  return connection
}

const site = new GatewayRig(t, 'site', 'canary')
await site.enrol(rig)
let gateway = await open(site.credentials, 'site')
const admin = await open(join(config.folder, 'hub.creds'), 'hub')

const valueOf = async (): Promise<string> => {
  const stored = await storedMessage(gateway, RINGS, ringSubject('canary'))
  return Buffer.from(stored?.data ?? '').toString()
}
const genuine = await valueOf()
const { file, size } = JSON.parse(genuine) as { file: string; size: number }
const meta = `$O.${BUNDLES_STORE}.M.${Buffer.from(file)
  .toString('base64url')
  .padEnd(Math.ceil((file.length * 4) / 3 / 4) * 4, '=')}`

/** The bundle, as the gateway reads it. */
async function readBundle(): Promise<number> {
  const info = await storedMessage(gateway, BUNDLES, meta)
  const { nuid } = JSON.parse(Buffer.from(info?.data ?? '{}').toString()) as { nuid?: string }
  const subject = `$O.${BUNDLES_STORE}.C.${nuid}`
  let length = 0
  for (let seq = 1; ;) {
    const chunk = await storedMessage(gateway, BUNDLES, { seq, next_by_subj: subject })
    if (chunk === undefined) return length
    length += chunk.data.length
    seq = chunk.seq + 1
  }
}

const restorations = (): number => log.with('content of NATS restored').length

/** Waits until the hub has noticed something and restored everything. @param known restorations before */
async function isRestored(known: number, reason: RegExp): Promise<void> {
  let text = ''
  await eventually('noticed', PATIENCE, async () => {
    text = (await rig.ready()).text
    return reason.test(text)
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: ${text}`)
  })
  await eventually('restored', PATIENCE, () => Promise.resolve(restorations() > known))
  // A stream that was created a moment ago may not answer yet.
  await eventually('the value of the ring, and the bundle', PATIENCE, async () => {
    return (await valueOf().catch(() => '')) === genuine && (await readBundle()) === size
  })
  passed += 60_000
  await isReady(true)
}

const manager = () => jetstreamManager(admin)
const publish = async (subject: string, text: string): Promise<void> => {
  await jetstream(admin).publish(subject, text)
}
const chunksSubject = async (): Promise<string> => {
  const { state } = await (await manager()).streams.info(BUNDLES, { subjects_filter: '>' })
  return Object.keys(state.subjects ?? {}).find(subject => subject.includes('.C.'))!
}

const ALTERATIONS: Readonly<Record<string, readonly [RegExp, () => Promise<unknown>]>> = {
  'a foreign value of a ring': [
    /ring canary has a foreign value/,
    () => publish(ringSubject('canary'), genuine.replace('"serial":10', '"serial":999999'))
  ],
  'a foreign ring': [/foreign ring new/, () => publish(ringSubject('new'), genuine)],
  'a deleted value': [
    /ring canary has no value/,
    async () => (await manager()).streams.purge(RINGS, { filter: ringSubject('canary') })
  ],
  'a deleted stream of rings': [
    /stream KV_interdict-rings is missing/,
    async () => (await manager()).streams.delete(RINGS)
  ],
  'a deleted stream of bundles': [
    /stream OBJ_interdict-bundles is missing/,
    async () => (await manager()).streams.delete(BUNDLES)
  ],
  'an emptied stream of bundles': [
    /bundle 10-\w+\.bundle is missing/,
    async () => (await manager()).streams.purge(BUNDLES)
  ],
  'a foreign bundle': [
    /foreign bundle evil/,
    async () => {
      const store = await new Objm(jetstream(admin)).open(BUNDLES_STORE)
      await store.putBlob({ name: 'evil' }, Buffer.from('x'))
    }
  ],
  'another content of a bundle': [
    /bundle 10-\w+\.bundle is damaged/,
    async () => {
      const subject = await chunksSubject()
      await (await manager()).streams.purge(BUNDLES, { filter: subject })
      await publish(subject, 'x'.repeat(size))
    }
  ],
  'a garbled description of a bundle': [
    /bundle 10-\w+\.bundle is damaged/,
    () => publish(meta, 'garbage')
  ],
  'a chunk of no bundle': [
    /foreign message on \$O\.interdict-bundles\.C\.evil/,
    () => publish(`$O.${BUNDLES_STORE}.C.evil`, 'x')
  ],
  'another setting of a stream': [
    /stream KV_interdict-rings has another max_age/,
    async () => {
      const { streams } = await manager()
      await streams.update(RINGS, { max_age: nanos(3_600_000) })
    }
  ]
}
for (const [what, [reason, alter]] of Object.entries(ALTERATIONS)) {
  t.test(`${what} is noticed within a minute, and restored`, async t => {
    const known = restorations()
    await alter()
    passed += 60_000
    await isRestored(known, reason)
    t.match(log.with('changed by others').at(-1), { level: 'error', message: reason })
  })
}

t.test('what changed while the hub was down is noticed when it connects', async () => {
  const known = restorations()
  await hub.close()
  await (await manager()).streams.delete(RINGS)
  hub = await startHub()
  await isRestored(known, /KV_interdict-rings is missing|ring canary has no value/)
})

t.test('a restored copy of the state makes no revoked gateway a member again', async test => {
  const old = new GatewayRig(t, 'old', 'canary')
  await old.enrol(rig)
  const copy = join(rig.dir, 'copy.json')
  cpSync(stateFile, copy)
  await rig.fleet('revoke', 'old')
  const stateOf = () => JSON.parse(readFileSync(stateFile, 'utf8')) as StateStore['state']
  const { events } = stateOf()
  await hub.close()
  cpSync(copy, stateFile)
  hub = await startHub()
  await isReady(true)
  test.strictSame(stateOf().events, events, 'what happened since comes from NATS')
  await hub.close()
  cpSync(copy, stateFile)
  await (await manager()).streams.delete(HUBS)
  hub = await startHub()
  await isReady(true)
  await test.rejects(open(old.credentials, 'old'), /authorization/i)
  const { gateways } = stateOf()
  test.match(gateways.old?.revoked, /^\d{4}-/)
  test.match(log.with('stays revoked'), [{ fields: { gateway: 'old' } }])
})

t.test('what others write into the bucket of the hubs is replaced', async test => {
  const before = log.with('the lease and the state of the hubs').length
  const stored = async () =>
    (await (await manager()).streams.getMessage(HUBS, { last_by_subj: REGISTER }))?.string()
  await publish(REGISTER, '{}')
  await eventually('the register of the hub', PATIENCE, async () => (await stored()) !== '{}')
  test.ok(log.with('the lease and the state of the hubs').length > before)
  await isReady(true)
  await (await manager()).streams.purge(HUBS)
  await eventually('the register and the state', PATIENCE, async () => {
    const { state } = await (await manager()).streams.info(HUBS)
    return (await stored()) !== undefined && state.messages >= 4
  })
  await isReady(true)
})

t.test('servers that lost all accounts and streams get them again', async () => {
  const known = restorations()
  await cluster.kill(0, 1, 2)
  await isReady(false)
  for (const node of [0, 1, 2]) {
    rmSync(join(cluster.dir, `jwt${node}`), { recursive: true })
    rmSync(join(cluster.dir, `js${node}`), { recursive: true })
  }
  await cluster.form()
  await eventually('the account of the gateway', PATIENCE, () =>
    open(site.credentials, 'site').then(
      connection => {
        gateway = connection
        return true
      },
      () => false
    )
  )
  await isRestored(known, /is missing|has no value/)
})
