import { renameSync } from 'node:fs'
import type { Clock } from '../../base/clock.js'
import { failure, type InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import { closedFilePath, utcDay, inspectFile } from './closed-files.js'
import { openDestination, type Destination, type OpenDestination } from './destination.js'

/** Between two attempts on a file that could not be opened, written or renamed. */
const RETRY: Milliseconds = MS_PER_SECOND
const NEWLINE = Uint8Array.of(0x0a)

export interface Rotation {
  /** A file does not grow beyond this. */
  readonly octets: Octets
  /** Whether each UTC day has its own files. */
  readonly daily: boolean
}

/** What went wrong, for the service log; called as often as it goes wrong. */
export type ReportError = (error: InterdictError) => unknown

/**
 * The file that the query log is appended to. Closed files are renamed by the instant of rotation,
 * `queries-20230313T000000.000Z.jsonl`, so that names sort by time. Disk errors never throw:
 * they are counted and reported, and the file is tried again every second.
 */
export class LogFile {
  readonly counts = { written: 0, lost: 0, errors: 0, rotations: 0 }
  private readonly path: string
  private readonly rotation: Rotation
  private readonly clock: Clock
  private readonly report: ReportError
  private readonly open: OpenDestination
  private destination: Destination | undefined
  /** Handed to the destination but not yet in the file. */
  private pending = { octets: 0, lines: 0 }
  private droppedWrites = 0
  private size: Octets = 0
  private day = 0
  private isRegular = false
  private retryAt: Milliseconds = -Infinity
  private lastError: unknown

  constructor(
    path: string,
    rotation: Rotation,
    clock: Clock,
    report: ReportError,
    open: OpenDestination = openDestination
  ) {
    this.path = path
    this.rotation = rotation
    this.clock = clock
    this.report = report
    this.open = open
  }

  /**
   * Appends whole lines.
   *
   * @returns whether `block` is free again; `false`: it waits for the disk
   */
  write(block: Uint8Array, lines: number): boolean {
    if (this.needsRotation(block.length)) this.rotate()
    if (this.destination === undefined && !this.retryOpen()) {
      this.counts.lost += lines
      return true
    }
    // Behind a block that waits, this one is likely to wait too: as a copy of just its octets, for
    // a block's memory is many times a few lines.
    const waits = this.pending.octets > 0
    this.append(waits ? Buffer.from(block) : block, lines)
    return waits || this.pending.octets === 0
  }

  /** At first and now and then: opens the file, changes it with the day, tries again. */
  maintain(): void {
    if (this.needsRotation(0)) this.rotate()
    if (this.destination === undefined || this.pending.octets > 0) this.retryOpen()
  }

  /** After somebody else renamed the file (logrotate): goes on in a new one of the old name. */
  reopen(): void {
    if (this.destination === undefined) this.openFile()
    else this.reopenDestination()
  }

  /** What can be written is on the disk, not just with the kernel, and the file is closed. */
  async close(): Promise<void> {
    if (this.destination !== undefined && this.pending.octets > 0) this.reopenDestination()
    const destination = this.destination
    if (destination === undefined) return
    // With octets waiting, flushSync would try for ever on a full disk.
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
    this.pending.lines = 0
  }

  /** Not sooner than `RETRY` after the last failure. */
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
      // A destination whose reopening failed would later close its old descriptor twice.
      this.abandon()
    }
  }

  /** Gives the destination up, with the lines that wait in it. */
  private abandon(): void {
    this.counts.lost += this.pending.lines
    this.pending = { octets: 0, lines: 0 }
    this.destination?.destroy()
    this.destination = undefined
  }

  /** Size and day of the file just opened, which may have lines of an earlier run. */
  private inspect(): void {
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
    // A pipe or terminal has no name to change; half a line must stay with its other half.
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
    // pino's destination tells its first error twice, and a failed reopening in two ways.
    if (error === this.lastError) return
    this.lastError = error
    this.retryAt = this.clock.now() + RETRY
    this.counts.errors++
    this.report(failure(code, this.path, error instanceof Error ? error.message : String(error)))
  }

  private today(): number {
    return utcDay(this.clock.wall())
  }
}
