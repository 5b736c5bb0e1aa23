import type { KeyObject } from 'node:crypto'
import type { Octets } from '../../base/units.js'
import {
  hashLine,
  isSigned,
  INITIAL_HASH,
  parseEntry,
  type ChainHead,
  type ParsedEntry
} from './chain-entry.js'
import { ChainState } from './chain-state.js'

const NEWLINE = 0x0a

/**
 * What is wrong with a line.
 *
 * `unreadable`  it is not a chain entry
 * `order`       its number is not the next one: lines are missing or out of order
 * `altered`     the previous line is not the one it was written after
 * `signature`   it is not signed by any of the keys
 */
export type Fault = 'unreadable' | 'order' | 'altered' | 'signature'

/** The valid part of a chain. */
export interface ChainContents {
  readonly state: ChainState
  readonly head: ChainHead
  /** The last valid entry. */
  readonly lastEntry: ParsedEntry | undefined
  /** Offset after the last complete line. */
  readonly size: Octets
  /** The first invalid line; nothing from there on is proven. */
  readonly fault?: { readonly line: number; readonly fault: Fault }
  /** Number of complete lines. */
  readonly lines: number
  /** Hashes of all valid lines. */
  readonly hashes: ReadonlySet<string>
  /** Earlier, broken chains that this chain refers to. */
  readonly broken: readonly { readonly line: number; readonly file: string }[]
}

/**
 * Reads and verifies a chain. An incomplete line at the end is ignored.
 *
 * @param keys accepted public keys; undefined: verify the hashes only
 */
export function readChain(octets: Buffer, keys: readonly KeyObject[] | undefined): ChainContents {
  const state = new ChainState()
  const hashes = new Set<string>()
  const broken: { line: number; file: string }[] = []
  let head: ChainHead = { n: 0, sha256: INITIAL_HASH }
  let lastEntry: ParsedEntry | undefined
  let size = 0
  let lines = 0
  let fault: ChainContents['fault']
  for (let to = octets.indexOf(NEWLINE); to >= 0; to = octets.indexOf(NEWLINE, size)) {
    const line = octets.subarray(size, to)
    size = to + 1
    lines++
    if (fault !== undefined) continue
    const parsed = parseEntry(line.toString())
    const problem = findFault(parsed, head, keys) ?? applyEntry(state, parsed!)
    if (parsed === undefined || problem !== undefined) {
      fault = { line: lines, fault: problem ?? 'unreadable' }
      continue
    }
    const { entry } = parsed
    if (entry.kind === 'start' && entry.broken !== undefined)
      broken.push({ line: lines, file: entry.broken.file })
    head = { n: lines, sha256: hashLine(line) }
    hashes.add(head.sha256)
    lastEntry = parsed
  }
  const contents = { state, head, lastEntry, size, lines, hashes, broken }
  return fault === undefined ? contents : { ...contents, fault }
}

/** Without signature verification, an entry may contain anything. */
function applyEntry(state: ChainState, { entry }: ParsedEntry): Fault | undefined {
  try {
    state.apply(entry)
    return undefined
  } catch {
    return 'unreadable'
  }
}

function findFault(
  read: ParsedEntry | undefined,
  head: ChainHead,
  keys: readonly KeyObject[] | undefined
): Fault | undefined {
  if (read === undefined) return 'unreadable'
  const { n, prev } = read.entry
  // An altered line has an invalid signature; without keys, the next line reveals it.
  if (keys !== undefined && !isSigned(read, keys)) return 'signature'
  if (n !== head.n + 1) return 'order'
  return prev === head.sha256 ? undefined : 'altered'
}
