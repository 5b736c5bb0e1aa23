import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../../base/error.js'
import type { Octets } from '../../../base/units.js'
import { digestFile } from '../digest.js'
import { filesIn, isTally, type LogNames } from '../log-layout.js'
import type { Book, OrderedRemoval, Standing } from './chain-state.js'
import { CHAIN, type Head } from './chain-entry.js'
import { walkChain, type Fault, type Walked } from './read-chain.js'

/** How often it is looked again when the gateway was at work meanwhile. */
const TRIES = 5

/**
 * What is wrong.
 *
 * `absent`  there is no chain
 * `line`    a line of the chain is not what was written, or missing, or out of order
 * `anew`    a chain of before was broken, and this one begun in its place
 * `cut`     a line that is known from elsewhere is not in the chain: its end was cut off
 * `altered` a file has other octets than the chain says
 * `missing` a file is not there
 * `extra`   a file is there that the chain does not know
 */
export type BreakKind = 'absent' | 'line' | 'anew' | 'cut' | 'altered' | 'missing' | 'extra'

export interface Break {
  readonly kind: BreakKind
  /** A path within the folder of the log; of the chain, with the line: `chain.jsonl:7`. */
  readonly at: string
  readonly fault?: Fault
}

/**
 * A file of which nothing is proven, and nothing is wrong.
 *
 * `live`       it is being written
 * `closed`     it was closed after the last checkpoint
 * `unfinished` it is being made, replaced or removed
 */
export interface Unproven {
  readonly kind: 'live' | 'closed' | 'unfinished'
  readonly at: string
}

/** What can be said of a query log; its JSON form is public, see docs/reference/query-log.md. */
export interface Verification {
  readonly proven: boolean
  /** In the order of the chain; the first is where it broke. */
  readonly breaks: readonly Break[]
  readonly unproven: readonly Unproven[]
  /** Files that are as the chain says. */
  readonly files: number
  readonly octets: Octets
  /** Files that the gateway removed. */
  readonly removed: number
  /** What was removed by hand. */
  readonly ordered: readonly OrderedRemoval[]
  /** Files that were there before the chain began: what they were before is not known. */
  readonly found: number
  readonly lines: number
  readonly head: Head
  readonly began: string | undefined
  readonly checkpoint: string | undefined
  /** Until when the next checkpoint was to come. */
  readonly due: string | undefined
}

/**
 * Holds the files of a query log to its chain, and the chain to its signatures.
 *
 * @param keys by whose signatures
 * @param expected the SHA-256 of a line that is known from elsewhere
 * @throws InterdictError CHAIN_READ
 */
export async function verifyLog(
  names: LogNames,
  keys: readonly KeyObject[],
  expected?: string
): Promise<Verification> {
  let octets = read(names)
  for (let i = 1; ; i++) {
    const found = await look(names, octets, keys, expected)
    if (found.proven || i === TRIES) return found
    const now = read(names)
    if (now.equals(octets)) return found
    octets = now
  }
}

function read(names: LogNames): Buffer {
  const path = join(names.folder, CHAIN)
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw failure('CHAIN_READ', path, (error as Error).message)
  }
}

async function look(
  names: LogNames,
  octets: Buffer,
  keys: readonly KeyObject[],
  expected: string | undefined
): Promise<Verification> {
  const walked = walkChain(octets, keys)
  const { book, head, lines } = walked
  const breaks = breaksOf(walked, expected)
  const files = new Files(names, book)
  // Without its chain nothing can be said of a file.
  if (lines > 0 && walked.fault === undefined) await files.look()
  const all = [...breaks, ...files.breaks]
  const live = existsSync(join(names.folder, names.live))
  const { began, checkpoint } = book
  return {
    proven: all.length === 0,
    breaks: all,
    unproven: [...files.unproven, ...(live ? [{ kind: 'live', at: names.live } as const] : [])],
    files: files.good.files,
    octets: files.good.octets,
    removed: book.sum.removed,
    ordered: book.ordered,
    found: book.found,
    lines,
    head,
    began,
    checkpoint: checkpoint?.time,
    due:
      checkpoint && new Date(Date.parse(checkpoint.time) + 1000 * checkpoint.within).toISOString()
  }
}

function breaksOf(walked: Walked, expected: string | undefined): Break[] {
  const { lines, fault, hashes, broken } = walked
  if (lines === 0) return [{ kind: 'absent', at: CHAIN }]
  const anew = broken.map(({ line }): Break => ({ kind: 'anew', at: `${CHAIN}:${line}` }))
  if (fault !== undefined) {
    return [...anew, { kind: 'line', at: `${CHAIN}:${fault.line}`, fault: fault.fault }]
  }
  const isCut = expected !== undefined && !hashes.has(expected)
  return isCut ? [...anew, { kind: 'cut', at: `${CHAIN}:${lines + 1}` }] : anew
}

/** The files of a log, held to what the chain says of them. */
class Files {
  readonly breaks: Break[] = []
  readonly unproven: Unproven[] = []
  readonly good = { files: 0, octets: 0 }
  private readonly names: LogNames
  private readonly book: Book

  constructor(names: LogNames, book: Book) {
    this.names = names
    this.book = book
  }

  async look(): Promise<void> {
    const there = filesIn(this.names)
    for (const [file, standing] of this.book.standing()) await this.standing(file, standing)
    for (const file of there) {
      const known = this.book.files.get(file)
      if (known === undefined) this.unknown(file, there)
      else if (known.state !== 'stands') await this.gone(file, known)
    }
  }

  private async standing(file: string, { sha256, octets, before }: Standing): Promise<void> {
    const found = await this.hashOf(file)
    if (found === sha256) {
      this.good.files++
      this.good.octets += octets
    } else if (found === undefined) {
      // Without a tally the lookups themselves are read.
      if (isTally(file)) this.unproven.push({ kind: 'unfinished', at: file })
      else this.breaks.push({ kind: 'missing', at: file })
    } else if (found === before) this.unproven.push({ kind: 'unfinished', at: file })
    else this.breaks.push({ kind: 'altered', at: file })
  }

  /** It should not be there any more. */
  private async gone(file: string, { sha256 }: Standing): Promise<void> {
    const found = await this.hashOf(file)
    if (found === sha256) this.unproven.push({ kind: 'unfinished', at: file })
    else if (found !== undefined) this.breaks.push({ kind: 'extra', at: file })
  }

  private unknown(file: string, there: readonly string[]): void {
    const closed = this.names.closedAt(file)
    // What a file that is still there becomes is told when it is whole.
    const isHalf = there.some(
      other => this.names.isClosed(other) && file.endsWith(`/${this.names.parquetOf(other)}`)
    )
    if (isHalf) this.unproven.push({ kind: 'unfinished', at: file })
    else if (closed !== undefined && closed > (this.book.checkpoint?.time ?? '')) {
      this.unproven.push({ kind: 'closed', at: file })
    } else this.breaks.push({ kind: 'extra', at: file })
  }

  /** Undefined: it is not there. */
  private async hashOf(file: string): Promise<string | undefined> {
    const path = join(this.names.folder, file)
    try {
      return (await digestFile(path)).sha256
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw failure('CHAIN_READ', path, (error as Error).message)
    }
  }
}
