/**
 * Whether a scrape of the metrics each second costs answers anything: `npm run bench:scrape-load`. One gateway with a
 * worker on one core, 500 networks with 50 bans each, and the load of `mixed`: rounds with and without a scrape in
 * turns. CPU time of the whole process per answer at full speed, with that of the scrapes, and p99.9 at a fixed rate.
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
import { cpuOf, MICROSECONDS_PER_TICK } from './kit/proc.js'
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
      const before = cpuOf(server.process.pid)
      const { answered } = await putLoad(programs, server.port, load)
      const after = cpuOf(server.process.pid)
      const ticks = after.user + after.system - before.user - before.system
      found.cpu.push((ticks * MICROSECONDS_PER_TICK) / answered)
      const { latency, lost } = await putLoad(programs, server.port, { ...load, rate })
      found.tail.push(latency.p999)
      found.lost += lost
      await stop?.()
    }
  }
  await server.stop()
  const ratios = (kind: 'cpu' | 'tail'): string =>
    showSpread(spreadOf(beside[kind].map((value, i) => value / without[kind][i]!)), 3)
  const row = (name: string, { cpu, tail, lost }: Kinds): string[] => {
    return [name, showSpread(spreadOf(cpu), 3), showSpread(spreadOf(tail), 0), String(lost)]
  }
  const head = ['', 'CPU µs/answer', `p99.9 µs at ${rate}/s`, 'lost']
  const rows = [row('without', without), row('a scrape each second', beside)]
  process.stdout.write(table(head, [...rows, ['ratio', ratios('cpu'), ratios('tail'), '']]))
  process.stdout.write(`\n${scrapes} scrapes of ${(size / 1e6).toFixed(1)} MB\n`)
}

interface Kinds {
  readonly cpu: number[]
  readonly tail: number[]
  lost: number
}

function kinds(): Kinds {
  return { cpu: [], tail: [], lost: 0 }
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
