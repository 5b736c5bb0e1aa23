import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Octets } from '../../base/units.js'
import {
  segmentPath,
  type ChainSegment,
  type LinesKind
} from '../../lookups/central/central-layout.js'
import { CHAIN_FILE } from '../../lookups/chain/chain-entry.js'
import { WITNESS_FILE } from '../../lookups/witness/receipts.js'
import type { LogLayout } from '../../lookups/files/log-layout.js'
import type { Shipped } from '../../lookups/archive/shipped.js'
import { inMemory, type ShippedFile } from './log-store.js'

const NEWLINE = 0x0a
/** A segment ends with the line that exceeds this. */
const MAX_SEGMENT: Octets = 1024 * 1024

const FILES: Readonly<Record<LinesKind, string>> = { chains: CHAIN_FILE, receipts: WITNESS_FILE }

/** Lines of the chain, or of its receipts, that the centre does not have. */
export interface NextLines {
  readonly file: ShippedFile
  readonly segment: ChainSegment
}

/** The next segment of the file; undefined: the centre has all of it. Throws the system error. */
export function nextLines(
  { folder }: LogLayout,
  gateway: string,
  kind: LinesKind,
  shipped: Shipped['chain']
): NextLines | undefined {
  const octets = readFile(join(folder, FILES[kind]))
  const ends = [...lineEnds(octets)]
  if (ends.length === 0) return undefined
  const first = sha256(octets.subarray(0, ends[0]! - 1))
  // A broken chain was replaced by a new one.
  const known = shipped.first === first ? shipped.lines : 0
  const start = known === 0 ? 0 : (ends[known - 1] ?? octets.length)
  const beyond = ends.findIndex(end => end - start > MAX_SEGMENT)
  const to = beyond < 0 ? ends.length : Math.max(known + 1, beyond)
  if (to <= known) return undefined
  const lines = octets.subarray(start, ends[to - 1])
  const segment = { kind, gateway, first, from: known + 1, to }
  const read = (offset: Octets) => inMemory(lines, offset)
  const content = { sha256: sha256(lines), size: lines.length, read }
  return { file: { path: segmentPath(segment), ...content }, segment }
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** Offsets after each complete line. */
function* lineEnds(octets: Buffer): Generator<Octets> {
  for (let at = octets.indexOf(NEWLINE); at >= 0; at = octets.indexOf(NEWLINE, at + 1)) yield at + 1
}

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')
