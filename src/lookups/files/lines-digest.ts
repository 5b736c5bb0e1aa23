import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Octets } from '../../base/units.js'
import type { Digest } from './file-digest.js'
import { LineSorter } from './line-sorter.js'
import { SortedCopy } from './sorted-copy.js'

/** Digest of a JSON Lines file. */
export interface LinesDigest extends Digest {
  /** Lines that are not empty. */
  readonly lines: number
  readonly longest: Octets
  /**
   * A file with the same lines sorted by time: the file itself or a copy; undefined if there is
   * none.
   */
  readonly sortedPath: string | undefined
}

/**
 * Reads a JSON Lines file once, to compute its digest and sort its lines by time.
 *
 * @param copyPath for a sorted copy, if one is needed; overwritten. Undefined: no copy is made
 */
export async function digestLines(path: string, copyPath?: string): Promise<LinesDigest> {
  const file = await open(path, 'r')
  const sorted = new SortedCopy(path, copyPath)
  let inOrder: string | undefined
  try {
    const { sha256, octets, window } = await readAndSort(file, sorted)
    const { lines, longest, isSorting: isKept } = window
    if (isKept) inOrder = sorted.path ?? path
    return { sha256, octets, lines, longest, sortedPath: inOrder }
  } finally {
    sorted.close(inOrder !== undefined)
    await file.close()
  }
}

async function readAndSort(
  file: FileHandle,
  sorted: SortedCopy
): Promise<Digest & { readonly window: LineSorter }> {
  const hash = createHash('sha256')
  const window = new LineSorter((await file.stat()).size)
  for (let octets = 0; ;) {
    const { freeSpace: room } = window
    const { bytesRead } = await file.read(room)
    hash.update(room.subarray(0, bytesRead))
    octets += bytesRead
    try {
      if (bytesRead > 0) window.add(bytesRead, sorted)
      else {
        window.finish(sorted)
        sorted.finish()
      }
    } catch {
      // No space for a copy: DuckDB will sort.
      window.stopSorting()
    }
    if (bytesRead === 0) return { sha256: hash.digest('hex'), octets, window }
  }
}

/**
 * Computes the digests of closed files one ahead: while DuckDB works on one file, which leaves part
 * of a core idle, the digest of the next is computed.
 */
export class DigestPipeline {
  private readonly paths: readonly string[]
  private readonly workFolder: string
  private next: { readonly path: string; readonly digest: Promise<LinesDigest> } | undefined
  private readonly copies: string[] = []
  /** Copies no longer in use: overwriting a file takes half the time of creating one. */
  private readonly spareCopies: string[] = []

  /** @param workFolder for sorted copies */
  constructor(paths: readonly string[], workFolder: string) {
    this.paths = paths
    this.workFolder = workFolder
  }

  /** Returns the digest; pass it to `release` after use. Throws the system error. */
  async get(path: string): Promise<LinesDigest> {
    const digest = this.next?.path === path ? this.next.digest : this.compute(path)
    this.next = undefined
    try {
      return await digest
    } finally {
      this.startNext(this.paths[this.paths.indexOf(path) + 1])
    }
  }

  /** Call when the sorted copy has been read. */
  release({ sortedPath: inOrder }: LinesDigest): void {
    if (inOrder !== undefined && this.copies.includes(inOrder)) this.spareCopies.push(inOrder)
  }

  /** Removes the copies. */
  close(): void {
    for (const copy of this.copies) rmSync(copy, { force: true })
  }

  private startNext(path: string | undefined): void {
    if (path === undefined) return
    const digest = this.compute(path)
    // Reported when this digest is requested.
    digest.catch(() => undefined)
    this.next = { path, digest }
  }

  private async compute(path: string): Promise<LinesDigest> {
    const copyPath = this.spareCopies.pop() ?? this.newCopy()
    const digest = await digestLines(path, copyPath)
    if (digest.sortedPath !== copyPath) this.spareCopies.push(copyPath)
    return digest
  }

  private newCopy(): string {
    const copy = join(this.workFolder, `lines-${this.copies.length}`)
    this.copies.push(copy)
    return copy
  }
}
