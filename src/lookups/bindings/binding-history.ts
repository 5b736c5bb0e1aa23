import { appendFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Binding } from '../../policy/bindings/binding.js'
import type { BindingListener } from '../../policy/bindings/binding-store.js'
import { utcDay } from '../files/closed-files.js'
import { closedSidePath, sideFile } from '../files/side-files.js'
import { encodeHistoryLine, type HistoryLine } from './history-line.js'

/** At least one line in this time, by which a reader knows that nothing happened. */
const ALIVE: Milliseconds = 10_000
const MAX_FILE: Octets = 64 * 2 ** 20
/** Between two attempts to write. */
const RETRY: Milliseconds = 10_000

export interface HistoryOptions {
  /** The folder of the query log. */
  readonly folder: string
  /** Whether bindings of an address are kept: the privacy mode of its network is `full`. */
  readonly keeps: (address: string) => boolean
  /** What is in force, for the start of a file. */
  readonly current: () => Iterable<Binding>
  /** Names of the feeds that work. */
  readonly up: () => readonly string[]
  readonly log: ServiceLog
}

/** Writes the history of bindings, in lines beside the query log. */
export class BindingHistory implements BindingListener {
  private lines: string[] = []
  private lastLine: Milliseconds = -Infinity
  private day = 0
  private octets: Octets = 0
  private retryAt: Milliseconds = -Infinity
  /** Lines were lost: the history has a gap, which its next line says. */
  private hasGap = false

  constructor(private readonly options: HistoryOptions) {}

  /** @returns whether everything so far is written */
  get isComplete(): boolean {
    return !this.hasGap
  }

  start(now: Milliseconds): void {
    this.inspect(now)
    this.push({ kind: 'start', time: now })
  }

  begin(binding: Binding, now: Milliseconds): void {
    if (this.options.keeps(binding.address)) this.push({ kind: 'begin', time: now, binding })
  }

  end({ address, source }: Binding, at: Milliseconds, now: Milliseconds): void {
    if (this.options.keeps(address)) this.push({ kind: 'end', time: now, address, source, at })
  }

  feed(source: string, isUp: boolean, now: Milliseconds): void {
    this.push({ kind: isUp ? 'up' : 'down', time: now, source })
  }

  stop(now: Milliseconds): void {
    this.push({ kind: 'stop', time: now })
    this.flush(now)
  }

  /** Writes what has happened. Call it several times a second. */
  flush(now: Milliseconds): void {
    if (this.hasGap) return this.retry(now)
    if (this.lines.length === 0 && now - this.lastLine >= ALIVE)
      this.push({ kind: 'alive', time: now })
    if (this.lines.length === 0) return
    if (this.octets > 0 && (utcDay(now) !== this.day || this.octets > MAX_FILE)) this.rotate(now)
    this.write(now)
  }

  private push(line: HistoryLine): void {
    this.lastLine = line.time
    if (!this.hasGap) this.lines.push(encodeHistoryLine(line))
  }

  /** After a failure the history starts over, with all that is in force: what was lost is not known. */
  private retry(now: Milliseconds): void {
    if (now < this.retryAt) return
    this.hasGap = false
    this.lines = []
    this.push({ kind: 'start', time: now })
    this.pushCurrent(now)
    this.write(now)
  }

  private rotate(now: Milliseconds): void {
    const { folder } = this.options
    try {
      renameSync(join(folder, sideFile('bindings')), closedSidePath(folder, 'bindings', now))
    } catch (error) {
      return this.fail(error, now)
    }
    const { lines } = this
    this.lines = []
    this.octets = 0
    this.day = utcDay(now)
    this.push({ kind: 'open', time: now })
    this.pushCurrent(now)
    this.lines.push(...lines)
  }

  private pushCurrent(now: Milliseconds): void {
    for (const source of this.options.up()) this.feed(source, true, now)
    for (const binding of this.options.current()) this.begin(binding, now)
  }

  private write(now: Milliseconds): void {
    if (this.hasGap || this.lines.length === 0) return
    const text = Buffer.from(`${this.lines.join('\n')}\n`)
    this.lines = []
    try {
      appendFileSync(join(this.options.folder, sideFile('bindings')), text, { mode: 0o640 })
      this.octets += text.length
    } catch (error) {
      this.fail(error, now)
    }
  }

  private fail(error: unknown, now: Milliseconds): void {
    const path = join(this.options.folder, sideFile('bindings'))
    const { code, message } = failure('BINDINGS_HISTORY', path, reasonOf(error))
    this.options.log.error({ code }, message)
    this.hasGap = true
    this.lines = []
    this.retryAt = now + RETRY
  }

  /** A file of an earlier run, which may be of another day. */
  private inspect(now: Milliseconds): void {
    const stat = statSync(join(this.options.folder, sideFile('bindings')), {
      throwIfNoEntry: false
    })
    this.octets = stat?.size ?? 0
    this.day = utcDay(stat === undefined || this.octets === 0 ? now : stat.mtimeMs)
  }
}
