import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, renameSync, statSync, writeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Milliseconds, Octets } from '../../src/base/units.js'
import { matchedRule } from '../../src/policy/evaluate/matched-rule.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { maintainArchive } from '../../src/lookups/archive/maintain.js'
import { endOf, periodOf, startOf } from '../../src/lookups/privacy/key-period.js'
import { FULL_ADDRESSES } from '../../src/lookups/privacy/privacy-mode.js'
import { closedFilePath } from '../../src/lookups/files/closed-files.js'
import { Formatter } from '../../src/lookups/record/formatter.js'
import type { ServiceLog } from '../../src/base/log/service-log.js'
import { DAY, startOfDay, type Traffic } from './traffic.js'

/** `log.queries.rotate.size`, as it is where nobody says another one. */
export const ROTATE: Octets = 256 * 2 ** 20
/** `log.queries.flush`, likewise: so often the recorder takes what each worker has for it. */
const FLUSH: Milliseconds = 200
const MINUTE: Milliseconds = 60_000

/** What became of the lookups that were made up. */
export interface Month {
  readonly records: number
  /** In the file being written, which is no Parquet yet. */
  readonly live: number
  readonly lines: Octets
  /** With tallies. */
  readonly parquet: Octets
  readonly tallies: Octets
  readonly parquetRecords: number
  /** To write the lines; to make Parquet of them. */
  readonly writing: Milliseconds
  readonly archiving: Milliseconds
}

/** How a log is written. */
export interface PenOptions {
  /** Octets after which a file is closed and another one begun. */
  readonly rotate?: Octets
  /** Of several, each has its clients, and lines come worker by worker, many times a second. */
  readonly workers?: number
}

/** Writes lookups to a query log as the recorder does: same lines, clients as pseudonyms, rotated. */
export class Pen {
  readonly path: string
  octets: Octets = 0
  #records = 0
  #size: Octets = 0
  #file: number
  #wall: Milliseconds = 0
  readonly #rotate: Octets
  /** One for each worker. */
  readonly #formatters: readonly Formatter[]
  #flushAt: Milliseconds = 0

  private constructor(policy: Policy, path: string, { rotate, workers }: PenOptions) {
    this.path = path
    this.#rotate = rotate ?? Infinity
    this.#file = openSync(path, 'w')
    const keyAt = (wall: Milliseconds) => {
      const period = periodOf(wall, 'daily')
      const secret = createHash('sha256').update(period).digest()
      return { secret, start: startOf(period), end: endOf(period) }
    }
    const privacy = { ...FULL_ADDRESSES, default: 'pseudonym' } as const
    this.#formatters = Array.from({ length: workers ?? 1 }, () => {
      const put = (block: Uint8Array): boolean => this.#put(block)
      return new Formatter([], matchedRule, put, privacy, { keyAt })
    })
    for (const formatter of this.#formatters) formatter.addSnapshot(policy.snapshot)
  }

  static async open(policy: Policy, folder: string, options: PenOptions = {}): Promise<Pen> {
    await mkdir(folder, { recursive: true })
    return new Pen(policy, join(folder, 'queries.jsonl'), options)
  }

  write(traffic: Traffic, from: Milliseconds, to: Milliseconds, rate: number): number {
    this.#wall = from
    const written = traffic.between(from, to, rate, event => {
      const workers = this.#formatters.length
      if (workers > 1 && event.time >= this.#flushAt) {
        this.#flush()
        this.#flushAt = event.time + FLUSH
      }
      this.#wall = event.time
      this.#formatters[event.client[3]! % workers]!.append(event)
      this.#records++
    })
    this.#flush()
    return written
  }

  #flush(): void {
    for (const formatter of this.#formatters) formatter.flush()
  }

  /** The file being written is closed now. */
  turn(): void {
    closeSync(this.#file)
    if (this.#size > 0) renameSync(this.path, closedFilePath(this.path, this.#wall))
    this.#file = openSync(this.path, 'w')
    this.#size = 0
    this.#records = 0
  }

  /** @returns records in the file being written */
  close(): number {
    closeSync(this.#file)
    return this.#records
  }

  #put(block: Uint8Array): boolean {
    if (this.#size + block.length > this.#rotate) this.turn()
    for (let at = 0; at < block.length;) at += writeSync(this.#file, block, at)
    this.#size += block.length
    this.octets += block.length
    return true
  }
}

/**
 * Thirty days of lookups until now: each day is written as lines, and then made Parquet and its lines
 * removed, as the gateway does it, so that no more than a day's lines are there at once.
 */
export async function writeMonth(
  traffic: Traffic,
  policy: Policy,
  folder: string,
  wanted: number,
  say: (text: string) => void
): Promise<Month> {
  const until = Math.floor(Date.now() / MINUTE) * MINUTE
  const since = until - 30 * DAY
  const rate = wanted / traffic.weight(since, until)
  const pen = await Pen.open(policy, folder, { rotate: ROTATE })
  const times = { writing: 0, archiving: 0 }
  let records = 0
  for (let day = startOfDay(since); day < until; day += DAY) {
    const began = performance.now()
    const end = Math.min(day + DAY, until)
    records += pen.write(traffic, Math.max(day, since), end, rate)
    if (end < until) pen.turn()
    const written = performance.now()
    await archive(pen.path, end)
    times.writing += written - began
    times.archiving += performance.now() - written
    say(`${new Date(day).toISOString().slice(0, 10)}: ${records} lookups`)
  }
  const live = pen.close()
  const sizes = { lines: pen.octets, ...sizesIn(folder) }
  return { records, live, ...sizes, parquetRecords: records - live, ...times }
}

/** Of the archive of a log, tallies included, and of these alone. */
export function sizesIn(folder: string): Pick<Month, 'parquet' | 'tallies'> {
  const archive = join(folder, 'archive')
  return { parquet: sizeOf(archive), tallies: sizeOf(join(archive, 'tallies')) }
}

/** Once, as the gateway's own process does it. */
export async function archive(path: string, wall: Milliseconds): Promise<void> {
  const refuse: ServiceLog['warn'] = (_fields, message) => {
    throw new Error(message)
  }
  const log = { info: () => undefined, warn: refuse, error: refuse }
  const threads = availableParallelism()
  await maintainArchive(
    { path, threads, parquet: true, chain: undefined, keep: undefined },
    wall,
    log
  )
}

/** Octets of all files in a folder. */
export function sizeOf(folder: string): Octets {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
