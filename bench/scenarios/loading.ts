import { setTimeout as sleep } from 'node:timers/promises'
import type { Microseconds, Milliseconds, Octets, Seconds } from '../../src/base/units.js'
import { putLoad, type Tally } from '../kit/load.js'
import { availableMemory, residentOf } from '../kit/proc.js'
import { isInForce, Server } from '../kit/server.js'
import type { Workshop } from '../kit/workshop.js'
import type { Peer } from '../peers/peer.js'

/** Loading and replacing a long list, under an even load of queries. */
export interface LoadingRow {
  readonly peer: string
  readonly names: number
  problem?: string
  readyAfter?: Milliseconds
  resident?: Octets
  /** Above a start with an empty list. */
  aboveEmpty?: Octets
  idle?: Tally
  /** While the list is replaced; undefined: it has to be restarted. */
  reload?: Tally
  /** From the moment the new list was given to the moment it blocked. */
  inForceAfter?: Milliseconds
  /** As soon as it was in force and the load over: both lists are there. */
  residentAtSwap?: Octets
  /** When the list of before has had time to go. */
  residentAfter?: Octets
}

export const LIST_SIZES = [1_000_000, 10_000_000] as const

/** Queries a second: what a ministry asks on a busy morning, and little for any server. */
const RATE = 2000
const SETTLE: Milliseconds = 500
const REPLACE_AFTER: Milliseconds = 1000
const RELOAD_LIMIT: Seconds = 60
/** After it, nothing of the rules of before need be held. */
export const GONE_AFTER: Seconds = 15

/** p99.9 while reloading above p99.9 without. */
export const slowedBy = ({ idle, reload }: LoadingRow): Microseconds | undefined =>
  idle && reload && reload.latency.p999 - idle.latency.p999

export async function measureLoading(
  peer: Peer,
  sizes: readonly number[],
  workshop: Workshop,
  seconds: Seconds
): Promise<LoadingRow[]> {
  const empty = await emptyResident(peer, workshop)
  const rows: LoadingRow[] = []
  for (const names of sizes) {
    const row: LoadingRow = { peer: peer.name, names }
    const room = tooLarge(rows.at(-1), names)
    if (room !== undefined) row.problem = room
    else
      await fillRow(row, peer, empty, workshop, seconds).catch((error: unknown) => {
        row.problem = error instanceof Error ? error.message : String(error)
      })
    rows.push(row)
  }
  return rows
}

async function emptyResident(peer: Peer, workshop: Workshop): Promise<Octets> {
  const server = await Server.start(peer, workshop, {
    blocklist: workshop.blocklist(0),
    log: false
  })
  await sleep(SETTLE)
  const resident = residentOf(server.process.pid)
  await server.stop()
  return resident
}

/** Refuses a size that would take more than half of the memory, going by the size before. */
function tooLarge(smaller: LoadingRow | undefined, names: number): string | undefined {
  if (smaller === undefined) return undefined
  if (smaller.problem !== undefined) return 'not tried, since the shorter list failed'
  const wanted = ((smaller.residentAtSwap ?? smaller.resident ?? 0) * names) / smaller.names
  return wanted > availableMemory() / 2 ? 'not tried: too large for this machine' : undefined
}

async function fillRow(
  row: LoadingRow,
  peer: Peer,
  empty: Octets,
  workshop: Workshop,
  seconds: Seconds
): Promise<void> {
  const list = workshop.blocklist(row.names)
  const server = await Server.start(peer, workshop, { blocklist: list, log: false })
  try {
    row.readyAfter = server.readyAfter
    await sleep(SETTLE)
    row.resident = residentOf(server.process.pid)
    row.aboveEmpty = row.resident - empty
    const load = { queries: workshop.queries.mixed, rate: RATE }
    await putLoad(workshop.programs, server.port, { ...load, seconds: Math.min(seconds, 2) })
    row.idle = await putLoad(workshop.programs, server.port, { ...load, seconds })
    if (server.launch.replace !== undefined) await reload(row, server, workshop)
  } finally {
    await server.stop()
  }
}

async function reload(row: LoadingRow, server: Server, workshop: Workshop): Promise<void> {
  const next = workshop.blocklist(row.names).next()
  if (server.peer.format !== undefined) await next.file(server.peer.format) // not under the load
  const seconds = Math.min(RELOAD_LIMIT, 4 + (2 * server.readyAfter) / 1000)
  const load = { queries: workshop.queries.mixed, rate: RATE, seconds }
  const running = putLoad(workshop.programs, server.port, load)
  await sleep(REPLACE_AFTER)
  const since = performance.now()
  await server.launch.replace?.(next, server.process.pid)
  const limit = since + 1000 * RELOAD_LIMIT
  while (!(await isInForce(server.port, next)) && performance.now() < limit) await sleep(20)
  if (performance.now() < limit) row.inForceAfter = performance.now() - since
  row.reload = await running
  row.residentAtSwap = residentOf(server.process.pid)
  await sleep(1000 * GONE_AFTER)
  row.residentAfter = residentOf(server.process.pid)
}
