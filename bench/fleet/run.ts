/**
 * What a fleet takes: `npm run bench:fleet`. Three NATS servers, a hub, gateways and as many simulated ones as you like
 * on this machine; prints the budget table of docs/operations/fleet.md. Needs nats-server.
 *
 * - `--simulated`: gateways with the channel of the product, and a connection, credentials and a folder each
 * - `--real`: gateways that answer queries; traffic goes to them all the time
 * - `--thin`: gateways with a connection, an account and signed reports each, and without files; making keys takes some 50 ms each
 * - `--kills`: how often a NATS server is killed
 * - `--lookups`: generated lookups for reports
 */
import { parseArgs } from 'node:util'
import { table } from '../kit/markdown.js'
import { FleetBench } from './fleet-bench.js'
import { killServers, loseCentre } from './failures.js'
import { byNats, byPull, type Row } from './rollout.js'
import { costOfGateway, manyGateways } from './costs.js'
import { fleetReports } from './reports.js'

const { values } = parseArgs({
  options: {
    simulated: { type: 'string', default: '1000' },
    real: { type: 'string', default: '2' },
    thin: { type: 'string', default: '4000' },
    kills: { type: 'string', default: '30' },
    lookups: { type: 'string', default: '1000000000' },
    only: { type: 'string', default: 'nats,kills,cut,pull,cost,thin,reports' }
  }
})
const only = values.only.split(',')
const rows: (readonly string[])[] = []
const add = (found: readonly Row[]): void => {
  for (const row of found) {
    rows.push(row)
    process.stderr.write(`${row.join(': ')}\n`)
  }
}
const phases: Readonly<Record<string, (bench: FleetBench) => Promise<Row[]>>> = {
  nats: bench => byNats(bench, 3),
  kills: bench => killServers(bench, Number(values.kills)),
  cut: loseCentre,
  pull: bench => byPull(bench, 2),
  cost: costOfGateway,
  thin: manyGateways
}
const wanted = Object.keys(phases).filter(name => only.includes(name))
if (wanted.length > 0) {
  const bench = await FleetBench.open({
    simulated: Number(values.simulated),
    real: Number(values.real),
    thin: only.includes('thin') ? Number(values.thin) : 0
  })
  try {
    for (const name of wanted) add(await phases[name]!(bench))
  } finally {
    await bench.close()
  }
}
if (only.includes('reports')) add(await fleetReports(Number(values.lookups)))
process.stdout.write(table(['what', 'target', 'measured'], rows))
process.exit(0)
