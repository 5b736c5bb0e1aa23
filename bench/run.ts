import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMachine } from './kit/machine.js'
import { install } from './kit/packages.js'
import { BENCH, hasTwoCores, LOAD_CORE } from './kit/place.js'
import { Server } from './kit/server.js'
import { SIGNED_PACKAGES } from './kit/signed-zones.js'
import { Workshop } from './kit/workshop.js'
import { OURS, UNLOGGED } from './peers/index.js'
import type { Peer } from './peers/peer.js'
import { readOptions, USAGE, type Options } from './options.js'
import {
  budgetSection,
  loadingSection,
  page,
  startingSection,
  throughputSection,
  trapSection
} from './report.js'
import type { Results } from './results.js'
import { measureLoading } from './scenarios/loading.js'
import { measureStarting } from './scenarios/starting.js'
import {
  measureInTurns,
  THROUGHPUTS,
  type Row,
  type Setting,
  type Throughput
} from './scenarios/throughput.js'
import { measureValidated, VALIDATED } from './scenarios/validated.js'

/** Tools that are no peer. */
const TOOLS = ['dnsperf', 'gcc', 'libc6-dev', 'util-linux']

const say = (text: string) => process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  const options = parse(process.argv.slice(2))
  if (options === undefined) return 2
  if (!hasTwoCores()) return refuse('two cores are needed: one for the server, one for the load')
  const signing = options.scenarios.includes('validated') ? SIGNED_PACKAGES : []
  const missing = await install([
    ...TOOLS,
    ...signing,
    ...options.peers.flatMap(peer => peer.packages)
  ])
  if (missing !== undefined) return refuse(`please run first, as root: ${missing}`)
  // This program, too, keeps off the core that is measured.
  spawnSync('taskset', ['-cp', String(LOAD_CORE), String(process.pid)])
  const workshop = await Workshop.open(options.corpus)
  try {
    await report(await measureAll(options, workshop), options)
    return 0
  } finally {
    await workshop.close()
  }
}

function parse(args: readonly string[]): Options | undefined {
  try {
    return readOptions(args)
  } catch (error) {
    refuse(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return undefined
  }
}

function refuse(why: string): number {
  process.stderr.write(`bench: ${why}\n`)
  return 2
}

async function measureAll(options: Options, workshop: Workshop): Promise<Results> {
  const results: Results = { throughput: new Map(), loading: [], starting: [], traps: [] }
  const chosen = THROUGHPUTS.filter(({ name }) => options.scenarios.includes(name))
  for (const scenarios of alike(chosen)) await measureAlike(scenarios, options, workshop, results)
  if (options.scenarios.includes('validated')) await measureSigned(options, workshop, results)
  const servers = options.peers.filter(({ answers }) => answers)
  if (options.scenarios.includes('load')) {
    for (const peer of servers) {
      const rows = await measureLoading(peer, options.sizes, workshop, 2 * options.seconds)
      results.loading.push(...rows)
    }
    say(loadingSection(results.loading))
  }
  if (options.scenarios.includes('start')) {
    results.starting = await measureStarting(servers, workshop, options.rounds)
    say(startingSection(results.starting))
  }
  return results
}

async function measureSigned(
  options: Options,
  workshop: Workshop,
  results: Results
): Promise<void> {
  const peers = options.peers.filter(({ validates }) => validates)
  const { misses, hits, traps } = await measureValidated(peers, workshop, options)
  for (const [name, rows] of [
    ['validated-miss', misses],
    ['validated-hit', hits]
  ] as const) {
    results.throughput.set(name, { scenario: { title: VALIDATED[name] }, rows })
    say(throughputSection(results, name))
  }
  results.traps = traps
  say(trapSection(traps))
}

/** Neighbours with the same setting, which one start of the servers can serve. */
function alike(scenarios: readonly Throughput[]): Throughput[][] {
  const key = ({ names, log }: Setting) => `${names} ${log}`
  const groups: Throughput[][] = []
  for (const scenario of scenarios) {
    const last = groups.at(-1)
    if (last && key(last[0]!.setting) === key(scenario.setting)) last.push(scenario)
    else groups.push([scenario])
  }
  return groups
}

async function measureAlike(
  scenarios: readonly Throughput[],
  options: Options,
  workshop: Workshop,
  results: Results
): Promise<void> {
  const { names, log } = scenarios[0]!.setting
  const servers: Server[] = []
  const failed: Row[] = []
  try {
    for (const peer of options.peers.flatMap(one => takersOf(one, log))) {
      try {
        const server = await Server.start(peer, workshop, {
          blocklist: workshop.blocklist(names),
          log
        })
        server.process.pause()
        servers.push(server)
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error)
        failed.push({
          peer: peer.name,
          samples: [],
          problem,
          dnsperf: undefined,
          logged: undefined
        })
      }
    }
    for (const scenario of scenarios) {
      const rows = [...(await measureInTurns(scenario, servers, workshop, options)), ...failed]
      results.throughput.set(scenario.name, { scenario, rows })
      say(throughputSection(results, scenario.name))
    }
  } finally {
    for (const server of servers) await server.stop()
  }
}

/** Who takes the turns of a peer: ours with a log and without, one after the other. */
function takersOf(peer: Peer, log: boolean): readonly Peer[] {
  return log && peer.name === OURS ? [peer, UNLOGGED] : [peer]
}

async function report(results: Results, options: Options): Promise<void> {
  say(budgetSection(results))
  const out = options.out ?? (options.complete ? join(BENCH, 'results.md') : undefined)
  if (out === undefined) return
  const how = `${options.rounds} rounds of ${options.seconds} s.`
  await writeFile(out, page(results, await describeMachine(options.peers), how))
  say(`written to ${out}`)
}

process.exitCode = await main()
