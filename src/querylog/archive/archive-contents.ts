import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Octets } from '../../base/units.js'
import { CHAIN, hashOf, readLink } from './chain/chain-entry.js'
import { closedIn, daysIn, filesIn, type LogNames } from './log-layout.js'
import type { Day } from './retention.js'

/** What there is of a query log on the disk. */
export interface LogStanding {
  /** Days of which there is Parquet. */
  readonly days: number
  readonly oldest: Day | null
  /** Closed files that are lines still. */
  readonly closed: number
  /** Of all files, that being written and the chain among them. */
  readonly octets: Octets
  /** Null: there is none. */
  readonly chain: ChainStanding | null
}

export interface ChainStanding {
  readonly lines: number
  /** Of its last line: RFC 3339, and what `verify-log --expect` takes. */
  readonly time: string
  readonly sha256: string
  /** Chains that could not be gone on with, and lie beside it. */
  readonly putAside: number
}

/** Throws the system's error. */
export function standingOf(names: LogNames): LogStanding {
  const days = daysIn(names)
  const files = [names.live, CHAIN, ...filesIn(names)]
  return {
    days: days.length,
    oldest: days[0] ?? null,
    closed: closedIn(names).length,
    octets: files.reduce((sum, file) => sum + sizeOf(join(names.folder, file)), 0),
    chain: chainStanding(names.folder)
  }
}

/** By its last whole line: whether it is proven, `verifyLog` says. */
function chainStanding(folder: string): ChainStanding | null {
  const path = join(folder, CHAIN)
  if (!existsSync(path)) return null
  const octets = readFileSync(path)
  const end = octets.lastIndexOf('\n')
  const line = octets.subarray(octets.subarray(0, Math.max(end, 0)).lastIndexOf('\n') + 1, end)
  const read = readLink(line.toString())
  if (read === undefined) return null
  const { n: lines, time } = read.link
  const putAside = readdirSync(folder).filter(name => /^chain-.*\.broken$/.test(name)).length
  return { lines, time, sha256: hashOf(line), putAside }
}

function sizeOf(path: string): Octets {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
