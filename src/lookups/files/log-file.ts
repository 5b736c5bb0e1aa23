import { renameSync } from 'node:fs'
import type { Clock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import { closedFilePath, utcDay, inspectFile } from './closed-files.js'
import { openDestination, type Destination, type OpenDestination } from './destination.js'

/** Delay between attempts to open, write or rename the file. */
const RETRY: Milliseconds = MS_PER_SECOND
/** How often the open file is compared with the one at the path. */
const PLACE_CHECK: Milliseconds = MS_PER_SECOND
/** logrotate renames the file some time before it asks to open it again. */
const MOVE_PATIENCE: Milliseconds = 5_000
/** After this time the file is opened at its path, if nobody has asked for it. */
const MAX_MOVED: Milliseconds = 60_000
const NEWLINE = Uint8Array.of(0x0a)

export interface Rotation {
  /** Maximum size of a file. */
  readonly octets: Octets
  /** Whether a new file starts each UTC day. */
  readonly daily: boolean
}

/** Goes on when another file takes the place of one. */
export interface FileCounts {
  written: number
  lost: number
  errors: number
  rotations: number
}

/** Receives every error, for the service log. */
export type ReportError = (error: InterdictError) => unknown

/**
 * The live query log file. On rotation, the file is renamed after the current time,
 * `queries-20230313T000000.000Z.jsonl`, so that names sort by time. Disk errors never throw: they
 * are counted and reported, and the file is retried every second.
 */
export class LogFile {
  readonly counts: FileCounts
  private readonly path: string
  /** May be replaced. */
  rotation: Rotation
  private readonly clock: Clock
  private readonly report: ReportError
  private readonly open: OpenDestination
  private destination: Destination | undefined
  /** Passed to the destination but not yet written to the file. */
  private pending = { octets: 0, lines: 0 }
  /** Lines counted as written since the file was last seen not to be deleted. */
  private unverifiedLines = 0
  private droppedWrites = 0
  private size: Octets = 0
  private day = 0
  private isRegular = false
  private retryAt: Milliseconds = -Infinity
  private placeCheckAt: Milliseconds = -Infinity
  /** When the open file was first seen not to be the one at the path; undefined: it is. */
  private movedSince: Milliseconds | undefined
  private lastError: unknown

  constructor(
    path: string,
    rotation: Rotation,
    clock: Clock,
    report: ReportError,
    open: OpenDestination = openDestination,
    counts: FileCounts = { written: 0, lost: 0, errors: 0, rotations: 0 }
  ) {
    this.counts = counts
    this.path = path
    this.rotation = rotation
    this.clock = clock
    this.report = report
    this.open = open
  }

  /** Whether everything so far has reached the file, or was lost earlier: nothing fails now. */
  get isWritable(): boolean {
    return this.destination !== undefined && this.pending.octets === 0
  }

  /** Whether the open file has not been the one at its path for some time: somebody moved it, or its folder. */
  get isMisplaced(): boolean {
    const { movedSince } = this
    return movedSince !== undefined && this.clock.now() - movedSince >= MOVE_PATIENCE
  }

  /**
   * Appends complete lines.
   *
   * @returns true if `block` can be reused; false: it is still queued for writing
   */
  write(block: Uint8Array, lines: number): boolean {
    this.recreateIfDeleted()
    if (this.needsRotation(block.length)) this.rotate()
    if (this.destination === undefined && !this.retryOpen()) {
      this.counts.lost += lines
      return true
    }
    // If data is already queued, this block will likely be queued as well. Queue a copy of the
    // exact size: a block's memory is many times that of a few lines.
    const waits = this.pending.octets > 0
    this.append(waits ? Buffer.from(block) : block, lines)
    return waits || this.pending.octets === 0
  }

  /**
   * Called at the start, periodically and after each round of writes: opens the file, rotates it,
   * creates it again if it was deleted, retries after errors.
   */
  maintain(): void {
    this.recreateIfDeleted()
    this.checkPlace()
    if (this.needsRotation(0)) this.rotate()
    if (this.destination === undefined || this.pending.octets > 0) this.retryOpen()
  }

  /** Rotates the file now, unless it is empty. */
  rotateNow(): void {
    if (this.size > 0) this.rotate()
  }

  /** Reopens the path after someone else renamed the file (logrotate). */
  reopen(): void {
    if (this.destination === undefined) this.openFile()
    else this.reopenDestination()
  }

  /** Forces written data to the disk, not just to the kernel, and closes the file. */
  async close(): Promise<void> {
    if (this.destination !== undefined && this.pending.octets > 0) this.reopenDestination()
    const destination = this.destination
    if (destination === undefined) return
    // With queued data, flushSync would retry forever on a full disk.
    if (this.pending.octets === 0) destination.flushSync()
    await new Promise<void>(resolve => {
      destination.on('close', resolve)
      destination.on('error', () => resolve())
      this.abandon()
    })
  }

  private append(block: Uint8Array, lines: number): void {
    const { counts } = this
    this.pending.octets += block.length
    this.pending.lines += lines
    const before = this.droppedWrites
    this.destination?.write(block)
    if (this.droppedWrites > before) {
      this.pending.octets -= block.length
      this.pending.lines -= lines
      counts.lost += lines
    }
    this.countWritten()
  }

  private countWritten(): void {
    if (this.pending.octets > 0) return
    this.counts.written += this.pending.lines
    this.unverifiedLines += this.pending.lines
    this.pending.lines = 0
  }

  /** At most once per `RETRY` after a failure. */
  private retryOpen(): boolean {
    if (this.clock.now() < this.retryAt) return false
    this.reopen()
    return this.destination !== undefined
  }

  private openFile(): void {
    try {
      const destination = this.open(this.path)
      destination.on('error', error => this.onFailure('LOG_WRITE', error))
      destination.on('drop', () => this.droppedWrites++)
      destination.on('write', octets => {
        this.pending.octets -= octets
        this.size += octets
      })
      this.destination = destination
      this.inspect()
    } catch (error) {
      this.onFailure('LOG_OPEN', error)
    }
  }

  private reopenDestination(): void {
    try {
      this.destination?.reopen()
      this.countWritten()
      this.inspect()
    } catch (error) {
      this.onFailure('LOG_OPEN', error)
      // After a failed reopen, the destination would later close its old descriptor a second time.
      this.abandon()
    }
  }

  /**
   * Somebody deleted the file, or its folder: opens a new one. Checked before and after writing, so
   * that only lines written in the instant of the deletion are lost, and counted.
   */
  private recreateIfDeleted(): void {
    const { counts, destination, unverifiedLines } = this
    this.unverifiedLines = 0
    if (!this.isRegular || destination?.isDeleted() !== true) return
    counts.written -= unverifiedLines
    counts.lost += unverifiedLines
    counts.errors++
    this.report(failure('LOG_DELETED', this.path))
    this.reopenDestination()
  }

  /** Opens the path again a minute after somebody moved the file or its folder. */
  private checkPlace(): void {
    const now = this.clock.now()
    const { destination } = this
    if (!this.isRegular || destination === undefined || now < this.placeCheckAt) return
    this.placeCheckAt = now + PLACE_CHECK
    if (destination.isInPlace()) this.movedSince = undefined
    else this.movedSince ??= now
    if (this.movedSince === undefined || now - this.movedSince < MAX_MOVED) return
    this.counts.errors++
    this.report(failure('LOG_MOVED', this.path))
    this.reopenDestination()
  }

  /** Discards the destination and its queued lines. */
  private abandon(): void {
    this.counts.lost += this.pending.lines
    this.pending = { octets: 0, lines: 0 }
    this.destination?.destroy()
    this.destination = undefined
  }

  /** Reads size and day of the file just opened: it may have lines of an earlier run. */
  private inspect(): void {
    this.movedSince = undefined
    const { size, lastWriteDay: day, isRegular: regular, isTorn: torn } = inspectFile(this.path)
    this.isRegular = regular
    this.size = regular ? size : 0
    this.day = size > 0 ? day : this.today()
    if (torn && this.pending.octets === 0) this.append(NEWLINE, 0)
  }

  private needsRotation(more: Octets): boolean {
    if (this.size === 0) return false
    const { octets, daily } = this.rotation
    return this.size + more > octets || (daily && this.today() !== this.day)
  }

  private rotate(): void {
    // A pipe or terminal cannot be renamed, and a partial line must stay in the same file as its
    // rest.
    if (!this.isRegular || this.pending.octets > 0 || this.clock.now() < this.retryAt) return
    try {
      renameSync(this.path, closedFilePath(this.path, this.clock.wall()))
      this.counts.rotations++
    } catch (error) {
      this.onFailure('LOG_ROTATE', error)
      return
    }
    this.reopen()
  }

  private onFailure(code: 'LOG_OPEN' | 'LOG_WRITE' | 'LOG_ROTATE', error: unknown): void {
    // pino's destination reports its first error twice, and a failed reopen in two ways.
    if (error === this.lastError) return
    this.lastError = error
    this.retryAt = this.clock.now() + RETRY
    this.counts.errors++
    this.report(failure(code, this.path, reasonOf(error)))
  }

  private today(): number {
    return utcDay(this.clock.wall())
  }
}
