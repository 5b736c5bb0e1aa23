/**
 * Logs of a fleet through three real NATS servers into the central folder, while servers and the hub are killed.
 *
 *     node dist/test/interop/fleet-logs.js 30     kills thirty times instead of three
 */
import { createHash, randomInt } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import { connect, credsAuthenticator, headers } from '@nats-io/transport-node'
import t from 'tap'
import { LiveLookups } from '../../src/fleet/ship/live-lookups.js'
import {
  BLOCKED_SUBJECT,
  CHUNK_HEADER,
  LOGS_SUBJECT,
  MAX_BLOCKED,
  UPLOAD_SUBJECT,
  WITNESS_SUBJECT,
  type LogChunk
} from '../../src/fleet/channel/wire.js'
import { verifyFleet } from '../../src/lookups/central/verify-fleet.js'
import { CentralLog } from '../../src/lookups/central/central-log.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { lines, record } from '../querylog/archive/lines.js'
import { filesBelow, writeKeys } from '../fleet/ship-rig.js'
import { command, GatewayRig, HubRig, startUpstream } from './fleet-rig.js'
import { closeFile, DAY, enrolled, LOOKUPS, send } from './fleet-shipping.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, folder } from './processes.js'

t.setTimeout(600_000)

const KILLS = Number(process.argv[2] ?? 3)
const hub = await HubRig.create(t)
const reserved = await Cluster.reserve(t, hub.auth)
const centre = join(folder(t), 'centre')
await hub.init(reserved.urls, `rings: [{ name: all }]\nlogs: ${centre}\n`)
await reserved.form()
await hub.start()
await hub.says('connected to NATS')

const gateways = [
  await enrolled(t, hub, reserved.urls, 'one'),
  await enrolled(t, hub, reserved.urls, 'other')
]

t.test(`${KILLS} times a server, and the hub, are killed while files travel`, async t => {
  for (let round = 0; round < KILLS; round++) {
    for (const gateway of gateways) await closeFile(gateway, round)
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
  await eventually(`the hub is ready: ${hub.output}`, PATIENCE * 2, async () => {
    return (await hub.ready()).status === 200
  })
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
  const { connection } = gateways[0]!
  const before = filesBelow(centre)
  const foreign = before.find(file => file.includes('gateway=other'))!
  const paths = JSON.stringify({ paths: [foreign] })
  const reply = await connection.request(LOGS_SUBJECT, paths, { timeout: 2_000 })
  t.strictSame(reply.json(), { paths: [] }, 'nor ask what it has')
  const put = async (path: string, content: string, more: Partial<LogChunk> = {}) => {
    const own = headers()
    const chunk = { path, sha256: '0'.repeat(64), size: 1, at: 0, ...more }
    own.set(CHUNK_HEADER, JSON.stringify(chunk))
    const options = { headers: own, timeout: 2_000 }
    return (await connection.request(UPLOAD_SUBJECT, content, options)).json()
  }
  const segment = `chains/one/${'0'.repeat(64)}-1-1.jsonl`
  const bare = await connection.request(UPLOAD_SUBJECT, 'x', { timeout: 2_000 })
  t.match(bare.json(), { error: /malformed/ })
  for (const path of [segment.replace('one', 'other'), '../../etc/passwd', foreign])
    t.match(await put(path, 'x'), { error: /malformed/ }, path)
  t.match(await put(segment, 'xx'), { error: /malformed/ }, 'longer than announced')
  t.match(await put(segment, 'x'), { error: /altered on the way/ })
  await hub.says(/HUB_LOGS.*altered on the way/)
  t.strictSame(await put(segment, 'x', { size: 3 }), { at: 1, done: false })
  t.strictSame(await put(segment, 'y', { size: 3 }), { at: 1, done: false }, 'sent twice')
  t.strictSame(await put(segment, 'y', { size: 3, at: 2 }), { at: 1, done: false }, 'a gap')
  const many = await Promise.all(Array.from({ length: 20 }, () => put(segment, '', { size: 3 })))
  t.ok(
    many.some(one => JSON.stringify(one).includes('too many')),
    'at once'
  )
  const sha256 = createHash('sha256').update('xyz').digest('hex')
  const end = { size: 3, at: 1, sha256 }
  t.strictSame(await put(segment, 'yz', end), { at: 3, done: true }, 'the right digest')
  t.strictSame(await put(segment, 'yz', end), { at: 3, done: true }, 'once more')
  const after = filesBelow(centre).filter(file => !file.endsWith('.part'))
  t.strictSame(after.toSorted(), [...before, segment].toSorted())
  rmSync(join(centre, segment))
})

t.test('blocked lookups are live, in a stream', async t => {
  const [one, other] = gateways
  const { path } = one!.log
  writeFileSync(path, lines(record(`${DAY}T13:00:00.000Z`, { qname: 'before.example' })))
  const warn = (): void => undefined
  const live = new LiveLookups(
    {
      ...{ path, connection: () => one!.connection },
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
  other!.connection.publish('interdict.live.one', 'x')
  other!.connection.publish(BLOCKED_SUBJECT, 'x'.repeat(MAX_BLOCKED + 1))
  for (let i = 0; i < 40; i++) other!.connection.publish(BLOCKED_SUBJECT, String(i))
  const next = async (): Promise<string> => {
    const found = await consumer.next({ expires: 2_000 })
    return found === null ? '' : `${found.subject} ${found.string()}`
  }
  for (let i = 0; i < 16; i++) t.equal(await next(), `interdict.live.other ${i}`)
  t.equal(await next(), '', 'no more in a second')
})

t.test('a gateway gets signatures of the hub in its own name only', async t => {
  const { connection } = gateways[0]!
  const line = JSON.stringify({ n: 1, sha256: 'ab'.repeat(32) })
  const reply = await connection.request(WITNESS_SUBJECT, line, { timeout: 2_000 })
  t.match(reply.json(), { signature: String, at: String })
  await t.rejects(connection.request(`${WITNESS_SUBJECT}.other`, line, { timeout: 2_000 }))
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
    // They are converted at low priority.
    await eventually(`files of the gateway: ${site.output}`, PATIENCE * 4, () => {
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
