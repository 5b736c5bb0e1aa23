import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Octets } from '../../base/units.js'
import { CHAIN_FILE, hashLine, parseEntry } from '../chain/chain-entry.js'
import { closedFiles, archivedDays, allFiles, type LogLayout } from '../files/log-layout.js'
import type { Day } from '../files/log-layout.js'

/** The contents of a query log on disk; its JSON form is public. */
export interface ArchiveContents {
  /** Days with Parquet files. */
  readonly days: number
  readonly oldest: Day | null
  /** Closed files not converted yet. */
  readonly closed: number
  /** Size of all files, including the live file and the chain. */
  readonly octets: Octets
  /** Null: there is none. */
  readonly chain: ChainSummary | null
}

export interface ChainSummary {
  readonly lines: number
  /** Of its last entry: time in RFC 3339, and the hash that `verify-log --expect` takes. */
  readonly time: string
  readonly sha256: string
  /** Broken chains that were set aside. */
  readonly putAside: number
}

/** Throws the system error. */
export function readArchiveContents(layout: LogLayout): ArchiveContents {
  const days = archivedDays(layout)
  const files = [layout.liveName, CHAIN_FILE, ...allFiles(layout)]
  return {
    days: days.length,
    oldest: days[0] ?? null,
    closed: closedFiles(layout).length,
    octets: files.reduce((sum, file) => sum + sizeOf(join(layout.folder, file)), 0),
    chain: readChainSummary(layout.folder)
  }
}

/** Based on the last complete line; `verifyLog` checks whether it is valid. */
function readChainSummary(folder: string): ChainSummary | null {
  const path = join(folder, CHAIN_FILE)
  if (!existsSync(path)) return null
  const octets = readFileSync(path)
  const end = octets.lastIndexOf('\n')
  const line = octets.subarray(octets.subarray(0, Math.max(end, 0)).lastIndexOf('\n') + 1, end)
  const read = parseEntry(line.toString())
  if (read === undefined) return null
  const { n: lines, time } = read.entry
  const putAside = readdirSync(folder).filter(name => /^chain-.*\.broken$/.test(name)).length
  return { lines, time, sha256: hashLine(line), putAside }
}

function sizeOf(path: string): Octets {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
