/**
 * DNS over TLS and HTTPS against dnsdist and unbound, in turns on one core: `npm run bench:encrypted`. CPU per answer
 * on 16 pipelined connections, over TLS and HTTPS (dnsperf), and on 1,000 with one query in flight each, CPU per
 * handshake, and memory per idle connection. `--before FOLDER`: also another build, of which the folder has the package.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Seconds } from '../src/base/units.js'
import { makeCertificate } from '../test/tls/certificates.js'
import { table } from './kit/markdown.js'
import { allowedName, blockedName } from './kit/names.js'
import { spreadOf } from './kit/numbers.js'
import { install } from './kit/packages.js'
import { LOAD_CORE, LOOPBACK } from './kit/place.js'
import { freePort } from './kit/ports.js'
import { cpuOf, MICROSECONDS_PER_TICK, residentOf } from './kit/proc.js'
import { run } from './kit/processes.js'
import { compileTlsLoad } from './kit/programs.js'
import { Server } from './kit/server.js'
import { handshakes } from './kit/tls-clients.js'
import { TlsLoad } from './kit/tls-load.js'
import { SHORT_LIST, Workshop } from './kit/workshop.js'
import { dnsdist } from './peers/dnsdist.js'
import { BEFORE, buildBefore, interdict } from './peers/interdict.js'
import type { Peer } from './peers/peer.js'
import { unbound } from './peers/unbound.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    peers: { type: 'string', default: 'dnsdist,unbound' },
    idle: { type: 'string', default: '2000' },
    gateways: { type: 'string', default: '1' },
    before: { type: 'string' },
    only: { type: 'string', default: '' }
  }
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const idle = Number(values.idle)

/** Budgets: at most so many times the CPU of dnsdist. */
const BUDGETS = {
  dot: 0.5,
  'dot-single': 0.8,
  doh: 0.8,
  'handshake full': 1.3,
  'handshake resumed': 1,
  'handshake resumed 1.2': 1
}
type Scenario = keyof typeof BUDGETS

/** Before each measurement, for a server that has stood still for the turns of the others. */
const WARM_UP: Seconds = 1

/** Connections of `dot-single`. */
const SINGLE = 1000

/** Has idle connections: a process may not have as many descriptors as are to be measured. */
const IDLE_CLIENT = new URL('kit/idle-client.js', import.meta.url)

/** Adds listeners for DNS over TLS and HTTPS to the configuration of a peer. */
type AddTls = (text: string, ports: Ports, certificate: string, key: string) => string

interface Ports {
  readonly dot: number
  readonly doh: number
}

const ADD_TLS: Readonly<Record<string, AddTls>> = {
  [interdict.name]: (text, { dot, doh }, certificate, key) =>
    text.replace(
      /^listen: \[(.*)\]$/m,
      `listen: [$1, { address: '${LOOPBACK}:${dot}', protocol: dot, certificate: ${certificate}, key: ${key} }, { address: '${LOOPBACK}:${doh}', protocol: doh, certificate: ${certificate}, key: ${key} }]
tcp: { idle: 10m, max-connections: 100000, max-connections-per-client: 100000, max-in-flight: 1000 }
limits: { exempt: [127.0.0.0/8] }`
    ),
  dnsdist: (text, { dot, doh }, certificate, key) =>
    `${text}\naddDOHLocal('${LOOPBACK}:${doh}', '${certificate}', '${key}', '/dns-query', { minTLSVersion = 'tls1.2', reusePort = true })
addTLSLocal('${LOOPBACK}:${dot}', '${certificate}', '${key}', { minTLSVersion = 'tls1.2', reusePort = true, maxInFlight = 1000 })\nsetMaxTCPConnectionsPerClient(0)\nsetTCPRecvTimeout(60)\n`,
  unbound: (text, { dot, doh }, certificate, key) =>
    text
      .replace(
        'server:\n',
        `server:\n  interface: ${LOOPBACK}@${dot}\n  tls-port: ${dot}\n  interface: ${LOOPBACK}@${doh}\n  https-port: ${doh}\n  tls-service-pem: "${certificate}"\n  tls-service-key: "${key}"\n`
      )
      .replace('incoming-num-tcp: 64', 'incoming-num-tcp: 4096')
}

const ports = new Map<string, Ports>()

/** The peer with a TLS listener more. @param name its own among all servers */
function withTls(peer: Peer, folder: string, name = peer.name): Peer {
  return {
    ...peer,
    name,
    async launch(site) {
      const launch = await peer.launch(site)
      const free = { dot: await freePort(), doh: await freePort() }
      ports.set(name, free)
      const file = launch.command[launch.command.findIndex(word => /^-[cC]$/.test(word)) + 1]!
      const text = await readFile(file, 'utf8')
      const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
      const add = ADD_TLS[peer.name === BEFORE ? interdict.name : peer.name]!
      await writeFile(file, add(text, free, certificate, key))
      return launch
    }
  }
}

const peers = [
  interdict,
  ...(values.before === undefined ? [] : [buildBefore(resolve(values.before))]),
  ...[dnsdist, unbound].filter(({ name }) => values.peers.split(',').includes(name))
]
const tools = ['dnsperf', 'gcc', 'libc6-dev', 'libssl-dev']
const missing = await install([...tools, ...peers.flatMap(peer => peer.packages)])
if (missing !== undefined) {
  process.stderr.write(`please run first, as root: ${missing}\n`)
  process.exit(1)
}

const workshop = await Workshop.open(undefined)
const tlsLoad = await compileTlsLoad(join(workshop.folder, 'programs'))
const { certificate, key } = makeCertificate({ names: ['dns.example'] })
await writeFile(join(workshop.folder, 'cert.pem'), certificate)
await writeFile(join(workshop.folder, 'key.pem'), key, { mode: 0o600 })
const queries = join(workshop.folder, 'mixed.txt')
const names = Array.from({ length: 5000 }, (_, i) =>
  i % 5 === 0 ? blockedName(i) : allowedName(i)
)
await writeFile(queries, names.map(name => `${name} A\n`).join(''))

function portOf({ name }: Peer, protocol: keyof Ports): number {
  return ports.get(name)![protocol]
}

/** Queries per dnsperf run, for a number of connections. */
async function perf(
  peer: Peer,
  protocol: keyof Ports,
  clients: number,
  outstanding: number,
  seconds: Seconds
): Promise<number> {
  const port = portOf(peer, protocol)
  const command = ['dnsperf', '-m', protocol, '-s', LOOPBACK, '-p', `${port}`]
  if (protocol === 'doh') command.push('-O', 'doh-method=POST')
  command.push('-d', queries, '-l', `${seconds}`, '-c', `${clients}`, '-q', `${outstanding}`)
  const { stdout } = await run(command, { core: LOAD_CORE, limit: 1000 * (seconds + 60) })
  const completed = Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1] ?? 0)
  const lost = Number(/Queries lost:\s+(\d+)/.exec(stdout)?.[1] ?? 0)
  if (completed === 0 || lost > completed / 100) throw new Error(`${peer.name}: ${stdout}`)
  return completed
}

/** The scenarios that `--only` names, or all. */
const scenarios = (Object.keys(BUDGETS) as Scenario[]).filter(
  name => values.only === '' || values.only.split(',').includes(name)
)

/** Load on one server. `run` returns answers or handshakes. */
interface Load {
  run(seconds: Seconds): Promise<number>
  close(): Promise<void>
}

/** What one server has done of a scenario. */
interface Turns {
  readonly server: Server
  readonly load: Load
  count: number
  ticks: number
}

const loadOf = (run: Load['run']): Load => ({ run, close: () => Promise.resolve() })

const LOADS: Readonly<Record<Scenario, (peer: Peer) => Load | Promise<Load>>> = {
  dot: peer => loadOf(seconds => perf(peer, 'dot', 16, 1000, seconds)),
  // dnsperf would have up to three queries on a connection, as many as its own speed allows.
  'dot-single': peer => TlsLoad.open(tlsLoad, portOf(peer, 'dot'), queries, SINGLE),
  doh: peer => loadOf(seconds => perf(peer, 'doh', 16, 16 * 32, seconds)),
  'handshake full': peer => loadOf(seconds => handshakes(portOf(peer, 'dot'), seconds, false)),
  'handshake resumed': peer => loadOf(seconds => handshakes(portOf(peer, 'dot'), seconds, true)),
  'handshake resumed 1.2': peer =>
    loadOf(seconds => handshakes(portOf(peer, 'dot'), seconds, true, { maxVersion: 'TLSv1.2' }))
}

const blocklist = workshop.blocklist(SHORT_LIST)

/** CPU in microseconds by scenario and server, one for each round. */
const costs = new Map<string, number[]>()
const servers: Server[] = []
for (const peer of peers) {
  const named = withTls(peer, workshop.folder)
  const server = await Server.start(named, workshop, { blocklist, log: false })
  server.process.pause()
  servers.push(server)
}
// The first round warms up.
for (let round = 0; round <= rounds; round++) {
  for (const scenario of scenarios) await measure(scenario, round > 0)
}
for (const server of servers) await server.stop()

/** In slices of a second, in turns: the machine is faster and slower from second to second. */
async function measure(scenario: Scenario, isCounted: boolean): Promise<void> {
  const turns: Turns[] = []
  for (const server of servers) {
    server.process.resume()
    const load = await LOADS[scenario](server.peer)
    await load.run(WARM_UP)
    server.process.pause()
    turns.push({ server, load, count: 0, ticks: 0 })
  }
  for (let second = 0; second < seconds; second++) {
    for (const turn of turns) {
      const { process } = turn.server
      process.resume()
      const before = cpuOf(process.pid)
      turn.count += await turn.load.run(1)
      const after = cpuOf(process.pid)
      process.pause()
      turn.ticks += after.user + after.system - before.user - before.system
    }
  }
  for (const { server, load, count, ticks } of turns) {
    server.process.resume()
    await load.close()
    server.process.pause()
    if (!isCounted) continue
    const key = `${scenario} ${server.peer.name}`
    costs.set(key, [...(costs.get(key) ?? []), (ticks * MICROSECONDS_PER_TICK) / count])
  }
}

const costsOf = (scenario: string, peer: string): readonly number[] =>
  costs.get(`${scenario} ${peer}`) ?? []
const rows = scenarios.map(scenario => {
  const dnsdists = costsOf(scenario, dnsdist.name)
  // Round by round: the machine is faster and slower in turns.
  const ratios = costsOf(scenario, interdict.name).map((cost, i) => cost / dnsdists[i]!)
  const each = peers.map(peer => spreadOf(costsOf(scenario, peer.name)).median.toFixed(1))
  return [scenario, ...each, spreadOf(ratios).median.toFixed(2), String(BUDGETS[scenario])]
})
const head = ['µs of CPU', ...peers.map(peer => peer.name), 'to dnsdist', 'budget']
process.stdout.write(`${table(head, rows)}\n`)

/** What a process of idle clients says next. */
function said(client: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    client.once('message', (count: number) => resolve(count))
    client.once('exit', () => reject(new Error('a process with idle connections ended')))
  })
}

/** Memory per idle connection, and how many of them are answered afterwards. */
async function memoryOf(peer: Peer, protocol: keyof Ports): Promise<string> {
  const group: Server[] = []
  const count = peer === interdict ? Number(values.gateways) : 1
  while (group.length < count) {
    const named = withTls(peer, workshop.folder, `${peer.name} ${group.length}`)
    const server = await Server.start(named, workshop, { blocklist, log: false })
    await handshakes(portOf(server.peer, 'dot'), 1, false)
    group.push(server)
  }
  const resident = (): number =>
    group.reduce((sum, { process }) => sum + residentOf(process.pid), 0)
  const total = async (counts: Promise<number>[]): Promise<number> =>
    (await Promise.all(counts)).reduce((sum, one) => sum + one)
  const before = resident()
  const clients = group.map(server =>
    fork(IDLE_CLIENT, [String(portOf(server.peer, protocol)), protocol, String(idle)])
  )
  const open = await total(clients.map(said))
  await sleep(1000)
  const grown = resident() - before
  for (const client of clients) client.send('ask')
  const answered = await total(clients.map(said))
  for (const client of clients) client.kill()
  for (const server of group) await server.stop()
  return `${(grown / open / 1000).toFixed(1)} (${answered} of ${open} answered)`
}

const memoryRows: string[][] = []
for (const [protocol, budget] of [
  ['dot', '25'],
  ['doh', '35']
] as const) {
  if (idle === 0) break
  const memory: string[] = []
  for (const peer of peers) memory.push(await memoryOf(peer, protocol))
  memoryRows.push([protocol, ...memory, budget])
}
if (idle > 0) {
  const memoryHead = ['kB per idle connection', ...peers.map(({ name }) => name), 'budget']
  process.stdout.write(`${table(memoryHead, memoryRows)}\n`)
}
await workshop.close()
