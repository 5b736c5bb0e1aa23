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
import type { TakesLines } from './line-sorter.js'

const { O_CREAT, O_WRONLY } = constants
/** What is written at once. */
const CHUNK: Octets = 1024 * 1024
/**
 * A copy is made only where there is room for so many: for that of the next file, for what is made of both,
 * and for the file being written, which must not find the disk full.
 */
const ROOMS = 4

/**
 * A copy of a file of lines, in another order. It is begun when a line has to move; until then the
 * lines are where they are. It is nothing to keep, and never forced to the disk: mostly it is gone before it
 * gets there.
 */
export class SortedCopy implements TakesLines {
  /** Octets that are as in the file. */
  private same: Octets = 0
  private file: number | undefined
  private readonly octets = Buffer.allocUnsafe(CHUNK)
  private held: Octets = 0
  private written: Octets = 0

  /** @param into where the copy goes; undefined: none can be made */
  constructor(
    private readonly path: string,
    private readonly into: string | undefined
  ) {}

  /** Undefined: it was not begun, for no line had to move. */
  get copy(): string | undefined {
    return this.file === undefined ? undefined : this.into
  }

  /** Throws where there can be none; the system's error. */
  move(): void {
    if (this.file !== undefined) return
    const from = openSync(this.path, 'r')
    try {
      if (this.into === undefined || !hasRoom(this.into, fstatSync(from).size))
        throw new Error('there is no room')
      this.file = openSync(this.into, O_WRONLY | O_CREAT, 0o600)
      const chunk = Buffer.allocUnsafe(CHUNK)
      for (let at = 0; at < this.same;) {
        const read = readSync(from, chunk, 0, Math.min(CHUNK, this.same - at), at)
        if (read === 0) throw new Error('the file is shorter now')
        this.put(chunk, 0, read)
        at += read
      }
    } finally {
      closeSync(from)
    }
  }

  take(octets: Buffer, start: Octets, end: Octets): void {
    if (this.file === undefined) this.same += end - start
    else this.put(octets, start, end)
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

  private put(octets: Buffer, start: Octets, end: Octets): void {
    if (this.held + end - start > CHUNK) this.flush()
    if (end - start > CHUNK) this.write(octets, start, end)
    else this.held += octets.copy(this.octets, this.held, start, end)
  }

  private flush(): void {
    this.write(this.octets, 0, this.held)
    this.held = 0
  }

  private write(octets: Buffer, start: Octets, end: Octets): void {
    for (let at = start; at < end;) at += writeSync(this.file!, octets, at, end - at)
    this.written += end - start
  }
}

function hasRoom(into: string, octets: Octets): boolean {
  const { bavail, bsize } = statfsSync(dirname(into))
  return bavail * bsize >= ROOMS * octets
}
