import { parseArgs } from 'node:util'
import { table } from '../kit/markdown.js'
import { showSpread } from '../kit/numbers.js'
import { cacheCases } from './cache.js'
import { clientCostCases } from './client-costs.js'
import { logCases } from './log.js'
import { measure, type Case } from './measure.js'
import { networkCases } from './network.js'
import { policyCases } from './policy.js'
import { scaleTable } from './scale.js'
import { setStage, type Stage } from './stage.js'
import { wireCases } from './wire.js'

/** In the order of a query's life. */
const ROOMS: readonly ((stage: Stage) => Case[])[] = [
  wireCases,
  networkCases,
  policyCases,
  cacheCases,
  logCases,
  clientCostCases
]

const { values } = parseArgs({
  options: {
    names: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    scale: { type: 'boolean', default: false }
  }
})
const rounds = Number(values.rounds)
if (values.scale) {
  process.stdout.write(await scaleTable(rounds))
  process.exit()
}
const stage = await setStage(Number(values.names))
const cases = ROOMS.flatMap(room => room(stage)).filter(({ name }) => name.includes(values.only))
const rows = cases.map(one => {
  const { name, time, allocated } = measure(one, rounds)
  return [name, showSpread(time, 1), String(allocated)]
})
process.stdout.write(table(['operation', 'ns', 'octets allocated'], rows))
