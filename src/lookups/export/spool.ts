import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import type { Octets } from '../../base/units.js'

/**
 * Maximum size of a segment. Segments are read, sent and deleted as a whole, which limits what is
 * sent twice after a failure.
 */
const MAX_SEGMENT: Octets = 256 * 1024
/** In the middle of the range, so that unsent data can be put before all segments. */
const FIRST_NUMBER = 5_000_000_000
const SEGMENT_NAME = /^\d{10}\.jsonl$/
/** Not world-readable, like the query log: it shows which client looked up what. */
const MODE = 0o640
export const SPOOL_MODE = 0o750

/**
 * A queue of lines on disk, stored in order as a folder of small segment files. Throws disk errors.
 */
export class Spool {
  size: Octets = 0
  private readonly segments: { readonly number: number; size: Octets }[] = []
  private isOldestInUse = false

  /** @param maxSize in octets; blocks beyond it are refused */
  constructor(
    private readonly folder: string,
    private readonly maxSize: Octets
  ) {}

  /** Loads the segments left by an earlier run. */
  load(): void {
    if (!existsSync(this.folder)) return
    for (const name of readdirSync(this.folder).sort()) {
      if (!SEGMENT_NAME.test(name)) continue
      const { size } = statSync(join(this.folder, name))
      this.segments.push({ number: Number.parseInt(name, 10), size })
      this.size += size
    }
  }

  get isEmpty(): boolean {
    return this.segments.length === 0
  }

  /** @returns false if the spool is full */
  append(block: Uint8Array): boolean {
    if (this.size + block.length > this.maxSize) return false
    const last = this.segments.at(-1)
    const isFull = last === undefined || last.size + block.length > MAX_SEGMENT
    const isTaken = this.segments.length === 1 && this.isOldestInUse
    const segment =
      isFull || isTaken ? { number: (last?.number ?? FIRST_NUMBER) + 1, size: 0 } : last
    mkdirSync(this.folder, { recursive: true, mode: SPOOL_MODE })
    const path = this.path(segment.number)
    try {
      appendFileSync(path, block, { mode: MODE })
    } catch (error) {
      // A part of it may be written, and must not join with the next line.
      if (existsSync(path)) truncateSync(path, segment.size)
      throw error
    }
    if (segment !== last) this.segments.push(segment)
    this.grow(segment, block.length)
    return true
  }

  /** Puts a block before all others, even above the size limit: it was accepted before. */
  prepend(block: Uint8Array): void {
    const number = (this.segments[0]?.number ?? FIRST_NUMBER) - 1
    mkdirSync(this.folder, { recursive: true, mode: SPOOL_MODE })
    writeFileSync(this.path(number), block, { mode: MODE })
    this.segments.unshift({ number, size: block.length })
    this.size += block.length
  }

  /** The oldest segment; it stays until `removeOldest`. */
  readOldest(): Buffer {
    this.isOldestInUse = true
    return readFileSync(this.path(this.segments[0]!.number))
  }

  removeOldest(): void {
    const segment = this.segments.shift()
    if (segment === undefined) return
    this.isOldestInUse = false
    this.size -= segment.size
    rmSync(this.path(segment.number), { force: true })
  }

  private grow(segment: { size: Octets }, octets: Octets): void {
    segment.size += octets
    this.size += octets
  }

  private path(number: number): string {
    return join(this.folder, `${String(number).padStart(10, '0')}.jsonl`)
  }
}
