import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { sideFileClosedAt } from '../files/side-files.js'
import { digestFile } from '../files/file-digest.js'
import { allFiles, isTally, type LogLayout, closedFiles } from '../files/log-layout.js'
import { CHAIN_FILE, type ChainHead } from './chain-entry.js'
import { hasSegments, type OpenSegment } from './open-segment.js'
import type { ChainState, ManualRemoval, FileState } from './chain-state.js'
import { readChain, type Fault, type ChainContents } from './read-chain.js'

/** Attempts while the gateway keeps changing the files. */
const MAX_ATTEMPTS = 5

/**
 * Kind of failure.
 *
 * `absent`    no chain exists
 * `line`      a line of the chain is altered, missing or out of order
 * `restarted` a previous chain was broken, and this one was started in its place
 * `cut`       a line known from elsewhere is not in the chain: its end was cut off
 * `altered`   a file does not have the hash recorded in the chain
 * `rewritten` a file lacks lines that a checkpoint recorded while it was being written
 * `forged`    a witness has confirmed another line
 * `missing`   a file does not exist
 * `extra`     a file is unknown to the chain
 */
export type BreakKind =
  'absent' | 'line' | 'restarted' | 'cut' | 'altered' | 'rewritten' | 'forged' | 'missing' | 'extra'

export interface Break {
  readonly kind: BreakKind
  /**
   * A path relative to the folder of the log; for the chain, with a line number: `chain.jsonl:7`.
   */
  readonly at: string
  readonly fault?: Fault
}

/**
 * A file that can neither be proven nor is at fault.
 *
 * `live`        it is being written
 * `closed`      it was closed after the last checkpoint
 * `unfinished`  it is being created, replaced or removed
 */
export interface Unproven {
  readonly kind: 'live' | 'closed' | 'unfinished'
  readonly at: string
}

/** Result of verifying a query log; its JSON form is public, see docs/reference/query-log.md. */
export interface Verification {
  /** Nothing is broken, and the chain has a checkpoint. */
  readonly proven: boolean
  /** In chain order; the first is where the chain broke. */
  readonly breaks: readonly Break[]
  readonly unproven: readonly Unproven[]
  /** Files that match the chain. */
  readonly files: number
  readonly octets: Octets
  /** Files removed by the gateway. */
  readonly removed: number
  /** Files removed by `interdict log remove`. */
  readonly manualRemovals: readonly ManualRemoval[]
  /** Files that existed before the chain started: their earlier content is unknown. */
  readonly found: number
  readonly lines: number
  readonly head: ChainHead
  readonly began: string | undefined
  readonly checkpoint: string | undefined
  /** When the next checkpoint was due. */
  readonly due: string | undefined
}

/**
 * Verifies the files of a query log against its chain, and the chain against its signatures.
 *
 * @param keys accepted public keys
 * @param expected SHA-256 of a line known from elsewhere
 * @throws InterdictError CHAIN_READ
 */
export async function verifyLog(
  layout: LogLayout,
  keys: readonly KeyObject[],
  expected?: string
): Promise<Verification> {
  let octets = read(layout)
  for (let i = 1; ; i++) {
    const result = await verifyOnce(layout, octets, keys, expected)
    if (result.proven || i === MAX_ATTEMPTS) return result
    const now = read(layout)
    if (now.equals(octets)) return result
    octets = now
  }
}

function read(layout: LogLayout): Buffer {
  const path = join(layout.folder, CHAIN_FILE)
  try {
    // A device or a pipe in a folder of somebody else never ends.
    if (!statSync(path).isFile()) throw new Error('not a regular file')
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw failure('CHAIN_READ', path, reasonOf(error))
  }
}

async function verifyOnce(
  layout: LogLayout,
  octets: Buffer,
  keys: readonly KeyObject[],
  expected: string | undefined
): Promise<Verification> {
  const contents = readChain(octets, keys)
  const { state, head, lines } = contents
  const breaks = breaksOf(contents, expected)
  const files = new FileVerifier(layout, state)
  // Files cannot be verified without a valid chain.
  if (lines > 0 && contents.fault === undefined) await files.run()
  const all = [...breaks, ...files.breaks]
  const live = existsSync(join(layout.folder, layout.liveName))
  const { startedAt: began, checkpoint } = state
  return {
    proven: all.length === 0 && checkpoint !== undefined,
    breaks: all,
    unproven: [
      ...files.unproven,
      ...(live ? [{ kind: 'live', at: layout.liveName } as const] : [])
    ],
    files: files.verified.files,
    octets: files.verified.octets,
    removed: state.totals.removed,
    manualRemovals: state.manualRemovals,
    found: state.foundAtStart,
    lines,
    head,
    began,
    checkpoint: checkpoint?.time,
    due:
      checkpoint && new Date(Date.parse(checkpoint.time) + 1000 * checkpoint.within).toISOString()
  }
}

function breaksOf(contents: ChainContents, expected: string | undefined): Break[] {
  const { lines, fault, hashes, broken, state } = contents
  if (lines === 0) return [{ kind: 'absent', at: CHAIN_FILE }]
  const restarts = broken.map(({ line }): Break => ({
    kind: 'restarted',
    at: `${CHAIN_FILE}:${line}`
  }))
  if (fault !== undefined) {
    return [...restarts, { kind: 'line', at: `${CHAIN_FILE}:${fault.line}`, fault: fault.fault }]
  }
  const isCut = expected !== undefined && !hashes.has(expected)
  const shrunk = state.shrunk.map((n): Break => ({ kind: 'rewritten', at: `${CHAIN_FILE}:${n}` }))
  const cut: Break = { kind: 'cut', at: `${CHAIN_FILE}:${lines + 1}` }
  return [...restarts, ...shrunk, ...(isCut ? [cut] : [])]
}

/** Verifies the files of a query log against the state in the chain. */
class FileVerifier {
  readonly breaks: Break[] = []
  readonly unproven: Unproven[] = []
  readonly verified = { files: 0, octets: 0 }
  private readonly layout: LogLayout
  private readonly state: ChainState

  constructor(layout: LogLayout, state: ChainState) {
    this.layout = layout
    this.state = state
  }

  async run(): Promise<void> {
    const existing = allFiles(this.layout)
    for (const [file, present] of this.state.presentFiles()) await this.checkPresent(file, present)
    for (const file of existing) {
      const known = this.state.files.get(file)
      if (known === undefined) this.checkUnknown(file, existing)
      else if (known.state !== 'present') await this.checkAbsent(file, known)
    }
    this.checkLive()
  }

  /** Lines of the live file that checkpoints cover; it may have been closed since. */
  private checkLive(): void {
    const { liveName } = this.layout
    const holder = (): string =>
      closedFiles(this.layout).find(file => !this.state.files.has(file)) ?? liveName
    const file = holder()
    if (this.hasLines(file, this.state.openSegments)) return
    // The gateway may close the file at this moment.
    const other = holder()
    if (other === file || !this.hasLines(other, this.state.openSegments))
      this.breaks.push({ kind: 'rewritten', at: liveName })
  }

  private hasLines(file: string, segments: readonly OpenSegment[]): boolean {
    const path = join(this.layout.folder, file)
    try {
      return segments.length === 0 || hasSegments(path, segments)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw failure('CHAIN_READ', path, reasonOf(error))
    }
  }

  private async checkPresent(
    file: string,
    { sha256, octets, previousSha256 }: FileState
  ): Promise<void> {
    const actual = await this.digestOf(file)
    if (actual === sha256) {
      this.verified.files++
      this.verified.octets += octets
      if (!this.hasLines(file, this.state.segments.get(file) ?? []))
        this.breaks.push({ kind: 'rewritten', at: file })
    } else if (actual === undefined) {
      // Harmless: without a tally, reports read the lookups themselves.
      if (isTally(file)) this.unproven.push({ kind: 'unfinished', at: file })
      else this.breaks.push({ kind: 'missing', at: file })
    } else if (actual === previousSha256) this.unproven.push({ kind: 'unfinished', at: file })
    else this.breaks.push({ kind: 'altered', at: file })
  }

  /** A file that should no longer exist. */
  private async checkAbsent(file: string, { sha256 }: FileState): Promise<void> {
    const actual = await this.digestOf(file)
    if (actual === sha256) this.unproven.push({ kind: 'unfinished', at: file })
    else if (actual !== undefined) this.breaks.push({ kind: 'extra', at: file })
  }

  private checkUnknown(file: string, existing: readonly string[]): void {
    const closed = this.layout.closedAt(file) ?? sideFileClosedAt(file)
    // What replaces an existing closed file is recorded when it is complete.
    const isIncomplete = existing.some(
      other => this.layout.isClosed(other) && file.endsWith(`/${this.layout.parquetOf(other)}`)
    )
    if (isIncomplete) this.unproven.push({ kind: 'unfinished', at: file })
    else if (closed !== undefined && closed > (this.state.checkpoint?.time ?? '')) {
      this.unproven.push({ kind: 'closed', at: file })
    } else this.breaks.push({ kind: 'extra', at: file })
  }

  /** Undefined if the file does not exist. */
  private async digestOf(file: string): Promise<string | undefined> {
    const path = join(this.layout.folder, file)
    try {
      return (await digestFile(path)).sha256
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw failure('CHAIN_READ', path, reasonOf(error))
    }
  }
}
