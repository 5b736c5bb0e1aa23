import { setTimeout as sleep } from 'node:timers/promises'
import type { Milliseconds, Octets } from '../../src/base/units.js'
import { residentOf } from '../kit/proc.js'
import { Server } from '../kit/server.js'
import type { Workshop } from '../kit/workshop.js'
import type { Peer } from '../peers/peer.js'

/** From nothing to the first answer: ours with the rules it ships, the others with none. */
export interface StartingRow {
  readonly peer: string
  readonly firstAnswer: Milliseconds[]
  /** Resident memory when it has been idle for a while; measured once. */
  idle?: Octets
  problem?: string
}

/** V8 gives back the memory that only the start needed eight seconds after a thread has become idle. */
const IDLE: Milliseconds = 15_000

export async function measureStarting(
  peers: readonly Peer[],
  workshop: Workshop,
  rounds: number
): Promise<StartingRow[]> {
  const rows = peers.map((peer): StartingRow => ({ peer: peer.name, firstAnswer: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const [i, peer] of peers.entries()) {
      const row = rows[i]!
      if (row.problem !== undefined) continue
      await startOnce(row, peer, workshop, round === rounds - 1)
    }
  }
  return rows
}

async function startOnce(
  row: StartingRow,
  peer: Peer,
  workshop: Workshop,
  idles: boolean
): Promise<void> {
  try {
    const server = await Server.start(peer, workshop, { blocklist: undefined, log: false })
    row.firstAnswer.push(server.readyAfter)
    if (idles) {
      await sleep(IDLE)
      row.idle = residentOf(server.process.pid)
    }
    await server.stop()
  } catch (error) {
    row.problem = error instanceof Error ? error.message : String(error)
  }
}
