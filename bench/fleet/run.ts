/**
 * What a fleet takes: `npm run bench:fleet`. Three NATS servers, a hub, gateways and as many simulated ones as you like
 * on this machine; prints the budget table of docs/operations/fleet.md. Needs nats-server.
 *
 * - `--simulated`: gateways with the channel of the product, and a connection, credentials and a folder each
 * - `--real`: gateways that answer queries; traffic goes to them all the time
 * - `--thin`: gateways with a connection and signed reports each, which share one NATS user and have no files
 * - `--kills`: how often a NATS server is killed
 */
import { parseArgs } from 'node:util'
import { table } from '../kit/markdown.js'
import { FleetBench } from './fleet-bench.js'
import { killServers, loseCentre } from './failures.js'
import { byNats, byPull } from './rollout.js'
import { costOfGateway, manyGateways } from './costs.js'

const { values } = parseArgs({
  options: {
    simulated: { type: 'string', default: '1000' },
    real: { type: 'string', default: '2' },
    thin: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '30' },
    only: { type: 'string', default: 'nats,kills,cut,pull,cost,thin' }
  }
})
const only = values.only.split(',')
const bench = await FleetBench.open({
  simulated: Number(values.simulated),
  real: Number(values.real),
  thin: only.includes('thin') ? Number(values.thin) : 0
})
const rows: (readonly string[])[] = []
const phases = {
  nats: () => byNats(bench, 3),
  kills: () => killServers(bench, Number(values.kills)),
  cut: () => loseCentre(bench),
  pull: () => byPull(bench, 2),
  cost: () => costOfGateway(bench),
  thin: () => manyGateways(bench)
}
try {
  for (const [name, phase] of Object.entries(phases)) {
    if (!only.includes(name)) continue
    for (const row of await phase()) {
      rows.push(row)
      process.stderr.write(`${row.join(': ')}\n`)
    }
  }
} finally {
  await bench.close()
}
process.stdout.write(table(['what', 'target', 'measured'], rows))
process.exit(0)
