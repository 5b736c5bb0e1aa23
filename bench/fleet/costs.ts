import { setTimeout as sleep } from 'node:timers/promises'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { join } from 'node:path'
import type { Milliseconds } from '../../src/base/units.js'
import { GatewayRig, type HubRig } from '../../test/interop/fleet-rig.js'
import { PATIENCE } from '../../test/interop/nats-cluster.js'
import { eventually, interdict } from '../../test/interop/processes.js'
import { residentOf } from '../kit/proc.js'
import { showMegabytes, spreadOf } from '../kit/numbers.js'
import { cpuTimes } from './cpu-times.js'
import type { FleetBench } from './fleet-bench.js'
import { seconds, type Row } from './rollout.js'
import { ThinGateways } from './thin-gateways.js'

const INTERVAL: Milliseconds = 30_000
const ROUNDS = 5

/** Share of a core that each process takes over a while. */
async function sharesOf(pids: readonly number[]): Promise<number[]> {
  const [before, since] = [cpuTimes(pids), performance.now()]
  await sleep(INTERVAL)
  const passed = performance.now() - since
  return cpuTimes(pids).map((time, i) => (time - before[i]!) / passed)
}

/**
 * Asks the hub from a process of its own: this one, which simulates thousands of gateways, would find the answer late.
 *
 * @returns how long the answer took
 */
async function timeOf(hub: HubRig, path: string): Promise<Milliseconds> {
  const options = [
    '-sS',
    '-o',
    '/dev/null',
    '-w',
    '%{time_total}',
    '--unix-socket',
    join(hub.dir, 'hub/hub.sock')
  ]
  const { stdout } = await promisify(execFile)('curl', [...options, `http://hub${path}`])
  return Number(stdout) * 1000
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`

/** A gateway in the fleet beside one with the same bundle that is not. */
export async function costOfGateway(bench: FleetBench): Promise<Row[]> {
  await bench.traffic.stop()
  const member = new GatewayRig(bench.owner, 'member', bench.ring)
  const alone = new GatewayRig(bench.owner, 'alone', bench.ring)
  const nats = `  nats: [${bench.cluster.urls.map(url => `'${url}'`).join(', ')}]\n  credentials: fleet.creds`
  await member.enrol(bench.hub)
  await member.configure(bench.hub.publicKey, bench.upstream, nats)
  await alone.configure(bench.hub.publicKey, bench.upstream, nats)
  const settings = (one: GatewayRig): string => join(one.dir, 'interdict.yaml')
  const text = readFileSync(settings(alone), 'utf8')
  writeFileSync(
    settings(alone),
    text
      .replace(/^fleet:[^]*/m, '')
      .replace('state/fleet.bundle', join(member.dir, 'state/fleet.bundle'))
  )
  writeFileSync(
    settings(member),
    readFileSync(settings(member), 'utf8').replace('report-interval: 1s', 'report-interval: 10s')
  )
  await member.start()
  await alone.start()
  await sleep(INTERVAL)
  const pids = [member.pid, alone.pid]
  const [own, other] = (await sharesOf(pids)) as [number, number]
  const [memory, less] = pids.map(residentOf) as [number, number]
  await member.stop()
  await alone.stop()
  return [
    [
      'cost on a gateway: share of a core',
      '1%',
      `${percent(own)} with fleet, ${percent(other)} without (idle, reports every 10 s)`
    ],
    [
      'cost on a gateway: memory',
      '15 MB',
      `${showMegabytes(memory - less)} (${showMegabytes(memory)} with fleet, ${showMegabytes(less)} without)`
    ]
  ]
}

/** Thousands of connections with reports: what hub and NATS take, and how long the question about a ban does. */
export async function manyGateways(bench: FleetBench): Promise<Row[]> {
  const { hub, cluster, thin } = bench
  await Promise.all(bench.simulated.map(one => one.close()))
  const { serial } = await bench.publish('thin.example')
  const fleet = new ThinGateways(thin, bench.ring)
  const pids = [hub.pid, ...[0, 1, 2].map(node => cluster.pid(node))]
  const idle = pids.map(residentOf)
  const begun = performance.now()
  await fleet.connect(cluster.urls)
  const connected = performance.now() - begun
  fleet.report(serial)
  const client = await hub.client()
  await eventually('all have reported', PATIENCE, async () => {
    const { rings } = await client.get<{ rings: { live: number }[] }>('/v1/status')
    return rings[0]!.live >= thin.length
  })
  const shares = await sharesOf(pids)
  const memory = pids.map(residentOf)
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    times.push(await timeOf(hub, '/v1/bans/test-ban/without'))
  }
  const asked = performance.now()
  const { text } = await interdict('fleet', 'without', 'test-ban', '-c', hub.settings)
  const command = performance.now() - asked
  const { since } = await bench.publish('heard.example')
  await eventually('all have heard', PATIENCE, () => Promise.resolve(fleet.heard >= thin.length))
  const heard = performance.now() - since
  await fleet.close()
  const nats = spreadOf(shares.slice(1))
  const taken = memory.map((one, i) => one - idle[i]!)
  return [
    [`${thin.length} gateways connect (three NATS servers)`, '', seconds(connected)],
    [
      `who does not enforce a ban, ${thin.length} gateways: API, ${ROUNDS} times`,
      '1 s',
      `worst ${seconds(Math.max(...times))}`
    ],
    [
      'the same with interdict fleet without',
      '1 s',
      `${seconds(command)}: ${text.trim().split('\n').at(-1)}`
    ],
    [
      `the hub with ${thin.length / 10} reports/s`,
      '',
      `${percent(shares[0]!)} of a core, ${showMegabytes(memory[0]!)}`
    ],
    [
      `each NATS server with a third of ${thin.length} connections`,
      '',
      `${percent(nats.min)} to ${percent(nats.max)} of a core, ${showMegabytes(Math.max(...memory.slice(1)))}, of which ${Math.round(Math.max(...taken.slice(1)) / 1024 / (thin.length / 3))} kB a connection`
    ],
    [`a published serial reaches all ${thin.length}`, '', seconds(heard)]
  ]
}
