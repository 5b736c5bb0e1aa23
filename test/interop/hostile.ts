/**
 * Gateways under foreign control against three real NATS servers and the hub: each kind of credentials publishes to every
 * subject of JetStream, of key-value and object stores, of the hub and of another gateway, and names each of them as the
 * reply subject of every request that it may make, from every server. Nothing may change, and nothing may arrive there.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAccount, createUser, encodeUser, fmtCreds, fromSeed } from '@nats-io/jwt'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, credsAuthenticator, headers, type NatsConnection } from '@nats-io/transport-node'
import t from 'tap'
import { install } from '../../tools/install.js'
import {
  BLOCKED_SUBJECT,
  BUNDLES_STORE,
  CHUNK_HEADER,
  ENROL_SUBJECT,
  inboxOf,
  LOGS_SUBJECT,
  REPORT_SUBJECT,
  ringSubject,
  RINGS_BUCKET,
  UPLOAD_SUBJECT,
  WITNESS_SUBJECT
} from '../../src/fleet/channel/wire.js'
import { decodeToken } from '../../src/fleet/channel/enrol-token.js'
import { Authority } from '../../src/fleet/hub/authority.js'
import { StateStore } from '../../src/fleet/hub/hub-state.js'
import { GatewayRig, HubRig } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { targets } from './nats-targets.js'
import { eventually, folder } from './processes.js'

t.setTimeout(0)
install('nats-server')

const centre = join(folder(t), 'centre')
const hub = await HubRig.create(t)
const cluster = await Cluster.reserve(t, hub.auth)
await hub.init(cluster.urls, `rings: [{ name: canary }, { name: all }]\nlogs: ${centre}\n`)
const state = join(hub.dir, 'hub')
const authority = Authority.open(state)

/** A gateway whose permissions allow everything: its account alone must hold it. */
async function withoutLimits(name: string) {
  const [pair, user] = [createAccount(), createUser()]
  const account = pair.getPublicKey()
  const store = new StateStore(state)
  const enrolled = new Date().toISOString()
  const gateway = { key: user.getPublicKey(), account, ring: 'canary', enrolled, revoked: null }
  store.update({ gateways: { ...store.state.gateways, [name]: gateway } })
  return { name, account, creds: fmtCreds(await encodeUser(name, user, pair, {}), user) }
}
const wide = await withoutLimits('wide')
/** Sees everything that arrives in its account. */
const victim = await withoutLimits('victim')
await cluster.form()
await hub.start()
await hub.says('connected to NATS')
await hub.fleet('publish', await hub.bundle(10, ['one.example']), '--ring', 'canary')
await hub.fleet('promote', 'all', '--now')

const [evil, gone] = ['evil', 'gone'].map(name => new GatewayRig(t, name, 'canary')) as [
  GatewayRig,
  GatewayRig
]
for (const one of [evil, gone]) await one.enrol(hub)
const tokenOf = async (name: string) =>
  decodeToken((await hub.fleet('token', name, '--ring', 'canary')).split('\n')[0]!)
const unused = await tokenOf('unused')

const others = {
  ...{ hub: authority.hubKey, enrolment: authority.enrolmentKey },
  ...{ victim: victim.account, name: victim.name }
}
const TARGETS = targets(others)

async function open(creds: Uint8Array | string, user: string, server?: string) {
  const connection = await connect({
    servers: server ?? cluster.urls,
    authenticator: credsAuthenticator(Buffer.from(creds)),
    inboxPrefix: inboxOf(user),
    reconnect: false
  })
  t.teardown(() => connection.close())
  return connection
}

const admin = await open(readFileSync(join(state, 'hub.creds')), 'hub')
const manager = await jetstreamManager(admin)

/** What must not change: streams, rings, the state of the hub and its files. */
async function snapshot() {
  const streams = []
  for (const name of ['KV_interdict-rings', 'OBJ_interdict-bundles', 'interdict-live']) {
    const { config, created, state } = await manager.streams.info(name, { subjects_filter: '>' })
    const { messages, bytes, first_seq, last_seq, num_deleted, subjects } = state
    streams.push({ config, created, messages, bytes, first_seq, last_seq, num_deleted, subjects })
  }
  const names = await manager.streams.names().next()
  const { gateways, rings, bundles, revocations, delivered } = new StateStore(state).state
  return {
    ...{ streams, names, gateways, rings, bundles, revocations, delivered },
    inventory: (await hub.gateways()).map(({ name, contact }) => ({ name, contact })),
    files: [`chains/victim`, `histories/victim`].map(path => existsSync(join(centre, path))),
    receipts: existsSync(join(state, 'witness/victim.jsonl'))
  }
}

/** Messages that arrived in the account of the hub, and at the victim. */
const seen: string[] = []
const known = new Set(TARGETS)
admin.subscribe('>', {
  callback: (_error, { subject, reply }) => {
    // The hub compares its streams each minute; its requests have a reply subject, and those of an attack have none.
    if (known.has(subject) && (reply ?? '') === '') seen.push(`hub: ${subject}`)
  }
})
const listener = await open(victim.creds, victim.name)
listener.subscribe('>', {
  callback: (_error, { subject }) => void seen.push(`victim: ${subject}`)
})
await listener.flush()

interface Vehicle {
  readonly subject: string
  readonly payload: string
  readonly chunk?: object
}

const DIRECT = '$JS.API.DIRECT.GET'
const BUNDLES = `${DIRECT}.OBJ_${BUNDLES_STORE}`
/** Every request of a gateway, with replies that have a content and with empty ones. */
const REQUESTS: readonly Vehicle[] = [
  { subject: `${DIRECT}.KV_${RINGS_BUCKET}.${ringSubject('canary')}`, payload: '' },
  { subject: `${BUNDLES}.$O.${BUNDLES_STORE}.M.bm9uZQ==`, payload: '' },
  { subject: BUNDLES, payload: '{"seq":1}' },
  { subject: BUNDLES, payload: '{"last_by_subj":"none"}' },
  { subject: BUNDLES, payload: `{"batch":10,"multi_last":["$O.>"]}` },
  { subject: REPORT_SUBJECT, payload: '{}' },
  { subject: LOGS_SUBJECT, payload: '{"paths":[]}' },
  { subject: UPLOAD_SUBJECT, payload: '' },
  {
    ...{ subject: UPLOAD_SUBJECT, payload: 'x' },
    chunk: { path: 'chains/victim/x', sha256: '0'.repeat(64), size: 1, at: 0 }
  },
  { subject: WITNESS_SUBJECT, payload: `{"n":1,"sha256":"${'ab'.repeat(32)}"}` },
  { subject: BLOCKED_SUBJECT, payload: '{}' },
  { subject: ENROL_SUBJECT, payload: '{"secret":"x","key":"x"}' }
]

/** Headers that make JetStream replace, drop or trace messages. */
const HEADERS = {
  ...{ 'Nats-Rollup': 'all', 'Nats-Msg-Id': 'x', 'Nats-Expected-Last-Sequence': '0' }
}

function headersOf(target: string, chunk: object | undefined) {
  const own = headers()
  for (const [name, value] of Object.entries(HEADERS)) own.set(name, value)
  own.set('Nats-Trace-Dest', target)
  if (chunk !== undefined) own.set(CHUNK_HEADER, JSON.stringify(chunk))
  return own
}

/** @param last subject of a request that it may make @returns how many attempts */
async function attack(connection: NatsConnection, last: string): Promise<number> {
  let attempts = 0
  for (const target of TARGETS) {
    for (const payload of ['', '{}', '{"seq":1}']) connection.publish(target, payload)
    connection.publish(target, 'x', { headers: headersOf(target, undefined) })
    attempts += 4
    for (const { subject, payload, chunk } of REQUESTS) {
      connection.publish(subject, payload, { reply: target, headers: headersOf(target, chunk) })
      attempts++
    }
    // Permission errors come back one by one.
    await connection.flush()
  }
  // It is still connected, and what it sent before this has been answered.
  const { subject, payload } = REQUESTS.find(one => one.subject === last)!
  await connection.request(subject, payload, { timeout: 10_000 })
  return attempts
}

async function unchanged(t: Tap, before: Awaited<ReturnType<typeof snapshot>>): Promise<void> {
  await admin.flush()
  await listener.flush()
  // Replies come over the servers that hold the streams: a request that is sent now is answered after them.
  for (let i = 0; i < 3; i++) await manager.streams.info('KV_interdict-rings')
  t.strictSame([...new Set(seen)], [])
  seen.length = 0
  const after = await snapshot()
  t.strictSame({ ...after, streams: undefined }, { ...before, streams: undefined })
  const [rings, bundles, live] = after.streams
  t.strictSame([rings, bundles], before.streams.slice(0, 2))
  t.strictSame(live!.config, before.streams[2]!.config)
  t.notOk('interdict.live.victim' in (live!.subjects ?? {}))
}
type Tap = Pick<typeof t, 'strictSame' | 'notOk' | 'comment'>

t.test('the observers see what arrives', async t => {
  const rings = `${DIRECT}.KV_${RINGS_BUCKET}.${ringSubject('canary')}`
  const connection = await open(victim.creds, victim.name)
  const expected = [`hub: interdict.report.${victim.account}`, 'victim: _INBOX.victim.x']
  // Servers learn of a new subscription one after another.
  await eventually('both messages', PATIENCE, () => {
    admin.publish(rings, '', { reply: `interdict.report.${victim.account}` })
    connection.publish(rings, '', { reply: '_INBOX.victim.x' })
    return Promise.resolve(expected.every(one => seen.includes(one)))
  })
  // The last of them may still be on its way.
  await sleep(500)
  await connection.close()
  t.strictSame(
    [...new Set(seen)].filter(one => !expected.includes(one)),
    [`victim: ${rings}`]
  )
  seen.length = 0
})

const kinds: readonly (readonly [string, Uint8Array | string, string, string])[] = [
  ['a gateway', readFileSync(evil.credentials), 'evil', LOGS_SUBJECT],
  ['a gateway whose permissions allow everything', wide.creds, wide.name, LOGS_SUBJECT],
  ['an unused enrolment token', unused.creds, unused.id, ENROL_SUBJECT]
]
for (const [what, creds, user, last] of kinds) {
  t.test(`${what} changes nothing, and reaches nobody`, async t => {
    const before = await snapshot()
    let attempts = 0
    for (const server of cluster.urls)
      attempts += await attack(await open(creds, user, server), last)
    t.comment(`${attempts} attempts`)
    t.ok(attempts > 5_000)
    await unchanged(t, before)
    t.match(await hub.ready(), { status: 200, text: 'ready\n' })
  })
}

t.test('a gateway reads its own ring and the bundles, and no other ring', async t => {
  const connection = await open(wide.creds, wide.name)
  const ask = (subject: string) => connection.request(subject, '', { timeout: 1_000 })
  const stored = (ring: string) => `${DIRECT}.KV_${RINGS_BUCKET}.${ringSubject(ring)}`
  t.match((await ask(stored('canary'))).json(), { serial: 10 })
  await t.rejects(ask(stored('all')), /responders|timeout/i)
  t.match((await ask('$JS.API.INFO')).json(), { error: { description: /not enabled/ } })
  await t.rejects(ask(`${REPORT_SUBJECT}.${others.victim}`), /responders|timeout/i)
  const heard: string[] = []
  connection.subscribe('>', { callback: (_error, { subject }) => void heard.push(subject) })
  await connection.flush()
  await hub.fleet('publish', await hub.bundle(11, ['one.example']), '--ring', 'canary')
  await hub.fleet('promote', 'all', '--now')
  await eventually('the new value of its ring', PATIENCE, () => Promise.resolve(heard.length > 0))
  await admin.flush()
  await connection.flush()
  t.strictSame([...new Set(heard)], [ringSubject('canary')])
  seen.length = 0
})

t.test('a used enrolment token is refused, also on an open connection', async t => {
  const token = await tokenOf('late')
  const connection = await open(token.creds, token.id)
  const user = createUser()
  const request = JSON.stringify({ secret: token.secret, key: user.getPublicKey() })
  const { data } = await connection.request(ENROL_SUBJECT, request, { timeout: 10_000 })
  const { jwt } = JSON.parse(Buffer.from(data).toString()) as { jwt: string }
  t.ok(await connection.closed().then(() => true))
  for (const server of cluster.urls)
    await t.rejects(open(token.creds, token.id, server), /authorization/i, server)
  const late = await open(fmtCreds(jwt, fromSeed(user.getSeed())), 'late')
  await late.close()
  await (await open(unused.creds, unused.id)).close()
})

t.test('a revoked gateway is refused, also on an open connection', async t => {
  const creds = readFileSync(gone.credentials)
  const connection = await open(creds, 'gone')
  await hub.fleet('revoke', 'gone')
  t.ok(await connection.closed().then(() => true))
  for (const server of cluster.urls)
    await t.rejects(open(creds, 'gone', server), /authorization/i, server)
})

t.test('a gateway that is gone from the state of the hub is not answered', async t => {
  const [user, account] = [createUser(), createAccount()]
  const jwt = await authority.gatewayJwt('stranger', 'canary', account.getPublicKey())
  const system = await open(readFileSync(join(state, 'system.creds')), 'hub')
  const pushed = await system.request('$SYS.REQ.CLAIMS.UPDATE', jwt)
  t.match(pushed.json(), { data: { code: 200 } })
  const creds = fmtCreds(await encodeUser('stranger', user, account, {}), user)
  const connection = await open(creds, 'stranger')
  await t.rejects(connection.request(LOGS_SUBJECT, '{"paths":[]}', { timeout: 1_000 }))
})
