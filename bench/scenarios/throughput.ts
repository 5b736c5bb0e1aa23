import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Microseconds, Milliseconds, Octets, Seconds } from '../../src/base/units.js'
import { putDnsperf, putLoad, type Load, type Tally } from '../kit/load.js'
import { cpuOf, MICROSECONDS_PER_TICK, residentOf } from '../kit/proc.js'
import { QUERIES, type QueryFiles } from '../kit/queries.js'
import { replaceEverySecond } from '../kit/replacing.js'
import { findWrongAnswer, type Server } from '../kit/server.js'
import { SHORT_LIST, type Workshop } from '../kit/workshop.js'

/** Servers that are started alike can serve several scenarios in one life. */
export interface Setting {
  /** Generated names on the block list. */
  readonly names: number
  /** Blocked lookups are logged to a file. */
  readonly log: boolean
}

/** Load on all servers in turns: a closed loop, unless the load has a rate. */
export interface Throughput {
  readonly name: string
  readonly title: string
  readonly setting: Setting
  readonly load: (files: QueryFiles) => Omit<Load, 'seconds'>
  /** Rules are replaced every second while the load runs. */
  readonly replacing?: true
  /** dnsperf is asked for a second opinion. */
  readonly secondOpinion?: true
}

const MILLION: Setting = { names: 1_000_000, log: false }

/** Order matters only in that equal settings stand together; `miss` last, it fills the caches. */
export const THROUGHPUTS: readonly Throughput[] = [
  {
    name: 'mixed',
    title: '20% blocked, 80% cached, 1M names',
    setting: MILLION,
    load: files => ({ queries: files.mixed }),
    secondOpinion: true
  },
  {
    name: 'blocked',
    title: 'blocked names only, 1M names',
    setting: MILLION,
    load: files => ({ queries: files.blocked })
  },
  {
    name: 'cached',
    title: 'cached names only, 1M names',
    setting: MILLION,
    load: files => ({ queries: files.cached })
  },
  {
    name: 'paced',
    title: 'mixed at 20,000 queries a second',
    setting: MILLION,
    load: files => ({ queries: files.mixed, rate: 20_000 })
  },
  {
    name: 'random',
    title: 'popular names by rank (Zipf), 2% of them blocked, 1M names',
    setting: MILLION,
    load: files => ({ queries: files.popular })
  },
  {
    name: 'tcp',
    title: 'mixed over 16 persistent TCP connections, pipelined',
    setting: MILLION,
    load: files => ({ queries: files.mixed, tcp: true })
  },
  {
    name: 'miss',
    title: 'every name new, forwarded to a resolver on loopback',
    setting: MILLION,
    load: files => ({ queries: files.fresh, fresh: true })
  },
  {
    name: 'logged',
    title: 'mixed, every blocked lookup logged to a file',
    setting: { names: 1_000_000, log: true },
    load: files => ({ queries: files.mixed })
  },
  {
    name: 'churn',
    title: 'mixed while a list of 100k names is replaced every second',
    setting: { names: SHORT_LIST, log: false },
    load: files => ({ queries: files.mixed }),
    replacing: true
  }
]

/** One run of one server. */
export interface Sample {
  readonly rate: number
  readonly user: Microseconds
  readonly system: Microseconds
  readonly cpu: Microseconds
  readonly resident: Octets
  readonly tally: Tally
}

/** All that was measured of one server in one scenario. */
export interface Row {
  readonly peer: string
  readonly samples: Sample[]
  /** Why it does not count, if it does not. */
  problem: string | undefined
  dnsperf: { rate: number; lost: number } | undefined
  /** Where blocked lookups are logged: log lines for so many blocked lookups. */
  logged: { lines: number; blocked: number } | undefined
}

/** So that caches are full and V8 has compiled what is hot. */
const WARM_UP: Seconds = 1.5
/** A miss runs through more code, all of which V8 has compiled only after some seconds. */
const WARM_UP_MISSES: Seconds = 5
/**
 * Before each measurement. A process that has stood still for ten seconds does what it would have done meanwhile, with
 * cold caches: ours, which collects garbage when it is idle, takes twice the CPU per answer at first.
 */
const WARM_UP_AGAIN: Seconds = 0.5

/**
 * Runs all servers in turns: A B C A B C ... A server whose turn it is not stands still, so that
 * the core belongs to one alone. Servers come paused and are left paused.
 */
export async function measureInTurns(
  scenario: Throughput,
  servers: readonly Server[],
  workshop: Workshop,
  plan: { rounds: number; seconds: Seconds }
): Promise<Row[]> {
  const rows = servers.map(({ peer }): Row => {
    return {
      peer: peer.name,
      samples: [],
      problem: undefined,
      dnsperf: undefined,
      logged: undefined
    }
  })
  const turn = async (work: (server: Server, row: Row) => Promise<void>) => {
    for (const [i, server] of servers.entries()) {
      const row = rows[i]!
      if (row.problem !== undefined) continue
      server.process.resume()
      await work(server, row).catch((error: unknown) => {
        row.problem = error instanceof Error ? error.message : String(error)
      })
      server.process.pause()
    }
  }
  const list = workshop.blocklist(scenario.setting.names)
  const load = scenario.load(workshop.queries)
  await turn(async (server, row) => {
    row.problem = unfit(scenario, server)
    if (row.problem === undefined) await warmUp(server, workshop, load)
  })
  for (let round = 0; round < plan.rounds; round++) {
    await turn(async (server, row) => {
      if (server.peer.answers) {
        row.problem = await findWrongAnswer(server, list, load.tcp ? 'tcp' : 'udp')
      }
      if (row.problem !== undefined) return
      await putLoad(workshop.programs, server.port, { ...load, seconds: WARM_UP_AGAIN })
      const replacing = scenario.replacing ? replaceEverySecond(server, list) : undefined
      const sample = await measure(server, workshop, { ...load, seconds: plan.seconds })
      row.problem = (await replacing?.stop()) ?? findFault(server, sample)
      row.samples.push(sample)
    })
  }
  if (scenario.secondOpinion) {
    await turn(async (server, row) => {
      row.dnsperf = await putDnsperf(server.port, { ...load, seconds: plan.seconds })
    })
  }
  if (scenario.setting.log) {
    await turn(async (server, row) => {
      row.logged = await countLogLines(server, workshop, load)
    })
  }
  return rows
}

/** Passes over the query file, at full speed, for which log lines are counted. */
const LOGGED_PASSES = 6
const LOG_LIMIT: Milliseconds = 5000

/** A fixed number of queries, then the lines they left in the log, as soon as all are there. */
async function countLogLines(server: Server, workshop: Workshop, load: Omit<Load, 'seconds'>) {
  const { queryLog } = server.launch
  if (queryLog === undefined) return undefined
  const blocked = LOGGED_PASSES * workshop.queries.blockedInMixed
  const before = await countLines(queryLog)
  const count = LOGGED_PASSES * QUERIES
  await putLoad(workshop.programs, server.port, { ...load, count, seconds: 30 })
  let lines = 0
  for (let waited = 0; lines < blocked && waited < LOG_LIMIT; waited += 250) {
    await sleep(250)
    lines = (await countLines(queryLog)) - before
  }
  return { lines, blocked }
}

async function countLines(path: string): Promise<number> {
  let lines = 0
  for await (const chunk of createReadStream(path)) {
    const octets = chunk as Buffer
    for (let at = octets.indexOf(10); at >= 0; at = octets.indexOf(10, at + 1)) lines++
  }
  return lines
}

function unfit(scenario: Throughput, { peer, launch }: Server): string | undefined {
  if (scenario.replacing && launch.replace === undefined) return 'needs a restart for new rules'
  if (!peer.answers && scenario.load({} as QueryFiles).tcp) return 'UDP only'
  return undefined
}

/** Twice over all queries, for those that were lost in the first flood, then a run. */
async function warmUp(server: Server, workshop: Workshop, load: Omit<Load, 'seconds'>) {
  if (!load.fresh && server.peer.answers) {
    await putLoad(workshop.programs, server.port, {
      queries: load.queries,
      count: 2 * QUERIES,
      seconds: 10
    })
  }
  const seconds = load.fresh ? WARM_UP_MISSES : WARM_UP
  await putLoad(workshop.programs, server.port, { ...load, seconds })
}

export async function measure(server: Server, workshop: Workshop, load: Load): Promise<Sample> {
  const before = cpuOf(server.process.pid)
  const tally = await putLoad(workshop.programs, server.port, load)
  const after = cpuOf(server.process.pid)
  const each = MICROSECONDS_PER_TICK / tally.answered
  const user = (after.user - before.user) * each
  const system = (after.system - before.system) * each
  const resident = residentOf(server.process.pid)
  return { rate: tally.answered / tally.seconds, user, system, cpu: user + system, resident, tally }
}

/** What makes a run worthless although answers came. */
export function findFault(server: Server, { tally }: Sample): string | undefined {
  if (!server.process.alive()) return `ended: ${server.process.tail()}`
  const failed = tally.rcodes.reduce((sum, count, rcode) => sum + (rcode === 0 ? 0 : count), 0)
  if (tally.answered === 0) return 'no answers'
  return failed > tally.answered / 100 ? `${failed} of ${tally.answered} answers failed` : undefined
}
