/**
 * Whether a scrape of the metrics each second costs answers anything: `npm run bench:scrape-load`. One gateway with a
 * worker on one core, 500 networks with 50 bans each, and the load of `mixed`: rounds with and without a scrape in
 * turns. At full speed CPU time per answer, of the worker and of all threads, and of the others per second; p99.9 at a
 * fixed rate.
 */
import { spawnSync } from 'node:child_process'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Octets } from '../src/base/units.js'
import { putLoad } from './kit/load.js'
import { manyBans } from './kit/many-bans.js'
import { table } from './kit/markdown.js'
import { showSpread, spreadOf } from './kit/numbers.js'
import { LOAD_CORE, LOOPBACK } from './kit/place.js'
import { freePort } from './kit/ports.js'
import { threadsOf } from './kit/proc.js'
import { killAll } from './kit/processes.js'
import { Server } from './kit/server.js'
import { SHORT_LIST, Workshop } from './kit/workshop.js'
import { interdict } from './peers/interdict.js'
import type { Peer } from './peers/peer.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '4' },
    /** Queries a second for the p99.9. */
    rate: { type: 'string', default: '20000' }
  }
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const rate = Number(values.rate)
const metrics = `http://${LOOPBACK}:${await freePort()}/metrics`

const peer: Peer = {
  ...interdict,
  async launch(site) {
    const launch = await interdict.launch(site)
    const { host } = new URL(metrics)
    await appendFile(join(site.folder, 'interdict.yaml'), `admin: { http: '${host}' }\n`)
    const rules = join(site.folder, 'rules/networks.yaml')
    const text = await readFile(rules, 'utf8')
    await writeFile(rules, text.replace('lists:\n', `${manyBans(500, 50)}lists:\n`))
    return launch
  }
}

// The program that scrapes keeps off the core that is measured.
spawnSync('taskset', ['-acp', String(LOAD_CORE), String(process.pid)])
const workshop = await Workshop.open(undefined)
let [scrapes, size]: [number, Octets] = [0, 0]
try {
  await measure()
} finally {
  killAll()
  await workshop.close()
}

async function measure(): Promise<void> {
  const blocklist = workshop.blocklist(SHORT_LIST)
  const server = await Server.start(peer, workshop, { blocklist, log: false })
  const { queries, programs } = workshop
  const load = { queries: queries.mixed, seconds }
  await putLoad(programs, server.port, load)
  const [without, beside] = [kinds(), kinds()]
  for (let round = 0; round < rounds; round++) {
    for (const found of [without, beside]) {
      const stop = found === beside ? scrapeEverySecond() : undefined
      const before = threadsOf(server.process.pid)
      const { answered } = await putLoad(programs, server.port, load)
      const after = threadsOf(server.process.pid)
      const spent = [...after].map(([id, time]) => time - (before.get(id) ?? 0))
      const all = spent.reduce((sum, time) => sum + time, 0)
      // No other thread has as much to do at full speed.
      const worker = Math.max(...spent)
      found.worker.push((1000 * worker) / answered)
      found.all.push((1000 * all) / answered)
      found.others.push((all - worker) / seconds)
      const { latency, lost } = await putLoad(programs, server.port, { ...load, rate })
      found.tail.push(latency.p999)
      found.lost += lost
      await stop?.()
    }
  }
  await server.stop()
  const ratios = (kind: 'worker' | 'all' | 'tail'): string =>
    showSpread(spreadOf(beside[kind].map((value, i) => value / without[kind][i]!)), 3)
  const row = (name: string, { worker, all, others, tail, lost }: Kinds): string[] => [
    name,
    showSpread(spreadOf(worker), 3),
    showSpread(spreadOf(all), 3),
    showSpread(spreadOf(others), 1),
    showSpread(spreadOf(tail), 0),
    String(lost)
  ]
  const head = [
    '',
    'worker, µs/answer',
    'all threads, µs/answer',
    'others, ms/s',
    `p99.9 µs at ${rate}/s`,
    'lost'
  ]
  const rows = [row('without', without), row('a scrape each second', beside)]
  process.stdout.write(
    table(head, [...rows, ['ratio', ratios('worker'), ratios('all'), '', ratios('tail'), '']])
  )
  process.stdout.write(`\n${scrapes} scrapes of ${(size / 1e6).toFixed(1)} MB\n`)
}

interface Kinds {
  /** CPU time in microseconds per answer. */
  readonly worker: number[]
  readonly all: number[]
  /** CPU time of all threads but the worker, in milliseconds per second. */
  readonly others: number[]
  readonly tail: number[]
  lost: number
}

function kinds(): Kinds {
  return { worker: [], all: [], others: [], tail: [], lost: 0 }
}

function scrapeEverySecond(): () => Promise<void> {
  let last = Promise.resolve()
  const scrape = async (): Promise<void> => {
    size = (await (await fetch(metrics)).arrayBuffer()).byteLength
    scrapes++
  }
  const timer = setInterval(() => void (last = scrape()), 1_000)
  last = scrape()
  return () => {
    clearInterval(timer)
    return last
  }
}
