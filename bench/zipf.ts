/**
 * What workers share: `npm run bench:zipf`. The same queries, for popular names by rank (Zipf), to
 * gateways with 1, 2, 4 and 8 workers: how often they query the upstream, and the memory for that.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Octets } from '../src/base/units.js'
import { sendAdminRequest } from '../src/gateway/socket/admin-client.js'
import type { Status } from '../src/gateway/status/status.js'
import { ask } from './kit/ask.js'
import { putLoad } from './kit/load.js'
import { table } from './kit/markdown.js'
import { allowedName } from './kit/names.js'
import { LOOPBACK, PACKAGE, SERVER_CORE } from './kit/place.js'
import { freePort } from './kit/ports.js'
import { residentOf } from './kit/proc.js'
import { killAll, start } from './kit/processes.js'
import { Workshop } from './kit/workshop.js'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2,4,8' },
    queries: { type: 'string', default: '1000000' },
    size: { type: 'string', default: '64MB' },
    ttl: { type: 'string', default: '1d' }
  }
})
const MB: Octets = 2 ** 20
/** So that each of eight workers gets some. */
const SOCKETS = 128
const READY_STEP = 20
const REPLY_TIMEOUT = 10_000

interface Row {
  readonly workers: number
  readonly status: Status
  readonly resident: Octets
}

const workshop = await Workshop.open(undefined)
try {
  const rows: Row[] = []
  for (const workers of values.workers.split(',').map(Number)) rows.push(await measure(workers))
  process.stdout.write(page(rows))
} finally {
  killAll()
  await workshop.close()
}

async function measure(workers: number): Promise<Row> {
  const folder = join(workshop.folder, `zipf-${workers}`)
  await mkdir(join(folder, 'rules'), { recursive: true })
  const port = await freePort()
  const networks = `networks:\n  local:\n    prefixes: [127.0.0.0/8]\n`
  await writeFile(join(folder, 'rules/networks.yaml'), networks)
  const config = join(folder, 'interdict.yaml')
  await writeFile(
    config,
    `listen: ['${LOOPBACK}:${port}']
workers: ${workers}
rules: rules
upstreams: { servers: ['${LOOPBACK}:${workshop.upstream}'] }
cache: { size: ${values.size}, max-ttl: ${values.ttl} }
log: { queries: { which: none } }
admin: { socket: admin.sock }
`
  )
  const program = join(PACKAGE, 'dist/bundle/bin/interdict.js')
  const command = [process.execPath, program, 'serve', '-c', config]
  const server = start(command, { core: SERVER_CORE, folder, output: join(folder, 'output') })
  while ((await ask(port, allowedName(0), { timeout: 250 })) === undefined) {
    if (!server.alive()) throw new Error(server.tail())
    await sleep(READY_STEP)
  }
  const queries = workshop.queries.popular
  const load = { queries, count: Number(values.queries), seconds: 600, sockets: SOCKETS }
  await putLoad(workshop.programs, port, load)
  const request = { do: 'status' } as const
  const reply = await sendAdminRequest<Status>(join(folder, 'admin.sock'), request, REPLY_TIMEOUT)
  const resident = residentOf(server.pid)
  await server.stop()
  if (!reply.ok) throw new Error(JSON.stringify(reply))
  return { workers, status: reply.result, resident }
}

function page(rows: readonly Row[]): string {
  const upstreamQueries = ({ status }: Row): number =>
    status.upstreams.reduce((sum, { queries }) => sum + queries, 0)
  const count = (number: number): string => number.toLocaleString('en')
  const megabytes = (octets: Octets): string => (octets / MB).toFixed(1)
  const head = ['workers', 'queries', 'upstream queries', 'to one worker', 'hit rate']
  const memory = ['answers cached', 'in MB', 'RSS, MB']
  return table(
    [...head, ...memory],
    rows.map(row => {
      const { queries, cache } = row.status
      const needed = queries.forwarded + queries.stale + queries.failed
      return [
        String(row.workers),
        count(queries.udp),
        count(upstreamQueries(row)),
        (upstreamQueries(row) / upstreamQueries(rows[0]!)).toFixed(3),
        `${(100 * (1 - needed / queries.udp)).toFixed(2)}%`,
        count(cache.answers.entries),
        megabytes(cache.answers.octets),
        megabytes(row.resident)
      ]
    })
  )
}
