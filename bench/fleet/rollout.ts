import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWebServer } from '../../test/interop/fleet-rig.js'
import { spreadOf } from '../kit/numbers.js'
import { cpuTimes } from './cpu-times.js'
import type { FleetBench } from './fleet-bench.js'

const SHARE = 0.99
/** Two intervals of a pull. */
const QUIET = 60_000
export type Row = readonly [what: string, target: string, measured: string]
export const seconds = (time: number): string => `${(time / 1000).toFixed(1)} s`

/** From the command that publishes a signed bundle until it is in force. */
export async function byNats(bench: FleetBench, rounds: number): Promise<Row[]> {
  const connected = await bench.connect()
  const { length } = bench.simulated
  const times: number[] = []
  const real: number[] = []
  const pids = [process.pid, bench.hub.pid, ...[0, 1, 2].map(node => bench.cluster.pid(node))]
  const idle = cpuTimes(pids)
  for (let round = 0; round < rounds; round++) {
    const name = `nats-${round}.example`
    const { serial, since } = await bench.publish(name)
    const [most] = await Promise.all([
      bench.until(serial, SHARE, since),
      ...bench.real.map(async one => {
        await one.blocks(name)
        real.push(performance.now() - since)
      })
    ])
    times.push(most)
    await bench.until(serial, 1, since)
  }
  const { median, max } = spreadOf(times)
  const [own, hub, ...nats] = cpuTimes(pids).map((time, i) => (time - idle[i]!) / rounds)
  const perGateway = (time: number): string => `${(time / length).toFixed(1)} ms`
  return [
    [`${length} simulated gateways connect`, '', seconds(connected)],
    [
      `published to verified on 99% of ${length} over NATS, ${rounds} rounds`,
      '5 s',
      `${seconds(median)} (worst ${seconds(max)})`
    ],
    [
      'the same: CPU time of a round for each gateway',
      '',
      `${perGateway(own!)} in the process that simulates all on one core (a gateway has its own), hub ${perGateway(hub!)}, NATS servers ${perGateway(nats.reduce((sum, one) => sum + one, 0))}; files in memory`
    ],
    [
      `the same to the first blocked answer of ${bench.real.length} real gateways beside them`,
      '5 s',
      `worst ${seconds(Math.max(...real))}`
    ]
  ]
}

/** The same from a web server, at the default interval of 30 s. */
export async function byPull(bench: FleetBench, rounds: number): Promise<Row[]> {
  const web = await startWebServer(bench.owner, join(bench.hub.dir, 'www'))
  await bench.simulate(web.url)
  await bench.until(1, 1, 0)
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const { serial, since } = await bench.publish(`pull-${round}.example`)
    times.push(await bench.until(serial, SHARE, since))
  }
  const { median, max } = spreadOf(times)
  const { asked, unchanged } = web
  // Started together, all gateways ask about once in a round, and find something new.
  await sleep(QUIET)
  const quiet = `${web.asked - asked} requests, ${web.unchanged - unchanged} of them 304`
  return [
    [
      `published to verified on 99% of ${bench.simulated.length} by pull, ${rounds} rounds`,
      '45 s',
      `${seconds(median)} (worst ${seconds(max)}); ${asked} requests, ${unchanged} of them 304; in the minute after, with nothing published, ${quiet}`
    ]
  ]
}
