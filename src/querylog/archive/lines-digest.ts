import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Octets } from '../../base/units.js'
import type { Digest } from './digest.js'
import { LineSorter } from './line-sorter.js'
import { SortedCopy } from './sorted-copy.js'

/** Of a file of lines. */
export interface LinesDigest extends Digest {
  /** Lines with something in them. */
  readonly lines: number
  readonly longest: Octets
  /** A file of the same lines in the order of time: itself, or a copy. Undefined: there is none. */
  readonly sortedPath: string | undefined
}

/**
 * Reads a file of lines once, for its digest and to put them in the order of time.
 *
 * @param copyPath where a copy goes, if they are not in order; what is there may be written over.
 *   Undefined: none is made
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
  const window = new LineSorter()
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
      // There is no room for a copy: DuckDB sorts then.
      window.stopSorting()
    }
    if (bytesRead === 0) return { sha256: hash.digest('hex'), octets, window }
  }
}

/**
 * Digests of closed files that are worked on one after the other: while DuckDB is at one of them, which
 * leaves part of a core, that of the next is made.
 */
export class DigestPipeline {
  private readonly paths: readonly string[]
  private readonly workFolder: string
  private next: { readonly path: string; readonly digest: Promise<LinesDigest> } | undefined
  private readonly copies: string[] = []
  /** Those of them that nobody needs: to write over a file takes half the time of a new one. */
  private readonly spareCopies: string[] = []

  /** @param making a folder for copies that are in order */
  constructor(paths: readonly string[], making: string) {
    this.paths = paths
    this.workFolder = making
  }

  /** To be released. Throws the system's error. */
  async get(path: string): Promise<LinesDigest> {
    const begun = this.next?.path === path ? this.next.digest : this.compute(path)
    this.next = undefined
    try {
      return await begun
    } finally {
      this.startNext(this.paths[this.paths.indexOf(path) + 1])
    }
  }

  /** What it names is not read any more. */
  release({ sortedPath: inOrder }: LinesDigest): void {
    if (inOrder !== undefined && this.copies.includes(inOrder)) this.spareCopies.push(inOrder)
  }

  /** The copies are removed. */
  close(): void {
    for (const copy of this.copies) rmSync(copy, { force: true })
  }

  private startNext(path: string | undefined): void {
    if (path === undefined) return
    const digest = this.compute(path)
    // It is told of when it is its turn.
    digest.catch(() => undefined)
    this.next = { path, digest }
  }

  private async compute(path: string): Promise<LinesDigest> {
    const into = this.spareCopies.pop() ?? this.newCopy()
    const digest = await digestLines(path, into)
    if (digest.sortedPath !== into) this.spareCopies.push(into)
    return digest
  }

  private newCopy(): string {
    const copy = join(this.workFolder, `lines-${this.copies.length}`)
    this.copies.push(copy)
    return copy
  }
}
