import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { signReport, readCredentials } from '../../src/fleet/channel/credentials.js'
import { inboxOf, ringSubject, REPORT_SUBJECT, type Report } from '../../src/fleet/channel/wire.js'
import { command, type GatewayRig, type HubRig } from './fleet-rig.js'
import { PATIENCE, type Cluster } from './nats-cluster.js'
import { eventually } from './processes.js'

/** How often an attack is repeated, each half a second. */
const ATTEMPTS = 120

export interface Fleet {
  readonly hub: HubRig
  readonly cluster: Cluster
  /** The first is in the ring `canary`, the last in `all`. */
  readonly gateways: readonly GatewayRig[]
}

export const connectAs = (gateway: GatewayRig, cluster: Cluster): Promise<NatsConnection> =>
  connect({
    servers: cluster.urls,
    authenticator: credsAuthenticator(readFileSync(gateway.credentials)),
    inboxPrefix: inboxOf(gateway.name),
    reconnect: false
  })

/** With the credentials of a gateway: writes elsewhere, listens to others, and reports as another. */
export async function stealCredentials(t: Test, { hub, cluster, gateways }: Fleet): Promise<void> {
  const [canary, last] = [gateways[0]!, gateways.at(-1)!]
  const stolen = await connectAs(canary, cluster)
  t.teardown(() => stolen.close())
  const refused: string[] = []
  void (async () => {
    for await (const one of stolen.status())
      if (one.type === 'error') refused.push(one.error.message)
  })()
  const before = await hub.rings()
  const attempts = [
    ringSubject('all'),
    '$O.interdict-bundles.C.x',
    '$JS.API.STREAM.CREATE.x',
    '$JS.API.STREAM.PURGE.KV_interdict-rings',
    '$JS.API.CONSUMER.CREATE.KV_interdict-rings',
    'interdict.enrol'
  ]
  for (const subject of attempts) stolen.publish(subject, '{}')
  for (const subject of [REPORT_SUBJECT, '_INBOX.gw-1.>', '>']) {
    stolen.subscribe(subject, {
      callback: error => {
        if (error === null) t.fail(`heard on ${subject}`)
      }
    })
  }
  await stolen.flush()
  await eventually('all are refused', PATIENCE, () => Promise.resolve(refused.length >= 9))
  for (const subject of attempts) {
    t.ok(
      refused.some(text => text.toLowerCase().includes(`"${subject.toLowerCase()}"`)),
      subject
    )
  }
  t.equal((await hub.rings()).get('all')!.serial, before.get('all')!.serial)

  const own = readCredentials(canary.credentials)
  const known = (await hub.gateways()).find(({ name }) => name === last.name)!
  const at = new Date().toISOString()
  const forged: Report = {
    ...{
      version: 1,
      gateway: last.name,
      ring: 'all',
      program: 'forged',
      at,
      started: at,
      number: 1
    },
    ...{ wanted: null, active: 1, rules: '0'.repeat(64), since: at, ready: true, problems: [] },
    ...{ refused: null, probe: null, paused: [] },
    counters: { lookups: 0, blocked: 0, servfail: 0, durationSum: 0, responses: 0 }
  }
  stolen.publish(REPORT_SUBJECT, signReport(forged, own.key))
  stolen.publish(REPORT_SUBJECT, 'garbage')
  stolen.publish(REPORT_SUBJECT, Buffer.alloc(100_000, 'x'))
  await stolen.flush()
  const client = await hub.client()
  await eventually('dropped and counted', PATIENCE, async () => {
    const text = (await client.octets('/metrics')).toString()
    return text.includes('reason="sender"} 1\n') && text.includes('reason="malformed"} 2\n')
  })
  const after = (await hub.gateways()).find(({ name }) => name === last.name)!
  t.equal(after.program, known.program)
  t.equal(after.active, known.active)
}

/** With full rights on NATS: offers bundles that are unsigned, older or signed by others, and garbage. */
export async function replaceBundles(t: Test, { hub, cluster, gateways }: Fleet): Promise<void> {
  const admin = await connect({
    servers: cluster.urls,
    authenticator: credsAuthenticator(readFileSync(join(hub.dir, 'hub/hub.creds'))),
    reconnect: false
  })
  t.teardown(() => admin.close())
  const manager = await jetstreamManager(admin)
  const store = await new Objm(jetstream(admin)).open('interdict-bundles')
  const genuine = (await manager.direct.getMessage('KV_interdict-rings', {
    last_by_subj: ringSubject('all')
  }))!
  const foreignKey = join(hub.dir, 'foreign.pem')
  await command('bundle', 'keygen', foreignKey)
  const unsigned = join(hub.dir, 'unsigned.bundle')
  await command('bundle', join(hub.dir, 'rules-12'), '-o', unsigned, '--serial', '9999999999')
  const foreign = await hub.bundle(9_999_999_998, ['popular.example'], foreignKey)
  const offers = [
    { serial: 9_999_999_998, file: foreign, refusal: 'bundle 9999999998 of the fleet has 0 of 1' },
    { serial: 9_999_999_999, file: unsigned, refusal: 'bundle 9999999999 of the fleet has 0 of 1' },
    { serial: 10, file: join(hub.dir, 'r10.bundle'), refusal: 'FLEET_OLDER' }
  ]
  const attacked = gateways.filter(({ ring }) => ring === 'all')
  /** Repeated: the hub may restore its streams before a gateway has read from them. */
  const attack = (refusal: string, act: () => Promise<unknown>): Promise<void> =>
    eventually(`all gateways say ${refusal}`, ATTEMPTS / 20, async () => {
      await act().catch(() => undefined)
      await sleep(500)
      return attacked.every(({ output }) => output.includes(refusal))
    })
  for (const { serial, file, refusal } of offers) {
    const octets = readFileSync(file)
    const name = `${serial}-attack.bundle`
    const sha256 = createHash('sha256').update(octets).digest('hex')
    const at = new Date().toISOString()
    const wanted = { version: 1, serial, sha256, size: octets.length, file: name, at }
    await attack(refusal, async () => {
      await store.putBlob({ name }, octets)
      await jetstream(admin).publish(ringSubject('all'), JSON.stringify(wanted))
    })
  }
  await attack('FLEET_MESSAGE', async () => {
    for (const text of ['garbage', 'x'.repeat(100_000)])
      await jetstream(admin).publish(ringSubject('all'), text)
  })
  for (const gateway of attacked) {
    t.not(await gateway.rcode('popular.example'), 'NXDOMAIN', gateway.name)
    t.equal(await gateway.rcode('two.example'), 'NXDOMAIN', gateway.name)
  }
  await jetstream(admin).publish(ringSubject('all'), genuine.data)
}
