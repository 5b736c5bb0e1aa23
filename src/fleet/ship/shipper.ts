import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  centralPath,
  type CentralKind,
  type LinesKind
} from '../../lookups/central/central-layout.js'
import { digestFile } from '../../lookups/files/file-digest.js'
import {
  activeParquetOfDay,
  archivedDays,
  tallyFiles,
  type LogLayout
} from '../../lookups/files/log-layout.js'
import { readOrigin } from '../../lookups/archive/parquet-origin.js'
import type { Day } from '../../lookups/files/log-layout.js'
import { NO_DAY, readShipped, writeShipped, type Shipped } from '../../lookups/archive/shipped.js'
import { parseTallyStem, tallyStemOf } from '../../lookups/sql/tally.js'
import { nextLines } from './chain-lines.js'
import { inMemory, readFrom, type LogStore, type ShippedFile } from './log-store.js'
import { planDay, withConfirmed, type LocalFile } from './ship-plan.js'
import type { Waiting } from './ship-state.js'

export interface ShipperEvents {
  /** Whether the gateway ends: nothing more is sent. */
  readonly isClosed?: () => boolean
  /** Parquet files that wait have been found, or the centre has confirmed so many since the last call. */
  readonly progress?: (waiting: Waiting, confirmed: number) => void
}

interface Planned {
  readonly day: Day
  readonly generation: number
  readonly file: LocalFile
}

/** Sends the closed files of a query log to the centre: tallies first, then the chain and its receipts, then lookups. */
export class Shipper {
  private readonly digests = new Map<string, string>()
  private readonly origins = new Map<string, LocalFile['origin']>()

  constructor(
    private readonly layout: LogLayout,
    private readonly gateway: string,
    /** `fleet.logs.to` */
    private readonly to: string,
    private readonly store: LogStore,
    private readonly events: ShipperEvents = {}
  ) {}

  /**
   * Sends what the centre does not have.
   *
   * @returns Parquet files confirmed, and those that still wait
   * @throws InterdictError FLEET_LOGS, FLEET_LOGS_STATE; system errors
   */
  async pass(): Promise<{ readonly confirmed: number; readonly files: number }> {
    const { layout, events } = this
    const shipped = readShipped(layout, this.to)
    const planned = this.plan(shipped)
    // Before the first octet leaves: what may have arrived is never sent in another form beside it.
    if (planned.length > 0) writeShipped(layout, shipped)
    const waiting = new Set(planned)
    events.progress?.(this.waitingOf(waiting), 0)
    for (const one of planned) await this.sendTally(one, shipped)
    await this.sendLines('chains', shipped)
    await this.sendLines('receipts', shipped)
    for (const one of planned) {
      if (!(await this.sendLookups(one, shipped))) continue
      waiting.delete(one)
      events.progress?.(this.waitingOf(waiting), 1)
    }
    return { confirmed: planned.length - waiting.size, files: waiting.size }
  }

  private waitingOf(planned: ReadonlySet<Planned>): Waiting {
    let [octets, since]: [Octets, Milliseconds | null] = [0, null]
    for (const { file } of planned) {
      octets += sizeOf(file.path)
      for (const source of file.origin.sources) {
        const closed = Date.parse(this.layout.closedAt(source.file) ?? '')
        if (closed < (since ?? Infinity)) since = closed
      }
    }
    return { files: planned.size, octets, since }
  }

  private plan(shipped: Shipped): Planned[] {
    const days = archivedDays(this.layout)
    const planned = days.flatMap(day => {
      const { files, day: next } = planDay(this.localFiles(day), shipped.days[day] ?? NO_DAY)
      if (files.length > 0) shipped.days[day] = next
      return files.map((file): Planned => ({ day, generation: next.generation, file }))
    })
    for (const [day, { generation }] of Object.entries(shipped.days))
      if (!days.includes(day)) shipped.days[day] = { ...NO_DAY, generation }
    return planned
  }

  private localFiles(day: Day): LocalFile[] {
    return activeParquetOfDay(this.layout, day).flatMap((path): LocalFile[] => {
      const origin = this.origins.get(path) ?? readOrigin(path) ?? { sources: [], without: [] }
      this.origins.set(path, origin)
      return origin.sources.length === 0 ? [] : [{ path, origin }]
    })
  }

  private async sendTally(one: Planned, shipped: Shipped): Promise<void> {
    const { layout } = this
    const { day, file } = one
    const stem = ifThere(() => tallyStemOf(day, file.path))
    const tally = tallyFiles(layout, day).find(name => parseTallyStem(name) === stem)
    const path = await this.pathOf(one, 'tally')
    const known = shipped.days[day] ?? NO_DAY
    if (tally === undefined || path === undefined || known.tallies.includes(path)) return
    const octets = ifThere(() => readFileSync(join(layout.folder, tally)))
    if (octets === undefined) return
    const { sha256 } = await digestFile(join(layout.folder, tally))
    const read = (offset: Octets): AsyncIterable<Buffer> => inMemory(octets, offset)
    if (!(await this.put({ path, sha256, size: octets.length, read }))) return
    shipped.days[day] = { ...known, tallies: [...known.tallies, path] }
    writeShipped(layout, shipped)
  }

  private async sendLines(kind: LinesKind, shipped: Shipped): Promise<void> {
    const { layout, gateway } = this
    const key = kind === 'chains' ? 'chain' : 'receipts'
    for (;;) {
      const next = nextLines(layout, gateway, kind, shipped[key])
      if (next === undefined || !(await this.put(next.file))) return
      shipped[key] = { first: next.segment.first, lines: next.segment.to }
      writeShipped(layout, shipped)
    }
  }

  private async sendLookups(one: Planned, shipped: Shipped): Promise<boolean> {
    const { day, file } = one
    const path = await this.pathOf(one, 'parquet')
    // Merged or removed meanwhile: the next pass has what is there instead.
    if (path === undefined) return false
    const read = (offset: Octets): AsyncIterable<Buffer> => readFrom(file.path, offset)
    const content = { sha256: this.digests.get(file.path)!, size: sizeOf(file.path), read }
    if (!(await this.put({ path, ...content }))) return false
    shipped.days[day] = withConfirmed(shipped.days[day]!, file)
    writeShipped(this.layout, shipped)
    return true
  }

  private async put(file: ShippedFile): Promise<boolean> {
    return this.events.isClosed?.() !== true && (await this.store.put(file))
  }

  /** Path at the centre; undefined: the file has gone. */
  private async pathOf(one: Planned, kind: CentralKind): Promise<string | undefined> {
    const { path } = one.file
    const known = this.digests.get(path)
    try {
      const parquet = known ?? (await digestFile(path)).sha256
      this.digests.set(path, parquet)
      const { day, generation } = one
      return centralPath({ day, gateway: this.gateway, generation, parquet, kind })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
}

const sizeOf = (path: string): Octets => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Undefined: a file was removed meanwhile. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
