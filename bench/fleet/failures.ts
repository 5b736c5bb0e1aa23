import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds } from '../../src/base/units.js'
import type { FleetBench } from './fleet-bench.js'
import { seconds, type Row } from './rollout.js'

const DAY: Milliseconds = 86_400_000
const OUTAGE: Milliseconds = 20_000

/** Kills a NATS server, publishes meanwhile, and waits until everybody has the bundle. */
export async function killServers(bench: FleetBench, kills: number): Promise<Row[]> {
  const { cluster, traffic } = bench
  if (bench.simulated.length === 0) await bench.connect()
  const [asked, lost] = [traffic.asked, traffic.lost]
  let worst = 0
  for (let i = 0; i < kills; i++) {
    const name = `kill-${i}.example`
    await cluster.kill(i % 3)
    const { serial, since } = await bench.publish(name)
    await cluster.start(i % 3)
    worst = Math.max(worst, await bench.until(serial, 1, since))
    for (const one of bench.real) await one.blocks(name)
  }
  const { length } = bench.simulated
  return [
    [
      `a NATS server killed with SIGKILL, ${kills} times: gateways without policy`,
      '0',
      `0 of ${length + bench.real.length}; all had the bundle published meanwhile after ${seconds(worst)} at most`
    ],
    [`the same: queries without answer`, '0', `${traffic.lost - lost} of ${traffic.asked - asked}`]
  ]
}

/** Hub and NATS down; the clocks of the simulated gateways go on by a day meanwhile. */
export async function loseCentre(bench: FleetBench): Promise<Row[]> {
  const { cluster, hub, traffic } = bench
  const [asked, lost] = [traffic.asked, traffic.lost]
  await hub.kill()
  await cluster.kill(0, 1, 2)
  await sleep(OUTAGE)
  bench.clockOffset += DAY
  const [without, queries] = [traffic.lost - lost, traffic.asked - asked]
  const since = performance.now()
  await cluster.start(0, 1, 2)
  await hub.start()
  await hub.says('connected to NATS')
  const { serial } = await bench.publish('back.example')
  const time = await bench.until(serial, 1, since)
  for (const one of bench.real) await one.blocks('back.example')
  return [
    [
      `hub and all NATS servers down, clocks of gateways a day later: queries without answer`,
      '0',
      `${without} of ${queries}`
    ],
    [
      `the same: from the start of NATS until all ${bench.simulated.length} have a bundle published then`,
      '60 s',
      seconds(time)
    ]
  ]
}
