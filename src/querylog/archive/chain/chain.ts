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
import { syncFolder } from '../../../base/atomic-file.js'
import { readPublicKey, showPublicKey, type PublicKey } from '../../../base/ed25519.js'
import { failure, InterdictError } from '../../../base/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { ServiceLog } from '../../record/service-log.js'
import { digestFile, timesIn } from '../digest.js'
import { closedIn, filesIn, type LogNames } from '../log-layout.js'
import { digestLines } from '../lines-digest.js'
import { append, keepReserve } from './append.js'
import type { Book } from './chain-state.js'
import { CHAIN, hashOf, isSigned, writeLink } from './chain-entry.js'
import type { Entry, Head, NamedFile, Order, OrderedFile, SizedFile, Why } from './chain-entry.js'
import { readSignKey } from './sign-key.js'
import { walkChain } from './read-chain.js'

export interface ChainOptions {
  /** Path of the private key. */
  readonly signKey: string
  /** Public keys that lines of before may be signed with. */
  readonly earlierKeys: readonly PublicKey[]
  /** A checkpoint is written at least so often. */
  readonly checkpoint: Milliseconds
}

/**
 * The chain of a query log, open for writing: by one process at a time. A line is on the disk when
 * what writes it returns. Files are named by their paths within the folder of the log.
 */
export class Chain {
  private readonly names: LogNames
  private readonly options: ChainOptions
  private readonly key: KeyObject
  private readonly wall: Milliseconds
  private readonly log: ServiceLog
  private head: Head
  private book: Book
  /** Lines written by this object. */
  private written = 0

  private constructor(
    names: LogNames,
    options: ChainOptions,
    tools: { key: KeyObject; wall: Milliseconds; log: ServiceLog },
    { head, book }: { head: Head; book: Book }
  ) {
    this.names = names
    this.options = options
    this.key = tools.key
    this.wall = tools.wall
    this.log = tools.log
    this.head = head
    this.book = book
  }

  /**
   * Opens the chain, or begins one. Half a line at its end, as a crash leaves it, is taken away. One
   * that is not whole is put aside, and another begun, which says so.
   *
   * @throws InterdictError CHAIN_KEY, CHAIN_WRITE; the system's errors
   */
  static async open(
    names: LogNames,
    options: ChainOptions,
    wall: Milliseconds,
    log: ServiceLog
  ): Promise<Chain> {
    const key = readSignKey(options.signKey)
    const path = join(names.folder, CHAIN)
    const octets = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    const walked = walkChain(octets, undefined)
    const { size, end, fault, lines } = walked
    const trusted = [
      createPublicKey(key),
      ...options.earlierKeys.flatMap(k => readPublicKey(k) ?? [])
    ]
    const isOurs = end === undefined || isSigned(end, trusted)
    const chain = new Chain(names, options, { key, wall, log }, walked)
    if (fault !== undefined || !isOurs) {
      await chain.beginAnew(path, octets, fault?.line ?? lines, fault?.fault ?? 'signature')
      return chain
    }
    if (size < octets.length) chain.heal(path, size)
    if (lines === 0) await chain.begin(undefined)
    return chain
  }

  /**
   * Lines for files that were closed since. What should be gone, and is still there because of a
   * crash, is removed.
   *
   * @param failed told why that could not be done for one file; the others do not suffer
   * @returns names of closed files that the chain has: something may be made of them
   */
  async note(failed: (error: unknown) => void): Promise<readonly string[]> {
    const known: string[] = []
    for (const file of filesIn(this.names)) {
      try {
        await this.noteFile(file)
        if (this.names.isClosed(file) && this.hashOf(file) !== undefined) known.push(file)
      } catch (error) {
        failed(error)
        // Nothing can be told to it now.
        if (error instanceof InterdictError && error.code === 'CHAIN_WRITE') break
      }
    }
    return known
  }

  /** What a file has to have; undefined: it is not known. */
  hashOf(file: string): string | undefined {
    const known = this.book.files.get(file)
    return known?.state === 'stands' ? known.sha256 : undefined
  }

  /** Names of files that are to be there. */
  standing(): string[] {
    return this.book.standing().map(([file]) => file)
  }

  /** Whether it has a file. @param into its path within the archive */
  isNoted(into: string): boolean {
    const { folder, archive } = this.names
    return this.hashOf(relative(folder, join(archive, into))) !== undefined
  }

  /**
   * Holds a file to what the chain says of it, before something is made of it.
   *
   * @throws InterdictError CHAIN_ALTERED
   */
  expect({ file, sha256 }: NamedFile): void {
    const known = this.book.files.get(file)
    const fine = known?.state === 'stands' && [known.sha256, known.before].includes(sha256)
    if (!fine) throw failure('CHAIN_ALTERED', join(this.names.folder, file))
  }

  /** To be called when what takes their place is on the disk, and before they are removed. */
  replaced(
    files: readonly NamedFile[],
    by: readonly SizedFile[],
    without: readonly string[] = []
  ): void {
    this.append({ kind: 'replaced', files, by, ...(without.length > 0 ? { without } : {}) })
  }

  /** To be called before they are removed. */
  removed(files: readonly string[], why: Why): void {
    const named = files.flatMap(file => {
      const known = this.book.files.get(file)
      return known === undefined ? [] : [{ file, sha256: known.sha256 }]
    })
    if (named.length > 0) this.append({ kind: 'removed', files: named, why })
  }

  /**
   * To be called before they are removed. Of a file that is not what it should be the chain has what
   * it is.
   */
  async removedByOrder(files: readonly string[], order: Order): Promise<readonly OrderedFile[]> {
    const named: OrderedFile[] = []
    for (const file of files) named.push(await this.asFound(file))
    this.append({ kind: 'removed', files: named, why: 'order', ...order })
    return named
  }

  private async asFound(file: string): Promise<OrderedFile> {
    const known = this.book.files.get(file)
    let sha256: string
    try {
      sha256 = (await digestFile(join(this.names.folder, file))).sha256
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      return { file, sha256: known?.sha256 ?? '', was: isMissing ? 'missing' : 'unreadable' }
    }
    if (known?.state !== 'stands') return { file, sha256, was: 'extra' }
    const isFine = [known.sha256, known.before].includes(sha256)
    return isFine ? { file, sha256 } : { file, sha256, was: 'altered' }
  }

  /** A checkpoint, if something was written or the last one is old enough. */
  checkpoint(): void {
    keepReserve(this.names.folder)
    const { checkpoint, sum } = this.book
    const last = checkpoint === undefined ? -Infinity : Date.parse(checkpoint.time)
    const age = Math.abs(this.wall - last)
    if (this.written === 0 && age < this.options.checkpoint) return
    const { files, octets } = sum
    const within = Math.ceil(this.options.checkpoint / MS_PER_SECOND)
    this.append({ kind: 'checkpoint', files, octets, within })
    const { n: line, sha256 } = this.head
    this.log.info({ line, sha256 }, 'the chain of the query log has a checkpoint')
  }

  private async noteFile(file: string): Promise<void> {
    const known = this.book.files.get(file)
    if (known === undefined) {
      if (this.names.isClosed(file)) await this.noteClosed(file)
    } else if (known.state !== 'stands') await this.remove(file, known.sha256)
  }

  private async noteClosed(file: string): Promise<void> {
    const path = join(this.names.folder, file)
    const { sha256, octets, lines } = await digestLines(path)
    this.append({ kind: 'file', file, sha256, octets, records: lines, ...timesIn(path) })
  }

  private async remove(file: string, sha256: string): Promise<void> {
    const path = join(this.names.folder, file)
    if ((await digestFile(path)).sha256 !== sha256) {
      const { code, message } = failure('CHAIN_ALTERED', path)
      this.log.error({ code }, message)
    } else if (this.hashOf(`${file}.foreign`) === sha256 && !existsSync(`${path}.foreign`)) {
      renameSync(path, `${path}.foreign`)
    } else rmSync(path)
  }

  /** In one line, so that it is there with all files or not at all. */
  private async begin(broken: NamedFile | undefined, path = join(this.names.folder, CHAIN)) {
    const files = filesIn(this.names).filter(file => !this.names.isClosed(file))
    const found: SizedFile[] = []
    for (const file of files)
      found.push({ file, ...(await digestFile(join(this.names.folder, file))) })
    const key = showPublicKey(createPublicKey(this.key))
    const start = { kind: 'start', log: this.names.live, key, found } as const
    this.append(broken === undefined ? start : { ...start, broken }, path)
    forceFolder(this.names.folder)
    const closed = closedIn(this.names).length
    this.log.info({ found: files.length, closed }, 'a chain of the query log begins')
  }

  /** The one of before is copied first, and is in its place until the new one is whole. */
  private async beginAnew(
    path: string,
    octets: Buffer,
    line: number,
    fault: string
  ): Promise<void> {
    const stamp = new Date(this.wall).toISOString().replaceAll(/[-:]/g, '')
    const file = `chain-${stamp}.broken`
    const { code, message } = failure('CHAIN_BROKEN', `${path}:${line}`, fault, file)
    this.log.error({ code }, message)
    copyFileSync(path, join(this.names.folder, file))
    const empty = walkChain(Buffer.alloc(0), undefined)
    this.book = empty.book
    this.head = empty.head
    const fresh = `${path}.new`
    rmSync(fresh, { force: true })
    await this.begin({ file, sha256: hashOf(octets) }, fresh)
    renameSync(fresh, path)
    forceFolder(this.names.folder)
  }

  private heal(path: string, size: number): void {
    const file = openSync(path, 'r+')
    try {
      ftruncateSync(file, size)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    this.log.warn(
      { line: this.head.n + 1 },
      'the last line of the chain was torn: it is written anew'
    )
  }

  private append(entry: Entry, path = join(this.names.folder, CHAIN)): void {
    const line = writeLink(entry, this.wall, this.head, this.key)
    const octets = Buffer.from(`${line}\n`)
    try {
      append(path, octets)
    } catch (error) {
      throw failure('CHAIN_WRITE', path, error instanceof Error ? error.message : String(error))
    }
    const n = this.head.n + 1
    const sha256 = hashOf(line)
    this.head = { n, sha256 }
    this.book.add({ ...entry, v: 1, n, time: new Date(this.wall).toISOString(), prev: '' })
    this.written++
  }
}
