/**
 * Logs of a fleet with two hubs, of which the one that leads is killed while gateways send: each writes into its own folder,
 * and both together have every lookup once.
 *
 *     node dist/test/interop/fleet-takeover.js 10     kills ten times instead of twice
 */
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { install } from '../../tools/install.js'
import { CentralLog } from '../../src/lookups/central/central-log.js'
import { verifyFleet } from '../../src/lookups/central/verify-fleet.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { filesBelow } from '../fleet/ship-rig.js'
import { HubRig } from './fleet-rig.js'
import { closeFile, enrolled, LOOKUPS, send } from './fleet-shipping.js'
import { Cluster, PATIENCE } from './nats-cluster.js'
import { eventually, folder } from './processes.js'

t.setTimeout(0)
install('nats-server')

const KILLS = Number(process.argv[2] ?? 2)
/** A hub that is killed before the first file has arrived has none: then once more, at most this often. */
const MOST_KILLS = KILLS + 10

const one = await HubRig.create(t)
const cluster = await Cluster.reserve(t, one.auth)
await one.init(cluster.urls, 'rings: [{ name: all }]\nlogs: logs\n')
await cluster.form()
await one.start()
await one.says('connected to NATS')
const other = HubRig.second(t, one, 'second', cluster.urls)
await other.start()
await other.says('this hub is on standby')
const hubs = [one, other]
const output = (): string => hubs.map(hub => hub.output).join('\n')

const leads = (hub: HubRig): Promise<boolean> =>
  hub.ready().then(
    ({ status }) => status === 200,
    () => false
  )

async function findLeader(): Promise<HubRig> {
  let leader: HubRig | undefined
  await eventually(
    () => `a hub leads\n${output()}`,
    PATIENCE * 2,
    async () => {
      for (const hub of hubs) if (await leads(hub)) leader = hub
      return leader !== undefined
    }
  )
  return leader!
}

const gateways = [
  await enrolled(t, one, cluster.urls, 'one'),
  await enrolled(t, one, cluster.urls, 'other')
]

const [own, others] = hubs.map(hub => join(hub.dir, 'logs')) as [string, string]
const isLog = (file: string): boolean => file.endsWith('.parquet')
const complete = (at: string): string[] =>
  existsSync(at) ? filesBelow(at).filter(one => !one.endsWith('.part')) : []
const haveBothWritten = (): boolean => [own, others].every(at => complete(at).some(isLog))

t.test(`${KILLS} times the hub that leads is killed while files travel`, async t => {
  let kills = 0
  for (; kills < KILLS || (kills < MOST_KILLS && !haveBothWritten()); kills++) {
    for (const gateway of gateways) await closeFile(gateway, kills)
    const leader = await findLeader()
    const sending = gateways.map(gateway => send(gateway, output))
    await sleep(100 + ((kills * 397) % 600))
    await leader.kill()
    await Promise.all(sending)
    await leader.start()
    // It may be back before the other has taken over, and lead again.
    await leader.says(/this hub (is on standby|leads the fleet)/)
  }
  for (const { shipper } of gateways) t.match(await shipper.pass(), { files: 0, confirmed: 0 })

  const [ofOne, ofOther] = [complete(own), complete(others)]
  for (const [i, files] of [ofOne, ofOther].entries())
    t.ok(files.some(isLog), `hub ${i + 1} has written files`)
  // A hub may die between storing a file and confirming it: the gateway then sends it to the other one.
  const twice = ofOne.filter(file => ofOther.includes(file))
  for (const file of twice)
    t.strictSame(readFileSync(join(own, file)), readFileSync(join(others, file)), file)
  const lookups = [...ofOne, ...ofOther].filter(isLog)
  t.comment(
    `files of lookups: ${ofOne.filter(isLog).length} and ${ofOther.filter(isLog).length}; at both: ${twice.length}`
  )
  t.equal(new Set(lookups).size, gateways.length * kills)
  t.ok(lookups.length - new Set(lookups).size <= gateways.length * kills)

  // As docs/operations/fleet.md merges them: rsync --ignore-existing.
  const merged = join(folder(t), 'merged')
  for (const folder of [own, others])
    cpSync(folder, merged, { recursive: true, force: false, errorOnExist: false })
  const database = await openDatabase({ memory: 2 ** 28, threads: 1 })
  t.teardown(() => database.close())
  await database.openFleet(new CentralLog(merged))
  const rows = await database.rows(
    'SELECT gateway, count(*) AS n, count(DISTINCT qname) AS names FROM lookups GROUP BY ALL ORDER BY ALL'
  )
  const n = kills * LOOKUPS
  t.strictSame(
    rows,
    gateways.map(({ name: gateway }) => ({ gateway, n, names: n }))
  )
  const keyOf = (name: string) => [gateways.find(one => one.name === name)!.log.key]
  t.match(await verifyFleet(merged, keyOf), [
    { proven: true, gaps: [] },
    { proven: true, gaps: [] }
  ])
})
