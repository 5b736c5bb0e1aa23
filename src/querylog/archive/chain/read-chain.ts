import type { KeyObject } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
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
 * `unreadable` it is no line of a chain
 * `order`      its number is not the next one: lines are missing, or in another order
 * `altered`    the line before it is not the one that it was written after
 * `signature`  none of the keys has signed it
 */
export type Fault = 'unreadable' | 'order' | 'altered' | 'signature'

/** A chain, as far as it is whole. */
export interface ChainContents {
  readonly state: ChainState
  readonly head: ChainHead
  /** Of the last line. */
  readonly lastEntry: ParsedEntry | undefined
  /** Where the last whole line ends. */
  readonly size: Octets
  /** The first line that is wrong: from then on nothing is proven. */
  readonly fault?: { readonly line: number; readonly fault: Fault }
  /** Lines there are, whole ones. */
  readonly lines: number
  /** Hashes of all good lines, for who asks for one. */
  readonly hashes: ReadonlySet<string>
  /** Chains that this one could not go on with. */
  readonly broken: readonly { readonly line: number; readonly file: string }[]
}

/**
 * Reads a chain from its first line. Half a line at the end is not looked at.
 *
 * @param keys by whose signature each line is held; undefined: by the lines before alone
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
    const read = parseEntry(line.toString())
    const found = findFault(read, head, keys) ?? applyEntry(state, read!)
    if (read === undefined || found !== undefined) {
      fault = { line: lines, fault: found ?? 'unreadable' }
      continue
    }
    const { entry } = read
    if (entry.kind === 'start' && entry.broken !== undefined)
      broken.push({ line: lines, file: entry.broken.file })
    head = { n: lines, sha256: hashLine(line) }
    hashes.add(head.sha256)
    lastEntry = read
  }
  const contents = { state, head, lastEntry, size, lines, hashes, broken }
  return fault === undefined ? contents : { ...contents, fault }
}

/** What nobody has signed may be anything. */
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
  // A line that was altered has a wrong signature; without keys, the next line tells.
  if (keys !== undefined && !isSigned(read, keys)) return 'signature'
  if (n !== head.n + 1) return 'order'
  return prev === head.sha256 ? undefined : 'altered'
}
