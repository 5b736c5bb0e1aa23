import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createUser } from '@nats-io/nkeys'
import { fmtCreds, fromSeed } from '@nats-io/jwt'
import type { Milliseconds } from '../../src/base/units.js'
import { writeFileAtomic } from '../../src/base/files/atomic-file.js'
import { userSeed } from '../../src/fleet/channel/nkey.js'
import { Authority } from '../../src/fleet/hub/authority.js'
import { StateStore } from '../../src/fleet/hub/hub-state.js'
import { GatewayRig, HubRig, startUpstream, Traffic } from '../../test/interop/fleet-rig.js'
import { Cluster, PATIENCE } from '../../test/interop/nats-cluster.js'
import { eventually, type Owner } from '../../test/interop/processes.js'
import '../kit/signals.js'
import { SimulatedGateway } from './simulated-gateway.js'
import type { ThinGateway } from './thin-gateways.js'

const RING = 'all'
const SETTINGS = `rings:
  - { name: ${RING}, soak: 1h }
band: { lookups: 1000000000, latency: 1000 }
pull-folder: www
`
/** How many connect at the same time. */
const AT_ONCE = 20

export interface Sizes {
  readonly simulated: number
  readonly real: number
  readonly thin: number
}

/** Three NATS servers, a hub, real gateways with traffic, and simulated ones. */
export class FleetBench {
  readonly ring = RING
  simulated: SimulatedGateway[] = []
  /** Ahead of the clock of this machine, for the simulated gateways. */
  clockOffset: Milliseconds = 0
  private serial = 100
  private readonly ends: (() => unknown)[] = []
  readonly owner = { teardown: (end: () => unknown) => this.ends.push(end) } as unknown as Owner

  private constructor(readonly sizes: Sizes) {}

  hub!: HubRig
  cluster!: Cluster
  real: GatewayRig[] = []
  thin: ThinGateway[] = []
  traffic!: Traffic
  upstream!: number
  private folder!: string
  private authority!: Authority

  static async open(sizes: Sizes): Promise<FleetBench> {
    const bench = new FleetBench(sizes)
    process.on('exit', () => bench.takeEnds().forEach(end => void end()))
    await bench.start()
    return bench
  }

  async close(): Promise<void> {
    await this.traffic.stop()
    await Promise.all(this.simulated.map(one => one.close()))
    for (const end of this.takeEnds()) await end()
  }

  private takeEnds(): readonly (() => unknown)[] {
    return this.ends.splice(0).reverse()
  }

  /** The clock of the simulated gateways. */
  readonly clock = {
    now: () => performance.now() + this.clockOffset,
    wall: () => Date.now() + this.clockOffset
  }

  /** Publishes to the whole fleet at once. @returns its serial, and when the command began */
  async publish(...names: string[]): Promise<{ readonly serial: number; readonly since: number }> {
    const serial = ++this.serial
    const file = await this.hub.bundle(serial, names)
    const client = await this.hub.client()
    const since = performance.now()
    const query = { ring: RING, now: 'true', by: 'bench' }
    await client.post('/v1/bundles', query, readFileSync(file))
    return { serial, since }
  }

  /** Until a share of the simulated gateways has a bundle on offer. @returns milliseconds from `since` */
  async until(serial: number, share: number, since: number): Promise<Milliseconds> {
    const wanted = Math.ceil(this.simulated.length * share)
    await eventually(`${wanted} gateways have bundle ${serial}`, 4 * PATIENCE, () =>
      Promise.resolve(this.simulated.filter(one => one.active >= serial).length >= wanted)
    )
    return performance.now() - since
  }

  /** Simulated gateways that are connected to NATS. @returns how long it took */
  async connect(): Promise<Milliseconds> {
    const since = performance.now()
    await this.simulate()
    await eventually('all are connected', 4 * PATIENCE, () =>
      Promise.resolve(this.simulated.every(one => one.isConnected))
    )
    return performance.now() - since
  }

  /** Simulated gateways, connected or pulling. @param url of `channel.json`; undefined: NATS */
  async simulate(url?: string): Promise<void> {
    await Promise.all(this.simulated.map(one => one.close()))
    const nats = (name: string) => ({
      servers: this.cluster.urls,
      credentials: join(this.folder, name, 'fleet.creds'),
      ...{ caFile: undefined, certificate: undefined }
    })
    this.simulated = Array.from({ length: this.sizes.simulated }, (_, i) => {
      const name = `sim-${i}`
      const pull = url === undefined ? undefined : { url, interval: 30_000, caFile: undefined }
      return new SimulatedGateway({
        folder: join(this.folder, url === undefined ? name : `pull-${i}`),
        publicKey: this.hub.publicKey,
        fleet: { name, ring: RING, nats: url === undefined ? nats(name) : undefined, pull },
        clock: this.clock
      })
    })
    // More at once would time out in this one process, and try again.
    const started: SimulatedGateway[] = []
    for (const one of this.simulated) {
      while (url === undefined && started.filter(it => !it.isConnected).length >= AT_ONCE)
        await sleep(5)
      one.start()
      started.push(one)
    }
  }

  private async start(): Promise<void> {
    const { owner, sizes } = this
    this.folder = memoryFolder(owner)
    this.hub = await HubRig.create(owner)
    this.cluster = await Cluster.reserve(owner, this.hub.auth)
    await this.hub.init(this.cluster.urls, SETTINGS)
    this.authority = Authority.open(join(this.hub.dir, 'hub'))
    await this.enrol()
    await this.cluster.form()
    await this.hub.start()
    // First it gives NATS the account of each gateway.
    await eventually('the hub is connected', 5 * PATIENCE, () =>
      Promise.resolve(this.hub.output.includes('connected to NATS'))
    )
    await this.publish('first.example')
    this.upstream = await startUpstream(owner)
    const channel = `  nats: [${this.cluster.urls.map(url => `'${url}'`).join(', ')}]\n  credentials: fleet.creds`
    this.real = Array.from(
      { length: sizes.real },
      (_, i) => new GatewayRig(owner, `real-${i}`, RING)
    )
    for (const one of this.real) {
      await one.enrol(this.hub)
      await one.configure(this.hub.publicKey, this.upstream, channel)
      await one.start()
    }
    this.traffic = new Traffic(this.real, 'popular.example')
  }

  /** What `interdict fleet enrol` does for each, without its processes. The hub gives NATS the accounts when it connects. */
  private async enrol(): Promise<void> {
    const { sizes, authority } = this
    const gateways: Record<string, object> = {}
    const known = { ring: RING, enrolled: new Date().toISOString(), revoked: null }
    const create = async (name: string) => {
      const user = createUser()
      const key = user.getPublicKey()
      const { account, userJwt: jwt } = await authority.createGateway(name, RING, key)
      gateways[name] = { ...known, key, account }
      return { name, jwt, user }
    }
    for (let i = 0; i < sizes.simulated; i++) {
      const { name, jwt, user } = await create(`sim-${i}`)
      const pair = fromSeed(user.getSeed())
      writeFileAtomic(join(this.folder, name, 'fleet.creds'), fmtCreds(jwt, pair), {
        folderMode: 0o700
      })
    }
    for (let i = 0; i < sizes.thin; i++) {
      const { name, jwt, user } = await create(`thin-${i}`)
      this.thin.push({ name, jwt, key: userSeed(seedOf(user))! })
    }
    new StateStore(join(this.hub.dir, 'hub')).update({ gateways: gateways as never })
  }
}

const seedOf = (user: ReturnType<typeof createUser>): string =>
  Buffer.from(user.getSeed()).toString()

/**
 * For files of simulated gateways, in memory. A gateway syncs a bundle to its disk three times, at once with all others;
 * a thousand on one disk, from one thread, would wait for each other. The real gateways of the bench are on the disk.
 */
function memoryFolder(owner: Owner): string {
  const shared = '/dev/shm'
  const path = mkdtempSync(join(existsSync(shared) ? shared : tmpdir(), 'interdict-fleet-'))
  owner.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}
