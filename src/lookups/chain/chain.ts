import { createPublicKey, type KeyObject } from 'node:crypto'
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync
} from 'node:fs'
import { join, relative } from 'node:path'
import { syncFolder } from '../../base/files/atomic-file.js'
import { readPublicKey, showPublicKey, type PublicKey } from '../../base/files/ed25519.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { isClosedSideFile } from '../files/side-files.js'
import { digestFile, firstAndLastTime } from '../files/file-digest.js'
import { digestLines } from '../files/lines-digest.js'
import { closedFiles, allFiles, type LogLayout } from '../files/log-layout.js'
import { appendToChain, ensureReserve } from './append.js'
import { CHAIN_FILE, hashLine, isSigned, encodeEntry } from './chain-entry.js'
import type {
  EntryBody,
  ChainHead,
  HashedFile,
  RemovalRequest,
  ManuallyRemovedFile,
  SizedFile,
  RemovalReason
} from './chain-entry.js'
import type { ChainState } from './chain-state.js'
import { readOpenSegment, type OpenSegment } from './open-segment.js'
import { readChain, type ChainContents } from './read-chain.js'
import { readSignKey } from './sign-key.js'

/** Fraction of the interval after which a run writes a checkpoint: runs take different times to reach this point. */
const DUE = 0.7

export interface ChainOptions {
  /** Path of the private key. */
  readonly signKey: string
  /** Public keys accepted on earlier entries. */
  readonly earlierKeys: readonly PublicKey[]
  /** Maximum time between checkpoints. */
  readonly checkpoint: Milliseconds
  /** True if checkpoints cover the lines of the live file, for a witness. */
  readonly coversLive?: boolean
}

/**
 * The hash chain of a query log, opened for writing by one process at a time. When a method that
 * writes an entry returns, the entry is on the disk. Files are named by paths relative to the
 * folder of the log.
 */
export class Chain {
  private readonly layout: LogLayout
  private readonly options: ChainOptions
  private readonly key: KeyObject
  private readonly clock: () => Milliseconds
  private readonly log: ServiceLog
  private head: ChainHead
  private state: ChainState
  /** Entries written by this object since its last checkpoint. */
  private writtenEntries = 0

  private constructor(
    layout: LogLayout,
    options: ChainOptions,
    tools: { key: KeyObject; clock: () => Milliseconds; log: ServiceLog },
    { head, state }: ChainContents
  ) {
    this.layout = layout
    this.options = options
    this.key = tools.key
    this.clock = tools.clock
    this.log = tools.log
    this.head = head
    this.state = state
  }

  /**
   * Opens the chain or starts one. An incomplete line at its end, left by a crash, is removed. A
   * broken chain is set aside, and a new one started that refers to it.
   *
   * @param clock the wall clock, or the time of all entries
   * @throws InterdictError CHAIN_KEY, CHAIN_WRITE; system errors
   */
  static async open(
    layout: LogLayout,
    options: ChainOptions,
    clock: Milliseconds | (() => Milliseconds),
    log: ServiceLog
  ): Promise<Chain> {
    const key = readSignKey(options.signKey)
    const path = join(layout.folder, CHAIN_FILE)
    const octets = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    const contents = readChain(octets, undefined)
    const { size, lastEntry, fault, lines } = contents
    const trusted = [
      createPublicKey(key),
      ...options.earlierKeys.flatMap(k => readPublicKey(k) ?? [])
    ]
    const isOurs = lastEntry === undefined || isSigned(lastEntry, trusted)
    const tools = { key, clock: typeof clock === 'number' ? () => clock : clock, log }
    const chain = new Chain(layout, options, tools, contents)
    if (fault !== undefined || !isOurs) {
      await chain.replaceBroken(path, octets, fault?.line ?? lines, fault?.fault ?? 'signature')
      return chain
    }
    if (size < octets.length) chain.truncateTornLine(path, size)
    if (lines === 0) await chain.writeStart(undefined)
    return chain
  }

  /**
   * Records newly closed files, and finishes removals and replacements that a crash interrupted.
   *
   * @param failed receives the error of each file for which that failed; other files are not
   *   affected
   * @returns names of closed files recorded in the chain, which may now be converted
   */
  async recordClosedFiles(failed: (error: unknown) => void): Promise<readonly string[]> {
    const recorded: string[] = []
    for (const file of allFiles(this.layout)) {
      try {
        await this.reconcileFile(file)
        if (this.layout.isClosed(file) && this.sha256Of(file) !== undefined) recorded.push(file)
      } catch (error) {
        failed(error)
        // No further entries can be written now.
        if (error instanceof InterdictError && error.code === 'CHAIN_WRITE') break
      }
    }
    return recorded
  }

  /** The expected hash of a file; undefined if the chain does not have it. */
  sha256Of(file: string): string | undefined {
    const known = this.state.files.get(file)
    return known?.state === 'present' ? known.sha256 : undefined
  }

  /** Names of files that should exist. */
  presentFiles(): string[] {
    return this.state.presentFiles().map(([file]) => file)
  }

  /** Whether the chain has a file. @param into its path relative to the archive folder */
  hasArchiveFile(into: string): boolean {
    const { folder, archiveFolder } = this.layout
    return this.sha256Of(relative(folder, join(archiveFolder, into))) !== undefined
  }

  /**
   * Verifies a file against the chain before it is processed.
   *
   * @throws InterdictError CHAIN_ALTERED
   */
  assertUnaltered({ file, sha256 }: HashedFile): void {
    const known = this.state.files.get(file)
    const isUnaltered =
      known?.state === 'present' && [known.sha256, known.previousSha256].includes(sha256)
    if (!isUnaltered) throw failure('CHAIN_ALTERED', join(this.layout.folder, file))
  }

  /**
   * Records a replacement. Call it when the new files are on the disk and before the old ones are
   * removed.
   */
  recordReplacement(
    files: readonly HashedFile[],
    by: readonly SizedFile[],
    without: readonly string[] = []
  ): void {
    this.append({ kind: 'replaced', files, by, ...(without.length > 0 ? { without } : {}) })
  }

  /** Records a removal. Call it before the files are removed. */
  recordRemoval(files: readonly string[], why: RemovalReason): void {
    const named = files.flatMap(file => {
      const known = this.state.files.get(file)
      return known === undefined ? [] : [{ file, sha256: known.sha256 }]
    })
    if (named.length > 0) this.append({ kind: 'removed', files: named, why })
  }

  /**
   * Records a manual removal. Call it before the files are removed. For altered files, the entry
   * has their actual hash.
   */
  async recordManualRemoval(
    files: readonly string[],
    order: RemovalRequest
  ): Promise<readonly ManuallyRemovedFile[]> {
    const named: ManuallyRemovedFile[] = []
    for (const file of files) named.push(await this.digestForRemoval(file))
    this.append({ kind: 'removed', files: named, why: 'order', ...order })
    return named
  }

  private async digestForRemoval(file: string): Promise<ManuallyRemovedFile> {
    const known = this.state.files.get(file)
    let sha256: string
    try {
      sha256 = (await digestFile(join(this.layout.folder, file))).sha256
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      return { file, sha256: known?.sha256 ?? '', was: isMissing ? 'missing' : 'unreadable' }
    }
    if (known?.state !== 'present') return { file, sha256, was: 'extra' }
    const isUnaltered = [known.sha256, known.previousSha256].includes(sha256)
    return isUnaltered ? { file, sha256 } : { file, sha256, was: 'altered' }
  }

  /** Writes a checkpoint if entries were written, or one is due. */
  writeCheckpoint(): void {
    ensureReserve(this.layout.folder)
    if (this.writtenEntries > 0 || this.isCheckpointDue) this.appendCheckpoint()
  }

  /** Writes a checkpoint during long work if one is due for the witness. */
  writeDueCheckpoint(): void {
    if (this.options.coversLive === true && this.isCheckpointDue) this.appendCheckpoint()
  }

  private get isCheckpointDue(): boolean {
    const { checkpoint } = this.state
    const last = checkpoint === undefined ? -Infinity : Date.parse(checkpoint.time)
    return Math.abs(this.clock() - last) >= DUE * this.options.checkpoint
  }

  private appendCheckpoint(): void {
    const open = this.options.coversLive === true ? this.openSegment() : undefined
    const { files, octets } = this.state.totals
    const within = Math.ceil(this.options.checkpoint / MS_PER_SECOND)
    const entry = { kind: 'checkpoint', files, octets, within } as const
    this.append(open === undefined ? entry : { ...entry, open })
    this.writtenEntries = 0
    const { n: line, sha256 } = this.head
    this.log.info({ line, sha256 }, 'query log chain: checkpoint written')
  }

  /** Undefined if a file was closed meanwhile: it is recorded first, in the next run. */
  private openSegment(): OpenSegment | undefined {
    const path = join(this.layout.folder, this.layout.liveName)
    const segment = readOpenSegment(path, this.state.openTo)
    if (closedFiles(this.layout).some(file => !this.state.files.has(file))) return undefined
    if (segment !== 'shrunk') return segment
    const { code, message } = failure('CHAIN_ALTERED', path)
    this.log.error({ code }, message)
    const again = readOpenSegment(path, 0)
    return again === 'shrunk' ? undefined : again
  }

  private async reconcileFile(file: string): Promise<void> {
    const known = this.state.files.get(file)
    if (known === undefined) {
      if (this.layout.isClosed(file) || isClosedSideFile(file)) await this.recordClosedFile(file)
    } else if (known.state !== 'present') await this.finishRemoval(file, known.sha256)
  }

  private async recordClosedFile(file: string): Promise<void> {
    const path = join(this.layout.folder, file)
    const { sha256, octets, lines } = await digestLines(path)
    this.append({ kind: 'file', file, sha256, octets, records: lines, ...firstAndLastTime(path) })
  }

  private async finishRemoval(file: string, sha256: string): Promise<void> {
    const path = join(this.layout.folder, file)
    if ((await digestFile(path)).sha256 !== sha256) {
      const { code, message } = failure('CHAIN_ALTERED', path)
      this.log.error({ code }, message)
    } else if (this.sha256Of(`${file}.foreign`) === sha256 && !existsSync(`${path}.foreign`)) {
      renameSync(path, `${path}.foreign`)
    } else rmSync(path)
  }

  /** One entry lists all existing files, so that it is complete or absent. */
  private async writeStart(
    broken: HashedFile | undefined,
    path = join(this.layout.folder, CHAIN_FILE)
  ) {
    const files = allFiles(this.layout).filter(file => !this.layout.isClosed(file))
    const found: SizedFile[] = []
    for (const file of files)
      found.push({ file, ...(await digestFile(join(this.layout.folder, file))) })
    const key = showPublicKey(createPublicKey(this.key))
    const start = { kind: 'start', log: this.layout.liveName, key, found } as const
    this.append(broken === undefined ? start : { ...start, broken }, path)
    syncFolder(this.layout.folder)
    const closed = closedFiles(this.layout).length
    this.log.info({ found: files.length, closed }, 'query log chain started')
  }

  /** The old chain is copied aside first, and stays in place until the new one is complete. */
  private async replaceBroken(
    path: string,
    octets: Buffer,
    line: number,
    fault: string
  ): Promise<void> {
    const stamp = new Date(this.clock()).toISOString().replaceAll(/[-:]/g, '')
    const file = `chain-${stamp}.broken`
    const { code, message } = failure('CHAIN_BROKEN', `${path}:${line}`, fault, file)
    this.log.error({ code }, message)
    copyFileSync(path, join(this.layout.folder, file))
    const empty = readChain(Buffer.alloc(0), undefined)
    this.state = empty.state
    this.head = empty.head
    const newPath = `${path}.new`
    rmSync(newPath, { force: true })
    await this.writeStart({ file, sha256: hashLine(octets) }, newPath)
    renameSync(newPath, path)
    syncFolder(this.layout.folder)
  }

  private truncateTornLine(path: string, size: number): void {
    const file = openSync(path, 'r+')
    try {
      ftruncateSync(file, size)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    this.log.warn({ line: this.head.n + 1 }, 'query log chain: incomplete last line removed')
  }

  private append(entry: EntryBody, path = join(this.layout.folder, CHAIN_FILE)): void {
    const wall = this.clock()
    const line = encodeEntry(entry, wall, this.head, this.key)
    const octets = Buffer.from(`${line}\n`)
    try {
      appendToChain(path, octets)
    } catch (error) {
      throw failure('CHAIN_WRITE', path, reasonOf(error))
    }
    const n = this.head.n + 1
    const sha256 = hashLine(line)
    this.head = { n, sha256 }
    this.state.apply({ ...entry, v: 1, n, time: new Date(wall).toISOString(), prev: '' })
    this.writtenEntries++
  }
}
