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

/** One is read, sent and taken away as a whole: what is sent twice after a failure is no more. */
const MAX_SEGMENT: Octets = 256 * 1024
/** In the middle, so that what comes back from a sink can stand before the others. */
const FIRST_NUMBER = 5_000_000_000
const SEGMENT_NAME = /^\d{10}\.jsonl$/
/** It says who asked for what, as the query log does. */
const MODE = 0o640
export const SPOOL_MODE = 0o750

/** Lines that wait on the disk, in order, in a folder of small files. Throws what the disk says. */
export class Spool {
  size: Octets = 0
  private readonly segments: { readonly number: number; size: Octets }[] = []
  private isOldestInUse = false

  /** @param maxSize octets in all; what comes then is refused */
  constructor(
    private readonly folder: string,
    private readonly maxSize: Octets
  ) {}

  /** What an earlier run left. */
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

  /** @returns whether there was room */
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
      // A part of it may be there, and must not become one line with what comes next.
      if (existsSync(path)) truncateSync(path, segment.size)
      throw error
    }
    if (segment !== last) this.segments.push(segment)
    this.grow(segment, block.length)
    return true
  }

  /** Before all others, whatever room there is: it was taken already. */
  prepend(block: Uint8Array): void {
    const number = (this.segments[0]?.number ?? FIRST_NUMBER) - 1
    mkdirSync(this.folder, { recursive: true, mode: SPOOL_MODE })
    writeFileSync(this.path(number), block, { mode: MODE })
    this.segments.unshift({ number, size: block.length })
    this.size += block.length
  }

  /** The oldest lines; there until `drop`. */
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
