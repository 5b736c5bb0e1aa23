/**
 * Logs of a fleet through three real NATS servers into the central folder, while servers and the hub are killed.
 *
 *     node dist/test/interop/fleet-logs.js 30     kills thirty times instead of three
 */
import { randomBytes, randomInt } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import t from 'tap'
import { LiveLookups } from '../../src/fleet/ship/live-lookups.js'
import { NatsStore } from '../../src/fleet/ship/nats-store.js'
import { Pace } from '../../src/fleet/ship/pace.js'
import { inboxOf, logObject, logsSubject, witnessSubject } from '../../src/fleet/channel/wire.js'
import { verifyFleet } from '../../src/lookups/central/verify-fleet.js'
import { CentralLog } from '../../src/lookups/central/central-log.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { lines, record } from '../querylog/archive/lines.js'
import { filesBelow, LoggingGateway, writeKeys } from '../fleet/ship-rig.js'
import { command, GatewayRig, HubRig, startUpstream } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, folder } from './processes.js'

t.setTimeout(600_000)

const KILLS = Number(process.argv[2] ?? 3)
/** Enough for several chunks, since nothing of it can be compressed. */
const LOOKUPS = 4_000
const DAY = '2026-11-10'

const hub = await HubRig.create(t)
const reserved = await Cluster.reserve(t, hub.auth)
const centre = join(folder(t), 'centre')
await hub.init(reserved.urls, `rings: [{ name: all }]\nlogs: ${centre}\n`)
await reserved.form()
await hub.start()
await hub.says('connected to NATS')

/** A gateway that is enrolled, with a connection as the fleet thread has. */
async function enrolled(name: string) {
  const rig = new GatewayRig(t, name, 'all')
  await rig.enrol(hub)
  const connection = await connect({
    servers: reserved.urls,
    authenticator: credsAuthenticator(readFileSync(rig.credentials)),
    inboxPrefix: inboxOf(name),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    pingInterval: 1_000
  })
  t.teardown(() => connection.close())
  const log = new LoggingGateway(t, name)
  const shipper = log.shipper(new NatsStore(name, () => connection, new Pace(4 * 2 ** 20)))
  return { name, connection, log, shipper }
}

const gateways = [await enrolled('one'), await enrolled('other')]

/** Sends until the centre has confirmed everything. */
function send({ name, shipper }: (typeof gateways)[number], output: () => string): Promise<void> {
  let last = ''
  return eventually(`${name} is confirmed: ${last} ${output()}`, PATIENCE * 2, async () => {
    try {
      const { files } = await shipper.pass()
      return files === 0
    } catch (error) {
      last = (error as Error).message
      return false
    }
  })
}

t.test(`${KILLS} times a server, and the hub, are killed while files travel`, async t => {
  for (let round = 0; round < KILLS; round++) {
    const second = String(round % 60).padStart(2, '0')
    for (const { log } of gateways) {
      const all = Array.from({ length: LOOKUPS }, () =>
        record(`${DAY}T10:00:${second}.000Z`, {
          qname: `${randomBytes(20).toString('hex')}.example`
        })
      )
      log.close(`20261110T1100${second}.000Z`, ...all)
      await log.maintain(`${DAY}T12:00:00Z`)
    }
    const sending = gateways.map(gateway => send(gateway, () => hub.output))
    await new Promise(resolve => setTimeout(resolve, randomInt(400)))
    const node = round % 3
    await reserved.kill(node)
    if (round % 5 === 2) {
      await hub.kill()
      await hub.start()
    }
    await reserved.start(node)
    await Promise.all(sending)
  }
  for (const gateway of gateways) t.match(await gateway.shipper.pass(), { files: 0, confirmed: 0 })
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  await database.openFleet(new CentralLog(centre))
  const rows = await database.rows(
    'SELECT gateway, count(*) AS n, count(DISTINCT qname) AS names FROM lookups GROUP BY ALL ORDER BY ALL'
  )
  const n = KILLS * LOOKUPS
  t.strictSame(
    rows,
    gateways.map(({ name: gateway }) => ({ gateway, n, names: n }))
  )
  const files = filesBelow(centre)
  t.equal(files.filter(file => file.endsWith('.parquet')).length, 2 * KILLS)
  t.notOk(files.some(file => file.endsWith('.part')))
  const keyOf = (name: string) => [gateways.find(one => one.name === name)!.log.key]
  t.match(await verifyFleet(centre, keyOf), [
    { proven: true, gaps: [] },
    { proven: true, gaps: [] }
  ])
  writeKeys(
    centre,
    gateways.map(({ log }) => log)
  )
  t.match(await command('verify-log', '--fleet', centre), /one: unaltered[^]*other: unaltered/)
})

t.test('a gateway cannot write the logs of another, and garbage is dropped', async t => {
  const [one, other] = gateways
  const client = jetstream(one!.connection, { timeout: 2_000 })
  const publish = (subject: string, text: string): Promise<unknown> => client.publish(subject, text)
  await t.rejects(publish(logObject('C', other!.name, 'a'), 'x'), /permission|timeout/i)
  await t.rejects(publish(logObject('M', other!.name, 'a'), 'x'), /permission|timeout/i)
  const ask = (connection: NatsConnection, name: string, text: string) =>
    connection.request(logsSubject(name), text, { timeout: 2_000 })
  await t.rejects(ask(one!.connection, other!.name, '{"paths":[]}'))
  const before = filesBelow(centre)
  const foreign = before.find(file => file.includes('gateway=other'))!
  const reply = await ask(one!.connection, one!.name, JSON.stringify({ paths: [foreign] }))
  t.strictSame(reply.json(), { paths: [] }, 'nor ask what it has')
  const object = (name: string, size = 1) =>
    JSON.stringify({
      ...{ name, bucket: 'interdict-logs', nuid: 'x', size },
      digest: `SHA-256=${'A'.repeat(43)}`
    })
  const segment = `chains/one/${'0'.repeat(64)}-1-1.jsonl`
  await publish(logObject('M', one!.name, 'garbage'), 'x')
  await publish(logObject('M', one!.name, 'foreign'), object(segment.replace('one', 'other')))
  await publish(logObject('M', one!.name, 'escape'), object('../../etc/passwd'))
  await publish(logObject('C', one!.name, 'digest'), 'x')
  await publish(logObject('M', one!.name, 'digest'), object(segment))
  await publish(logObject('C', one!.name, 'long'), 'xx')
  await publish(logObject('M', one!.name, 'long'), object(segment))
  await hub.says(/HUB_LOGS.*altered on the way/)
  await hub.says(/HUB_LOGS.*too long/)
  const messages = (): number => hub.output.split('FLEET_MESSAGE').length - 1
  await eventually('three messages are dropped', PATIENCE, () => Promise.resolve(messages() >= 3))
  const after = filesBelow(centre).filter(file => !file.endsWith('.part'))
  t.strictSame(after, before)
})

t.test('blocked lookups are live, in a stream', async t => {
  const [one, other] = gateways
  const { path } = one!.log
  writeFileSync(path, lines(record(`${DAY}T13:00:00.000Z`, { qname: 'before.example' })))
  const warn = (): void => undefined
  const live = new LiveLookups(
    {
      ...{ path, gateway: 'one', connection: () => one!.connection },
      log: { info: warn, warn, error: warn }
    },
    50
  )
  t.teardown(() => live.close())
  appendFileSync(
    path,
    lines(
      record(`${DAY}T13:00:01.000Z`, { qname: 'a.example' }),
      record(`${DAY}T13:00:02.000Z`, { qname: 'b.example', verdict: 'forwarded' }),
      record(`${DAY}T13:00:03.000Z`, { qname: 'c.example' })
    )
  )
  const watching = await connect({
    servers: reserved.urls,
    authenticator: credsAuthenticator(readFileSync(join(hub.dir, 'hub/hub.creds')))
  })
  t.teardown(() => watching.close())
  const consumer = await jetstream(watching).consumers.get('interdict-live')
  const message = await consumer.next({ expires: PATIENCE * 1000 })
  t.equal(message?.subject, 'interdict.live.one')
  const names = message!
    .string()
    .split('\n')
    .map(line => (JSON.parse(line) as { qname: string }).qname)
  t.strictSame(names, ['a.example', 'c.example'])
  const client = jetstream(other!.connection, { timeout: 2_000 })
  await t.rejects(client.publish('interdict.live.one', 'x'), /permission|timeout/i)
})

t.test('a gateway gets signatures of the hub in its own name only', async t => {
  const [one, other] = gateways
  const line = JSON.stringify({ n: 1, sha256: 'ab'.repeat(32) })
  const ask = (name: string) =>
    one!.connection.request(witnessSubject(name), line, { timeout: 2_000 })
  t.match((await ask(one!.name)).json(), { signature: String, at: String })
  await t.rejects(ask(other!.name))
  t.ok(existsSync(join(hub.dir, 'hub/witness/one.jsonl')))
  t.notOk(existsSync(join(hub.dir, 'hub/witness/other.jsonl')))
})

t.test(
  'a real gateway sends its closed files, blocked lookups at once, and checkpoints',
  async t => {
    const site = new GatewayRig(t, 'site', 'all')
    await site.enrol(hub)
    await hub.fleet('publish', await hub.bundle(1, ['banned.example']), '--ring', 'all', '--now')
    const urls = reserved.urls.map(url => `'${url}'`).join(', ')
    await site.configure(
      hub.publicKey,
      await startUpstream(t),
      `  nats: [${urls}]\n  credentials: fleet.creds\n  logs: { to: nats, live: true }`
    )
    const settings = join(site.dir, 'interdict.yaml')
    await command('bundle', 'keygen', join(site.dir, 'sign.pem'))
    const hubKey = readFileSync(join(hub.dir, 'hub/witness.pub'), 'utf8').trim()
    const log = `which: all, chain: { sign-key: sign.pem }, witness: { hub-key: ${hubKey} }`
    writeFileSync(settings, readFileSync(settings, 'utf8').replace('which: none', log))
    mkdirSync(join(site.dir, 'log'))
    const closed = join(site.dir, 'log/queries-20261110T110000.000Z.jsonl')
    writeFileSync(closed, lines(record(`${DAY}T10:00:00.000Z`), record(`${DAY}T10:00:01.000Z`)))
    await site.start()
    await site.blocks('banned.example')
    const watching = await connect({
      servers: reserved.urls,
      authenticator: credsAuthenticator(readFileSync(join(hub.dir, 'hub/hub.creds')))
    })
    t.teardown(() => watching.close())
    const consumer = await jetstream(watching).consumers.get('interdict-live', {
      filter_subjects: ['interdict.live.site']
    })
    let live = ''
    await eventually('live lookups', PATIENCE, async () => {
      await site.rcode('banned.example')
      live += (await consumer.next({ expires: 2_000 }))?.string() ?? ''
      return live.includes('banned.example')
    })
    await eventually(`files of the gateway: ${site.output}`, PATIENCE, () => {
      const files = filesBelow(centre).filter(file => file.includes('gateway=site'))
      return Promise.resolve(files.length === 2)
    })
    await eventually(`the hub signs a checkpoint: ${site.output}`, PATIENCE, () =>
      Promise.resolve(existsSync(join(site.dir, 'log/witness.jsonl')))
    )
    const witnessed = await command('verify-log', '-c', settings)
    t.match(
      witnessed,
      /verified(, the log is unaltered; witnessed until| by the key of the chain; )/
    )
    const copy = join(hub.dir, 'hub/witness/site.jsonl')
    t.match(
      await command('verify-log', '-c', settings, '--witness', copy),
      /([2-9]|\d{2,}) receipts/
    )
    const told = await command('report', '--fleet', centre, '--by', 'gateway', '--time-zone', 'UTC')
    t.match(told, /site +2 /)
    await site.stop()
  }
)
