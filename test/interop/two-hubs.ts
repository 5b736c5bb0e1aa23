/**
 * Two hubs of a fleet with real programs: the one that leads is killed, stopped (SIGSTOP) and cut off from NATS during a
 * rollout. One hub leads at a time, nothing is promoted twice, and nothing that was confirmed is lost.
 *
 * FLEET_FAILOVERS=20 does so twenty times instead of three.
 */
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { DeliverPolicy, jetstream, type JsMsg } from '@nats-io/jetstream'
import { connect, credsAuthenticator } from '@nats-io/transport-node'
import t from 'tap'
import { install } from '../../tools/install.js'
import type { HubState } from '../../src/fleet/hub/hub-state.js'
import type { Register } from '../../src/fleet/hub/pair/register.js'
import { HUBS_BUCKET } from '../../src/fleet/hub/pair/shared-bucket.js'
import {
  REPORT_SUBJECT,
  RINGS_BUCKET,
  ringSubject,
  type Wanted
} from '../../src/fleet/channel/wire.js'
import { GatewayRig, HubRig, startUpstream, Traffic } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, interdict } from './processes.js'
import { TcpProxy } from './tcp-proxy.js'

t.setTimeout(0)
install('nats-server')

const ROUNDS = Number(process.env.FLEET_FAILOVERS ?? 3)
const FAULTS = ['kill', 'hang', 'partition'] as const
type Fault = (typeof FAULTS)[number]
/** What the docs promise, in seconds: checked by the full number of rounds. */
const TAKEOVER = 15
const FULL = 20
const RINGS = `rings:
  - { name: canary, soak: 1s }
  - { name: all, soak: 1s }
band: { lookups: 20, latency: 1000 }
silent-after: 20s
`

const one = await HubRig.create(t)
const upstream = await startUpstream(t)
const cluster = await Cluster.reserve(t, one.auth)
const proxiesOf = () => Promise.all(cluster.ports.map(port => TcpProxy.open(t, port)))
const [proxiesOfOne, proxiesOfOther] = [await proxiesOf(), await proxiesOf()]
const urlsOf = (proxies: readonly TcpProxy[]): string[] => proxies.map(({ url }) => url)
await one.init(urlsOf(proxiesOfOne), RINGS)
await cluster.form()
await one.start()
await one.says('connected to NATS')
const other = HubRig.second(t, one, 'second', urlsOf(proxiesOfOther))
await other.start()
await other.says('this hub is on standby')

interface HubStatus {
  readonly role: string
  readonly leader: string | null
  readonly hubs: readonly string[]
}

/** Undefined: it does not answer now. */
function statusOf(hub: HubRig): Promise<HubStatus | undefined> {
  const socketPath = join(hub.dir, 'hub/hub.sock')
  return new Promise(resolve => {
    const outgoing = get({ socketPath, path: '/v1/status', agent: false, timeout: 500 }, reply => {
      let text = ''
      reply.on('data', (piece: Buffer) => (text += piece.toString()))
      reply.on('end', () => resolve((JSON.parse(text) as { hub: HubStatus }).hub))
      reply.on('error', () => resolve(undefined))
    })
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('error', () => resolve(undefined))
  })
}

const stateOf = (hub: HubRig): HubState =>
  JSON.parse(readFileSync(join(hub.dir, 'hub/state.json'), 'utf8')) as HubState

const hasRole = (hub: HubRig, role: string): Promise<void> =>
  eventually(
    `role ${role}\n${one.output}\n${other.output}`,
    PATIENCE,
    async () => (await statusOf(hub))?.role === role
  )

/** What NATS has stored of the hubs, and what it was sent, as a subscriber with the rights of the hub sees it. */
const registers: Register[] = []
const wanted: (Wanted & { readonly ring: string })[] = []
let attempts = 0
let reports = 0
const observer = await connect({
  servers: cluster.urls,
  authenticator: credsAuthenticator(readFileSync(join(one.dir, 'hub/hub.creds')))
})
t.teardown(() => observer.close())

/** Calls back for each message that a stream stores. */
async function follow(stream: string, filter: string, act: (message: JsMsg) => void) {
  const options = { filter_subjects: filter, deliver_policy: DeliverPolicy.New }
  const consumer = await jetstream(observer).consumers.get(stream, options)
  await consumer.consume({ callback: act })
}
const REGISTER = `$KV.${HUBS_BUCKET}.register`
await follow(`KV_${HUBS_BUCKET}`, REGISTER, message => {
  const { text } = message.json<{ text: string }>()
  registers.push(JSON.parse(text) as Register)
})
await follow(`KV_${RINGS_BUCKET}`, ringSubject('*'), message => {
  const ring = message.subject.slice(ringSubject('').length)
  wanted.push({ ...message.json<Wanted>(), ring })
})
observer.subscribe(REGISTER, {
  callback: () => {
    attempts++
  }
})
observer.subscribe(`${REPORT_SUBJECT}.*`, {
  callback: () => {
    reports++
  }
})

const nats = `  nats: [${cluster.urls.map(url => `'${url}'`).join(', ')}]\n  credentials: fleet.creds`
const gateways = [new GatewayRig(t, 'gw-0', 'canary'), new GatewayRig(t, 'gw-1', 'all')]
for (const gateway of gateways) {
  await gateway.enrol(one, cluster.urls)
  await gateway.configure(one.publicKey, upstream, nats)
}
let serial = Math.floor(Date.now() / 1000)
await one.fleet('publish', await one.bundle(serial, ['first.example']), '--ring', 'canary', '--now')
await one.fleet('promote', 'all', '--now')
for (const gateway of gateways) await gateway.start()
const traffic = new Traffic(gateways, 'popular.example')
t.teardown(() => traffic.stop())

const isDone = (hub: HubRig, ring: string, wantedSerial: number): Promise<void> =>
  eventually(
    `ring ${ring}: ${wantedSerial}\n${one.output}\n${other.output}`,
    PATIENCE * 2,
    async () => {
      const found = (await hub.rings()).get(ring)
      return found?.serial === wantedSerial && found.phase === 'done'
    }
  )

/** Reports that a hub has counted since its start. */
async function countedBy(hub: HubRig): Promise<number> {
  const socketPath = join(hub.dir, 'hub/hub.sock')
  const text = await new Promise<string>((resolve, reject) => {
    get({ socketPath, path: '/metrics', agent: false }, reply => {
      let all = ''
      reply.on('data', (piece: Buffer) => (all += piece.toString()))
      reply.on('end', () => resolve(all))
    }).on('error', reject)
  })
  const lines = text.matchAll(/^interdict_hub_reports_(?:total|dropped_total\{[^}]*\}) (\d+)$/gm)
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
}

interface Round {
  readonly fault: Fault
  /** From the fault until the other hub leads. */
  readonly seconds: number
  readonly confirmed: boolean
}

const rounds: Round[] = []

async function inject(fault: Fault, hub: HubRig, proxies: readonly TcpProxy[]): Promise<void> {
  if (fault === 'kill') await hub.kill()
  else if (fault === 'hang') hub.signal('SIGSTOP')
  else for (const proxy of proxies) proxy.cut()
}

async function repair(fault: Fault, hub: HubRig, proxies: readonly TcpProxy[]): Promise<void> {
  if (fault === 'kill') await hub.start()
  else if (fault === 'hang') hub.signal('SIGCONT')
  else for (const proxy of proxies) proxy.mend()
}

/** Both hubs are asked until it is over. @returns moments at which both said that they lead */
function watchRoles() {
  let isOver = false as boolean
  let both = 0
  const done = (async () => {
    while (!isOver) {
      const roles = await Promise.all([statusOf(one), statusOf(other)])
      if (roles.every(status => status?.role === 'leader')) both++
      await sleep(50)
    }
  })()
  return async (): Promise<number> => {
    isOver = true
    await done
    return both
  }
}

await t.test('the second hub is set up, knows the fleet, and refuses changes', async t => {
  await isDone(one, 'all', serial)
  t.match(await other.ready(), { status: 503, text: /^standby: .* leads the fleet/ })
  await eventually('its inventory', PATIENCE, async () =>
    (await other.gateways()).every(({ state }) => state === 'running')
  )
  const refused = await interdict('fleet', 'halt', 'all', '-c', other.settings)
  t.match(refused, { code: 1, text: /leads the fleet; run the command there.*HUB_STANDBY/ })
  t.equal((await statusOf(one))?.hubs.length, 2)
})

for (let i = 0; i < ROUNDS; i++) {
  const fault = FAULTS[i % FAULTS.length]!
  await t.test(`round ${i + 1}: ${fault}`, async t => {
    const isOne = (await statusOf(one))?.role === 'leader'
    const [leader, standby] = isOne ? [one, other] : [other, one]
    const proxies = isOne ? proxiesOfOne : proxiesOfOther
    const gone = `gone-${i}`
    const member = new GatewayRig(t, gone, 'all')
    await member.enrol(leader, cluster.urls)
    const client = await leader.client()
    await client.post(`/v1/gateways/${gone}/revoke`, {})
    const name = `round-${i}.example`
    const file = await leader.bundle(++serial, [name])
    const uncounted = reports - (await countedBy(standby))
    const stopWatching = watchRoles()
    const publishing = leader.fleet('publish', file, '--ring', 'canary').then(
      () => true,
      () => false
    )
    // Every other time in the middle of the command, else in the middle of the rollout.
    const inTime = i % 2 === 0
    const early = inTime ? await publishing : undefined
    await sleep(inTime ? (i * 397) % 1_500 : 300 + ((i * 97) % 700))
    const start = performance.now()
    await inject(fault, leader, proxies)
    await hasRole(standby, 'leader')
    const seconds = (performance.now() - start) / 1_000
    // A hub that hangs does not answer the command either, until it goes on.
    const confirmed = early ?? (fault === 'hang' ? undefined : await publishing)
    const isKnown = stateOf(standby).bundles.some(one => one.serial === serial)
    if (confirmed === true) t.ok(isKnown, 'what was confirmed is not lost')
    if (!isKnown) await standby.fleet('publish', file, '--ring', 'canary')
    await isDone(standby, 'all', serial)
    for (const gateway of gateways) await gateway.blocks(name)
    await eventually(
      'all reports are counted',
      PATIENCE,
      async () => reports - (await countedBy(standby)) === uncounted
    )
    await repair(fault, leader, proxies)
    if ((await publishing) && confirmed === undefined)
      t.ok(isKnown, 'what is confirmed afterwards is not lost')
    await hasRole(leader, 'standby')
    await eventually('both have the same state', PATIENCE, () =>
      Promise.resolve(isDeepStrictEqual(stateOf(one), stateOf(other)))
    )
    t.equal(await stopWatching(), 0, 'one leader at a time')
    for (const hub of [one, other]) {
      const { gateways: known, revocations } = stateOf(hub)
      t.match(known[gone]!.revoked, /^\d{4}-/)
      t.ok(Object.keys(revocations).includes(known[gone]!.account!))
    }
    const dead = connect({
      ...{ servers: cluster.urls, reconnect: false },
      authenticator: credsAuthenticator(readFileSync(member.credentials))
    })
    await t.rejects(dead, /authorization/i, 'revoked at NATS')
    rounds.push({ fault, seconds, confirmed: confirmed === true })
    // A busy machine may take longer.
    if (ROUNDS >= FULL) t.ok(seconds < TAKEOVER, `takeover within ${TAKEOVER} s: ${seconds}`)
  })
}

await t.test('one hub wrote at a time, and everything once', t => {
  const runs = new Map<number, string>()
  for (const [i, { epoch, number, run }] of registers.entries()) {
    const before = registers[i - 1] ?? { epoch: 0, number: 0 }
    t.ok(epoch > before.epoch || (epoch === before.epoch && number >= before.number), 'in order')
    t.equal(runs.get(epoch) ?? run, run, 'each epoch has one writer')
    runs.set(epoch, run)
  }
  const values = new Map<string, string>()
  const last = new Map<string, number>()
  for (const { ring, serial: given, at } of wanted) {
    const key = `${ring} ${given}`
    t.equal(values.get(key) ?? at, at, `${key} was begun once`)
    values.set(key, at)
    t.ok(given >= (last.get(ring) ?? 0), `${ring} never goes back`)
    last.set(ring, given)
  }
  const { events } = stateOf(one)
  for (let given = serial - ROUNDS + 1; given <= serial; given++)
    for (const what of [`bundle ${given} published to`, `bundle ${given} promoted to ring all`]) {
      const found = events.filter(one => one.what.startsWith(what))
      t.equal(found.length, 1, `${what}: once`)
    }
  t.equal(traffic.lost, 0)
  t.end()
})

for (const [i, { fault, seconds, confirmed }] of rounds.entries())
  t.comment(
    `${i + 1}  ${fault.padEnd(9)}  takeover ${seconds.toFixed(1)} s  ${confirmed ? 'confirmed before' : 'not confirmed'}`
  )
t.comment(
  `${registers.length} writes of the register stored, ${attempts - registers.length} refused`
)
await traffic.stop()
for (const gateway of gateways) await gateway.stop()
