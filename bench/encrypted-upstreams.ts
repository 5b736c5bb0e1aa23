/**
 * Misses over encrypted upstreams, against dnsdist in turns on one core: `npm run bench:encrypted-upstreams`.
 * CPU per answer for names that were never asked before; and of 100 queries a second, how many find a
 * connection that is open, while the upstream closes idle connections and others (`--seconds 0`: not measured). With
 * `--before FOLDER`, a package of an earlier build, that build is measured too.
 */
import { readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/time/clock.js'
import { portableTransport } from '../src/wire/sockets/portable/portable.js'
import { createForwarder } from '../src/resolver/upstream/create-forwarder.js'
import { TcpMessageReader } from '../src/resolver/upstream/tcp/tcp-message-reader.js'
import { makeCertificate } from '../test/tls/certificates.js'
import { framed } from '../test/upstream/bad-upstream.js'
import { questionFor, responseTo, labelOf } from '../test/upstream/messages.js'
import { table } from './kit/markdown.js'
import { allowedName } from './kit/names.js'
import { spreadOf } from './kit/numbers.js'
import { LOAD_CORE, LOOPBACK } from './kit/place.js'
import { freePort } from './kit/ports.js'
import { cpuOf, MICROSECONDS_PER_TICK } from './kit/proc.js'
import { run, start } from './kit/processes.js'
import { Server } from './kit/server.js'
import { SHORT_LIST, Workshop } from './kit/workshop.js'
import { dnsdist } from './peers/dnsdist.js'
import { BEFORE, buildBefore, interdict } from './peers/interdict.js'
import type { Peer } from './peers/peer.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    queries: { type: 'string', default: '40000' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string', default: 'dot,doh' },
    before: { type: 'string' }
  }
})
const rounds = Number(values.rounds)
const queries = Number(values.queries)
const seconds = Number(values.seconds)

const PROTOCOLS = ['dot', 'doh'] as const
type Protocol = (typeof PROTOCOLS)[number]
const NAME = 'dns.example'
/** At most so many times the CPU of dnsdist. */
const BUDGETS = { dot: '1', doh: '1' }
/** At least, in percent. */
const WARM_BUDGET = 99.5
const RATE = 100

const workshop = await Workshop.open(undefined)
const authority = makeCertificate({ names: [], subject: 'authority' })
const { certificate, key } = makeCertificate({ issuer: authority, names: [NAME] })
const files = { ca: authority.certificate, cert: certificate, key }
for (const [name, text] of Object.entries(files))
  await writeFile(join(workshop.folder, `${name}.pem`), text, { mode: 0o600 })
const fileOf = (name: keyof typeof files): string => join(workshop.folder, `${name}.pem`)

/**
 * A resolver that answers every query itself, over both. With dnsdist in its place, which asks the upstream of the other
 * benchmarks over TCP, 1% of the queries got no answer, and what was measured was waiting and retries.
 */
const ports = { dot: await freePort(), doh: await freePort() }
const front = join(workshop.folder, 'front.conf')
await writeFile(
  front,
  `server:
  interface: ${LOOPBACK}@${ports.dot}
  interface: ${LOOPBACK}@${ports.doh}
  port: ${await freePort()}
  tls-port: ${ports.dot}
  https-port: ${ports.doh}
  tls-service-pem: "${fileOf('cert')}"
  tls-service-key: "${fileOf('key')}"
  num-threads: 1
  incoming-num-tcp: 100
  local-zone: "." redirect
  local-data: ". 86400 IN A 192.0.2.1"
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "${workshop.folder}"
  pidfile: ""
  use-syslog: no
remote-control:
  control-enable: no
`
)
const upstream = start(['unbound', '-d', '-p', '-c', front], {
  core: LOAD_CORE,
  folder: workshop.folder,
  output: join(workshop.folder, 'front.out')
})

type Encrypt = (text: string, protocol: Protocol) => string

const encryptOwn: Encrypt = (text, protocol) =>
  text.replace(
    /^upstreams:.*$/m,
    `upstreams: { loop-check: 0s, servers: [{ address: '${LOOPBACK}:${ports[protocol]}', protocol: ${protocol}, name: ${NAME}, ca: ${fileOf('ca')} }] }`
  )

/** Changes the upstream in the configuration of a peer. */
const ENCRYPT: Readonly<Record<string, Encrypt>> = {
  interdict: encryptOwn,
  [BEFORE]: encryptOwn,
  dnsdist: (text, protocol) =>
    text.replace(
      /^newServer.*$/m,
      `newServer({ address = '${LOOPBACK}:${ports[protocol]}', tls = 'openssl', subjectName = '${NAME}', caStore = '${fileOf('ca')}', validateCertificates = true, maxInFlight = 1000${protocol === 'doh' ? ", dohPath = '/dns-query'" : ''} }):setUp()`
    )
}

function withUpstream(peer: Peer, protocol: Protocol): Peer {
  return {
    ...peer,
    async launch(site) {
      const launch = await peer.launch(site)
      const file = launch.command[launch.command.findIndex(word => /^-[cC]$/.test(word)) + 1]!
      await writeFile(file, ENCRYPT[peer.name]!(await readFile(file, 'utf8'), protocol))
      return launch
    }
  }
}

let asked = 0

/** Asks for names that are new; returns CPU in microseconds per answer. */
async function misses(server: Server): Promise<number> {
  const file = join(workshop.folder, 'misses.txt')
  const names = Array.from({ length: queries }, () => `${allowedName(asked++)} A\n`)
  await writeFile(file, names.join(''))
  const before = cpuOf(server.process.pid)
  const command = ['dnsperf', '-s', LOOPBACK, '-p', String(server.port), '-d', file]
  command.push('-n', '1', '-c', '16', '-q', '100')
  const { stdout } = await run(command, { core: LOAD_CORE, limit: 300_000 })
  const after = cpuOf(server.process.pid)
  const completed = Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1] ?? 0)
  const good = Number(/NOERROR (\d+)/.exec(stdout)?.[1] ?? 0)
  if (good < queries * 0.9) throw new Error(`${server.peer.name}: ${stdout}`)
  const ticks = after.user + after.system - before.user - before.system
  return (ticks * MICROSECONDS_PER_TICK) / completed
}

const { before } = values
const peers = [interdict, dnsdist, ...(before === undefined ? [] : [buildBefore(before)])]
const rows: string[][] = []
for (const protocol of PROTOCOLS.filter(name => values.only.split(',').includes(name))) {
  const blocklist = workshop.blocklist(SHORT_LIST)
  const servers: Server[] = []
  for (const peer of peers) {
    const setting = { blocklist, log: false }
    servers.push(await Server.start(withUpstream(peer, protocol), workshop, setting))
  }
  const costs = servers.map((): number[] => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [i, server] of servers.entries()) {
      const cost = await misses(server)
      // The first round warms up.
      if (round > 0) costs[i]!.push(cost)
    }
  }
  for (const server of servers) await server.stop()
  // Round by round: the machine is faster and slower in turns.
  const ratio = (i: number): string =>
    spreadOf(costs[i]!.map((cost, round) => cost / costs[1]![round]!)).median.toFixed(2)
  rows.push([
    protocol,
    ...costs.map(all => spreadOf(all).median.toFixed(1)),
    ratio(0),
    ...(before === undefined ? [] : [ratio(2)]),
    BUDGETS[protocol]
  ])
}
await upstream.stop()
const names = peers.map(({ name }) => name)
const ratios = before === undefined ? ['ratio'] : ['ratio', 'ratio before']
process.stdout.write(`${table(['µs of CPU per miss', ...names, ...ratios, 'budget'], rows)}\n`)

/**
 * The share of queries that an open connection waits for, in percent. Server and client are in this process,
 * and share its clock.
 *
 * @param closeAfter the upstream closes each connection after so many ms
 */
async function warmShare(closeAfter: number): Promise<number> {
  const askedAt = new Map<string, number>()
  let [warm, all] = [0, 0]
  const server = createServer({ cert: certificate, key }, (socket: TLSSocket) => {
    const openSince = performance.now()
    const reader = new TcpMessageReader(message => {
      all++
      if (askedAt.get(labelOf(message))! > openSince) warm++
      socket.write(framed(responseTo(message)))
    })
    socket.on('error', () => undefined).on('data', (octets: Buffer) => reader.take(octets))
    setTimeout(() => socket.end(), closeAfter).unref()
  })
  await new Promise<void>(resolve => server.listen(0, LOOPBACK, resolve))
  const { port } = server.address() as AddressInfo
  const tls = { name: NAME, path: undefined, pins: [], ca: files.ca, client: undefined }
  const forwarder = createForwarder({
    transport: portableTransport(),
    clock: systemClock,
    upstreams: [{ address: LOOPBACK, port, tls: { ...tls, opportunistic: false } }]
  })
  await sleep(500)
  const pending: Promise<void>[] = []
  for (let i = 0; i < RATE * seconds; i++) {
    askedAt.set(`q${i}`, performance.now())
    const question = questionFor(`q${i}.example`)
    pending.push(
      new Promise(onOutcome => forwarder.forward(question, { onOutcome: () => onOutcome() }))
    )
    await sleep(1000 / RATE)
  }
  await Promise.all(pending)
  forwarder.close()
  server.close()
  return (100 * warm) / all
}

const shares = await Promise.all(
  (seconds > 0 ? [60_000, 10_000, 2000] : []).map(async closeAfter => [
    `${closeAfter / 1000} s`,
    `${(await warmShare(closeAfter)).toFixed(2)}%`,
    `${WARM_BUDGET}%`
  ])
)
process.stdout.write(
  `\n${table(['upstream closes after', 'queries on an open connection', 'budget'], shares)}\n`
)
await workshop.close()
