import { appendFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { utcDay } from '../files/closed-files.js'
import { closedSidePath, sideFile } from '../files/side-files.js'
import { ALIVE_INTERVAL, encodeFindingLine, type FindingLine } from './egress-finding.js'

const MAX_FILE: Octets = 64 * 2 ** 20
/** Between two attempts to write. */
const RETRY: Milliseconds = 10_000
/** Lines that wait while the disk accepts none. */
const MAX_WAITING = 10_000

/** Writes findings of egress beside the query log, and closes the file each day. */
export class FindingLog {
  private lines: string[] = []
  private lost = 0
  private day = 0
  private octets: Octets = 0
  private retryAt: Milliseconds = -Infinity
  /** When it was last written that connections are observed; undefined: they are not. */
  private aliveAt: Milliseconds | undefined

  constructor(
    private readonly folder: string,
    private readonly log: ServiceLog
  ) {}

  get isWritable(): boolean {
    return this.retryAt === -Infinity
  }

  /** Looks at the file of an earlier run. */
  open(now: Milliseconds): void {
    const stat = statSync(this.path, { throwIfNoEntry: false })
    this.octets = stat?.size ?? 0
    // A file of an earlier run may be of another day.
    this.day = utcDay(stat === undefined || this.octets === 0 ? now : stat.mtimeMs)
  }

  /** Connections are observed from now on, or no longer. */
  setObserved(isObserved: boolean, now: Milliseconds): void {
    if (isObserved === (this.aliveAt !== undefined)) return
    this.aliveAt = isObserved ? now : undefined
    this.push({ event: isObserved ? 'start' : 'stop', time: now })
  }

  push(line: FindingLine): void {
    if (this.lines.length < MAX_WAITING) this.lines.push(encodeFindingLine(line))
    else this.lost++
  }

  /** Writes what waits. Call it several times a second. */
  flush(now: Milliseconds): void {
    if (this.aliveAt !== undefined && now - this.aliveAt >= ALIVE_INTERVAL) {
      this.aliveAt = now
      this.push({ event: 'alive', time: now })
    }
    if (this.lines.length === 0 || now < this.retryAt) return
    if (this.lost > 0)
      this.lines.push(encodeFindingLine({ event: 'lost', time: now, count: this.lost }))
    try {
      this.rotate(now)
      const text = Buffer.from(`${this.lines.join('\n')}\n`)
      appendFileSync(this.path, text, { mode: 0o640 })
      this.octets += text.length
      Object.assign(this, { lines: [], lost: 0, retryAt: -Infinity })
    } catch (error) {
      if (this.lost > 0) this.lines.pop()
      this.fail(error, now)
    }
  }

  close(now: Milliseconds): void {
    this.setObserved(false, now)
    this.retryAt = -Infinity
    this.flush(now)
  }

  private rotate(now: Milliseconds): void {
    const isDue = this.octets > 0 && (utcDay(now) !== this.day || this.octets > MAX_FILE)
    if (isDue) {
      renameSync(this.path, closedSidePath(this.folder, 'egress', now))
      this.octets = 0
    }
    if (this.octets === 0) this.day = utcDay(now)
  }

  private fail(error: unknown, now: Milliseconds): void {
    if (this.isWritable) {
      const { code, message } = failure('EGRESS_FINDINGS', this.path, reasonOf(error))
      this.log.error({ code }, message)
    }
    this.retryAt = now + RETRY
  }

  private get path(): string {
    return join(this.folder, sideFile('egress'))
  }
}
