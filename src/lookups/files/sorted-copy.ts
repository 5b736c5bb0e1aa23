import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statfsSync,
  writeSync
} from 'node:fs'
import { dirname } from 'node:path'
import type { Octets } from '../../base/units.js'
import type { LineSink } from './line-sorter.js'

const { O_CREAT, O_WRONLY } = constants
/** Size of one write. */
const CHUNK: Octets = 1024 * 1024
/**
 * A copy is made only if this many times its size is free: for the copy of the next file, for the
 * Parquet files of both, and for the live file, which must not hit a full disk.
 */
const REQUIRED_FREE_FACTOR = 4

/**
 * A copy of a JSON Lines file in another order. Created when the first line has to move; until then
 * the file itself is in order. It is temporary and never forced to the disk: it is usually deleted
 * before it gets there.
 */
export class SortedCopy implements LineSink {
  /** Octets so far in the same order as in the file. */
  private unchangedPrefix: Octets = 0
  private file: number | undefined
  private buffer = Buffer.alloc(0)
  private buffered: Octets = 0
  private written: Octets = 0

  /** @param copyPath for the copy; undefined: no copy can be made */
  constructor(
    private readonly sourcePath: string,
    private readonly copyPath: string | undefined
  ) {}

  /** Undefined: no line had to move. */
  get path(): string | undefined {
    return this.file === undefined ? undefined : this.copyPath
  }

  /** Throws if no copy can be made; the system error. */
  startReordering(): void {
    if (this.file !== undefined) return
    const from = openSync(this.sourcePath, 'r')
    try {
      if (this.copyPath === undefined || !hasFreeSpace(this.copyPath, fstatSync(from).size))
        throw new Error('not enough disk space')
      this.file = openSync(this.copyPath, O_WRONLY | O_CREAT, 0o600)
      this.buffer = Buffer.allocUnsafe(CHUNK)
      const chunk = Buffer.allocUnsafe(CHUNK)
      for (let at = 0; at < this.unchangedPrefix;) {
        const read = readSync(from, chunk, 0, Math.min(CHUNK, this.unchangedPrefix - at), at)
        if (read === 0) throw new Error('the file was truncated')
        this.append(chunk, 0, read)
        at += read
      }
    } finally {
      closeSync(from)
    }
  }

  write(octets: Buffer, start: Octets, end: Octets): void {
    if (this.file === undefined) this.unchangedPrefix += end - start
    else this.append(octets, start, end)
  }

  /** Completes the copy. Throws the system error. */
  finish(): void {
    if (this.file === undefined) return
    this.flush()
    ftruncateSync(this.file, this.written)
  }

  /** @param isWhole false: the copy is unusable; frees its disk space */
  close(isWhole: boolean): void {
    if (this.file === undefined) return
    if (!isWhole) ftruncateSync(this.file)
    closeSync(this.file)
  }

  private append(octets: Buffer, start: Octets, end: Octets): void {
    if (this.buffered + end - start > CHUNK) this.flush()
    if (end - start > CHUNK) this.writeOut(octets, start, end)
    else this.buffered += octets.copy(this.buffer, this.buffered, start, end)
  }

  private flush(): void {
    this.writeOut(this.buffer, 0, this.buffered)
    this.buffered = 0
  }

  private writeOut(octets: Buffer, start: Octets, end: Octets): void {
    for (let at = start; at < end;) at += writeSync(this.file!, octets, at, end - at)
    this.written += end - start
  }
}

function hasFreeSpace(path: string, octets: Octets): boolean {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize >= REQUIRED_FREE_FACTOR * octets
}
