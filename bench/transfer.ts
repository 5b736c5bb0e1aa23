/**
 * How long it takes from NOTIFY until the changes of a large response policy zone are in force, while
 * clients ask: `npm run bench:transfer`. The zone comes from a primary of this program by AXFR; then
 * it changes by ten names at a time, by IXFR.
 */
import { createSocket } from 'node:dgram'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import packet from 'dns-packet'
import type { Milliseconds, Octets } from '../src/base/units.js'
import { ask } from './kit/ask.js'
import { putLoad } from './kit/load.js'
import { table } from './kit/markdown.js'
import { blockedName } from './kit/names.js'
import { LOOPBACK, PACKAGE, SERVER_CORE } from './kit/place.js'
import { freePort } from './kit/ports.js'
import { residentOf } from './kit/proc.js'
import { killAll, start } from './kit/processes.js'
import { Workshop } from './kit/workshop.js'
import { ZonePrimary } from './kit/zone-primary.js'

const { values } = parseArgs({
  options: {
    names: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '2000' }
  }
})
const [count, rounds, rate] = [values.names, values.rounds, values.rate].map(Number) as [
  number,
  number,
  number
]
const CHANGES = 10
/** How often each changed name is asked for. */
const POLL: Milliseconds = 2
const LIMIT: Milliseconds = 30_000
const PAUSE: Milliseconds = 2_000
const MB = 2 ** 20

const changed = (round: number): string[] =>
  Array.from({ length: CHANGES }, (_, i) => `round-${round}-${i}.changed.example`)

function* zoneNames(): Iterable<string> {
  for (let i = 0; i < count; i++) yield blockedName(i)
  yield* changed(0)
}

const workshop = await Workshop.open(undefined)
const primary = await ZonePrimary.open(zoneNames)
try {
  await measure()
} finally {
  primary.close()
  killAll()
  await workshop.close()
}
process.exit(0)

async function measure(): Promise<void> {
  const port = await freePort()
  const folder = join(workshop.folder, 'transfer')
  await site(folder, port)
  const program = join(PACKAGE, 'dist/bundle/bin/interdict.js')
  const command = [process.execPath, program, 'serve', '-c', join(folder, 'interdict.yaml')]
  const since = performance.now()
  const running = start(command, { core: SERVER_CORE, folder, output: join(folder, 'out') })
  const isReady = async (): Promise<boolean> =>
    (await ask(port, blockedName(0), { timeout: 500 }))?.rcode === 'NXDOMAIN'
  while (!(await isReady())) {
    if (!running.alive() || performance.now() - since > 4 * LIMIT) throw new Error(running.tail())
    await sleep(20)
  }
  const ready = performance.now() - since
  await sleep(PAUSE)
  const before = residentOf(running.pid)
  const seconds = Math.ceil((rounds * 2 * PAUSE) / 1000) + 4
  const loaded = putLoad(workshop.programs, port, {
    queries: workshop.queries.mixed,
    seconds,
    rate
  })
  await sleep(PAUSE)
  const rows: string[][] = []
  for (let round = 1; round <= rounds; round++) {
    primary.change({ gone: changed(round - 1), added: changed(round) })
    const [first, last] = await inForce(port, round)
    rows.push([String(round), shown(first), shown(last), megabytes(residentOf(running.pid))])
    await sleep(PAUSE)
  }
  const { sent, lost, latency } = await loaded
  process.stdout.write(
    table(['round', 'first name banned, ms', `all ${CHANGES} banned, ms`, 'RSS, MB'], rows)
  )
  const micros = (value: number): string => `${(value / 1000).toFixed(1)} ms`
  process.stdout.write(`
${count} names; first transfer and start: ${(ready / 1000).toFixed(1)} s; RSS before: ${megabytes(before)} MB
${sent} queries at ${rate}/s meanwhile: ${lost} lost, p99 ${micros(latency.p99)}, p99.9 ${micros(latency.p999)}, worst ${micros(latency.max)}
`)
  await running.stop()
}

/** From NOTIFY to the first and to the last changed name that is banned. */
async function inForce(
  port: number,
  round: number
): Promise<readonly [Milliseconds, Milliseconds]> {
  const names = changed(round)
  const at = new Map<number, Milliseconds>()
  const socket = createSocket('udp4')
  socket.on('message', octets => {
    const id = octets.readUInt16BE(0)
    if ((octets[3]! & 15) === 3 && !at.has(id)) at.set(id, performance.now() - since)
  })
  socket.bind(0, LOOPBACK)
  const queries = names.map((name, id) => {
    const flags = packet.RECURSION_DESIRED
    return packet.encode({ type: 'query', id, flags, questions: [{ type: 'A', name }] })
  })
  const since = performance.now()
  primary.notify(port)
  while (at.size < names.length && performance.now() - since < LIMIT) {
    for (const query of queries) socket.send(query, port, LOOPBACK)
    await sleep(POLL)
  }
  socket.close()
  if (at.size < names.length) return [NaN, NaN]
  return [Math.min(...at.values()), Math.max(...at.values())]
}

async function site(folder: string, port: number): Promise<void> {
  await mkdir(join(folder, 'rules/apps'), { recursive: true })
  await writeFile(
    join(folder, 'rules/networks.yaml'),
    `networks: { all: { prefixes: [127.0.0.0/8], block: [{ lists: [rpz] }] } }
lists: { rpz: { transfer: ${primary.zone} } }
`
  )
  await writeFile(
    join(folder, 'interdict.yaml'),
    `listen: ['${LOOPBACK}:${port}']
workers: 1
rules: rules
upstreams: { servers: ['${LOOPBACK}:${workshop.upstream}'], loop-check: 0s }
log: { queries: { which: none } }
transfers: { primaries: { bench: { address: '${LOOPBACK}:${primary.port}' } } }
`
  )
}

function shown(ms: Milliseconds): string {
  return Number.isNaN(ms) ? 'never' : ms.toFixed(0)
}

function megabytes(octets: Octets): string {
  return (octets / MB).toFixed(0)
}
