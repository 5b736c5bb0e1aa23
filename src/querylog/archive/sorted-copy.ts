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
/** What is written at once. */
const CHUNK: Octets = 1024 * 1024
/**
 * A copy is made only where there is room for so many: for that of the next file, for what is made of both,
 * and for the file being written, which must not find the disk full.
 */
const REQUIRED_FREE_FACTOR = 4

/**
 * A copy of a file of lines, in another order. It is begun when a line has to move; until then the
 * lines are where they are. It is nothing to keep, and never forced to the disk: mostly it is gone before it
 * gets there.
 */
export class SortedCopy implements LineSink {
  /** Octets that are as in the file. */
  private unchangedPrefix: Octets = 0
  private file: number | undefined
  private readonly buffer = Buffer.allocUnsafe(CHUNK)
  private buffered: Octets = 0
  private written: Octets = 0

  /** @param copyPath where the copy goes; undefined: none can be made */
  constructor(
    private readonly sourcePath: string,
    private readonly copyPath: string | undefined
  ) {}

  /** Undefined: it was not begun, for no line had to move. */
  get path(): string | undefined {
    return this.file === undefined ? undefined : this.copyPath
  }

  /** Throws where there can be none; the system's error. */
  startReordering(): void {
    if (this.file !== undefined) return
    const from = openSync(this.sourcePath, 'r')
    try {
      if (this.copyPath === undefined || !hasRoom(this.copyPath, fstatSync(from).size))
        throw new Error('there is no room')
      this.file = openSync(this.copyPath, O_WRONLY | O_CREAT, 0o600)
      const chunk = Buffer.allocUnsafe(CHUNK)
      for (let at = 0; at < this.unchangedPrefix;) {
        const read = readSync(from, chunk, 0, Math.min(CHUNK, this.unchangedPrefix - at), at)
        if (read === 0) throw new Error('the file is shorter now')
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

  /** All that was taken is in the copy, and nothing else. Throws the system's error. */
  finish(): void {
    if (this.file === undefined) return
    this.flush()
    ftruncateSync(this.file, this.written)
  }

  /** @param isWhole false: what is in it is nothing to keep, and may be in the way */
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

function hasRoom(into: string, octets: Octets): boolean {
  const { bavail, bsize } = statfsSync(dirname(into))
  return bavail * bsize >= REQUIRED_FREE_FACTOR * octets
}
