/**
 * What a scrape of the metrics costs: `npm run bench:scrape`. CPU time in the HTTP thread to read the
 * counters and write the page, by how many of the rules have ever matched and were counted by since the
 * last scrape, and in the control thread when the rules change.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Milliseconds } from '../src/base/units.js'
import { CounterMetrics } from '../src/admin/metrics/counter-metrics.js'
import { metricsText } from '../src/admin/metrics/metrics-text.js'
import { PageMemory } from '../src/admin/metrics/page-memory.js'
import { RuleCounters } from '../src/gateway/workers/rule-counters.js'
import { MATCH } from '../src/lookups/event/query-event.js'
import {
  allocateCounters,
  COUNTERS,
  LookupCounters
} from '../src/resolver/context/lookup-counters.js'
import { manyBans } from './kit/many-bans.js'
import { table } from './kit/markdown.js'
import { showSpread, spreadOf, type Spread } from './kit/numbers.js'
import { policyIn } from './micro/stage.js'

const { values } = parseArgs({
  options: {
    networks: { type: 'string', default: '500' },
    bans: { type: 'string', default: '50' },
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '50' }
  }
})
const networks = Number(values.networks)
const bans = Number(values.bans)
const workers = Number(values.workers)
const rounds = Number(values.rounds)
/** Until V8 has compiled what runs. */
const WARM_UP = 10

const policy = await policyIn(folder =>
  writeFile(join(folder, 'networks.yaml'), `networks:\n${manyBans(networks, bans)}`)
)
const { snapshot } = policy
const shared = allocateCounters((workers + 1) * COUNTERS)
const metrics = new CounterMetrics(shared)
const memory = new PageMemory()
const rules = new RuleCounters(workers, found => metrics.setRules(found))
const counters = rules.adopt(snapshot)
const clock = { now: () => 0, wall: () => 0 }
const all = Array.from({ length: workers }, (_, number) => {
  const worker = new LookupCounters(clock, shared, number)
  worker.adopt(snapshot, counters)
  return worker
})

const rows = [0, 0.1, 1].map(share => {
  const { length } = snapshot.claims.list
  const matching = Math.round(share * length)
  let size = 0
  const time = measure(
    () => {
      for (let i = 0; i < matching; i++) {
        const claim = Math.floor(i / share)
        all[i % workers]!.countBlocked(1, claim, MATCH.qname)
      }
    },
    () => {
      const page = memory.join(metricsText(metrics.families(), 'prometheus'))
      size = page.body.length
      page.release()
    }
  )
  return [`scrape, ${matching} of ${length} rules counted`, showSpread(time, 1), showSize(size)]
})
let { generation } = snapshot
const reload = measure(
  () => generation++,
  () => {
    rules.adopt({ ...snapshot, generation })
    rules.settle(generation)
  }
)
rows.push(['change of the rules, control thread', showSpread(reload, 1), ''])
process.stdout.write(table(['', 'CPU ms', 'page'], rows))

/** CPU time of this process. */
function measure(prepare: () => void, run: () => void): Spread {
  const times = Array.from({ length: WARM_UP + rounds }, (): Milliseconds => {
    prepare()
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return spreadOf(times.slice(WARM_UP))
}

function showSize(octets: number): string {
  return `${(octets / 1e6).toFixed(1)} MB`
}
