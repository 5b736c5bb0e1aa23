/**
 * Names that a bundle newly blocks, with real programs: a NATS server, a hub and two gateways. A bundle that blocks an
 * intranet login by its alias halts in the canary ring, though it is one of a hundred lookups; one that bans what it lists does
 * not; and one that blocks a name that must resolve is not even published.
 */
import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { install } from '../../tools/install.js'
import { encodeQuery } from '../daemon/dns-client.js'
import { GatewayRig, HubRig, startUpstream } from './fleet-rig.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, interdict } from './processes.js'

t.setTimeout(0)
install('nats-server')

const LOGIN = 'login.corp.example'
/** As long as the gateway must have watched a bundle, to know what another one blocks newly. */
const WATCHED = 31_000
const CLIENTS = 10

const RINGS = `rings:
  - { name: canary, soak: 8s }
  - { name: all, soak: 1s }
band: { lookups: 20, latency: 1000 }
silent-after: 20s
`

const hub = await HubRig.create(t)
const upstream = await startUpstream(t, {
  [LOGIN]: 'portal.cdn.example',
  'shop.example': 'shop.cdn.example'
})
const cluster = await Cluster.reserve(t, hub.auth)
await hub.init(cluster.urls, RINGS)
await cluster.form()
await hub.start()
await hub.says('connected to NATS')

const gateways = ['canary', 'all'].map(ring => new GatewayRig(t, `gw-${ring}`, ring))
const [canary, other] = gateways as [GatewayRig, GatewayRig]
const nats = `  nats: [${cluster.urls.map(url => `'${url}'`).join(', ')}]\n  credentials: fleet.creds`

const MUST = 'must-resolve: [payroll.example]\n'
const bundle = (serial: number, ...names: string[]): Promise<string> =>
  hub.bundle(serial, ['one.example', ...names], hub.key, MUST)

let last = ''
const ringIs = (ring: string, serial: number, phase: string): Promise<void> =>
  eventually(`ring ${ring}: ${serial} ${phase}`, PATIENCE, async () => {
    const found = (await hub.rings()).get(ring)!
    last = JSON.stringify(found)
    return found.serial === serial && found.phase === phase
  })

/** Ten clients of the machine ask both gateways for a hundred names, one of them the login; replies are not read. */
class Clients {
  /** Names of each round besides the usual ones. */
  readonly more = new Set<string>()
  private readonly sockets = Array.from({ length: CLIENTS }, (_, i) => {
    const socket = createSocket('udp4')
    socket.bind(0, `127.0.0.${i + 10}`)
    socket.on('error', () => undefined)
    return socket
  })
  private isStopped = false
  private readonly done = this.run()

  async stop(): Promise<void> {
    if (this.isStopped) return
    this.isStopped = true
    await this.done
    for (const socket of this.sockets) socket.close()
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.isStopped; i++) {
      const socket = this.sockets[i % CLIENTS]!
      const usual = Array.from({ length: 20 }, (_, n) => `n${(20 * i + n) % 97}.site.test`)
      const login = Math.floor(i / CLIENTS) % 5 === 0 ? [LOGIN] : []
      for (const name of [...usual, ...login, ...(i % 3 === 0 ? this.more : [])])
        for (const { port } of gateways) socket.send(encodeQuery(name), port, '127.0.0.1')
      await sleep(30)
    }
  }
}

for (const gateway of gateways) {
  gateway.queryLog = 'bans'
  await gateway.enrol(hub)
  await gateway.configure(hub.publicKey, upstream, nats)
}
await hub.fleet('publish', await bundle(10), '--ring', 'canary', '--now')
await hub.fleet('promote', 'all', '--now')
for (const gateway of gateways) await gateway.start()
const clients = new Clients()
t.teardown(() => clients.stop())
await ringIs('all', 10, 'done')
await sleep(WATCHED)

await t.test('a ban of names that the bundle lists is promoted', async t => {
  clients.more.add('app.example')
  await hub.fleet('publish', await bundle(11, 'app.example'), '--ring', 'canary')
  await ringIs('all', 11, 'done')
  t.match(await hub.fleet('status'), /Newly blocked names:[^]*app\.example.*listed/)
})

await t.test('a bundle that blocks the login by its alias is halted', async t => {
  await sleep(WATCHED)
  await hub.fleet('publish', await bundle(12, 'app.example', 'cdn.example'), '--ring', 'canary')
  await ringIs('canary', 12, 'halted').catch((error: unknown) => {
    throw new Error(`${last}\n${canary.output}`, { cause: error })
  })
  const { why } = (await hub.rings()).get('canary')!
  t.match(why, /test-ban blocks login\.corp\.example in network all \(clients: \d+/)
  t.match(why, /though the bundle does not list it$/)
  t.comment(why)
  t.equal((await hub.rings()).get('all')!.serial, 11)
  t.equal(await other.rcode(LOGIN), 'NOERROR')
  await hub.fleet('rollback', '-k', hub.key)
  await canary.blocks(LOGIN, false)
})

await t.test('a bundle that blocks a name that must resolve is not published', async t => {
  const open = await hub.bundle(13, ['payroll.example'])
  const demanding = join(hub.dir, 'r14.bundle')
  await t.rejects(bundle(14, 'payroll.example'), /RULES_MUST_RESOLVE/)
  const missing = await interdict(
    'fleet',
    'publish',
    demanding,
    '--ring',
    'canary',
    '-c',
    hub.settings
  )
  t.not(missing.code, 0, 'no bundle was made')
  t.ok(open)
})

await clients.stop()
for (const gateway of gateways) await gateway.stop()
