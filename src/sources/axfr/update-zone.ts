import { failure, InterdictError } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Soa } from '../../dns/message/zone-message.js'
import { isNewer } from '../../dns/registry/serial.js'
import type { TransferList } from '../../rules/lists/transfer-list.js'
import { querySoa, transferZone, type ZoneQueryOptions } from './zone-query.js'
import type { ZoneDelta } from './zone-delta.js'
import { storeChanges, storeWhole, type StoredVersion } from './store-zone.js'
import type { PrimaryFailure, Primary } from './primary.js'
import type { ZoneCopies } from './zone-copies.js'
import { TransferError } from './transfer-reader.js'
import { emptyRecord, type ZoneRecord } from './zone-record.js'

/** What is to be done for a zone. Plain data: it is sent to other threads. */
export interface ZoneJob {
  readonly list: TransferList
  /** In the order in which they are asked. */
  readonly primaries: readonly Primary[]
  /** The first of them has just said that it has something newer. RFC 1996 §3.11. */
  readonly isNotified: boolean
}

export interface UpdateZoneOptions {
  readonly copies: ZoneCopies
  /** For one transfer. */
  readonly maxTime: Milliseconds
  /** Most octets of one transfer, as it comes. */
  readonly maxSize: Octets
  /** By the calendar. */
  readonly now: () => Milliseconds
}

interface UpdateBase {
  readonly id: string
  /** Primaries that could not be used. */
  readonly bad: readonly PrimaryFailure[]
}

/** What came of asking the primaries of a zone. */
export type ZoneUpdate =
  | (UpdateBase & {
      readonly kind: 'taken'
      readonly serial: number
      readonly primary: string
      readonly from: 'axfr' | 'ixfr'
      /** Records that came and went; of a whole zone, all of it. */
      readonly changes: number
      readonly entries: number
      /** Only of few changes, and where the lines of before are where they were. */
      readonly delta: ZoneDelta | undefined
    })
  | (UpdateBase & { readonly kind: 'unchanged'; readonly serial: number })
  | (UpdateBase & { readonly kind: 'failed'; readonly trouble: Omit<PrimaryFailure, 'primary'> })

/**
 * Asks the primaries of a zone whether there is a newer version, and keeps it if it is good: whole,
 * signed as it has to be, and a response policy zone. Whatever goes wrong, the copy of before stays.
 * Never throws.
 */
export async function updateZone(job: ZoneJob, parts: UpdateZoneOptions): Promise<ZoneUpdate> {
  return new ZoneUpdater(job, parts).run()
}

/** A primary, and the serial that it has; undefined: not asked. */
interface Candidate {
  readonly primary: Primary
  readonly soa: Soa | undefined
}

class ZoneUpdater {
  private readonly failures: PrimaryFailure[] = []
  /** Why the last primary could not be used. */
  private lastError: Error | undefined
  private record: ZoneRecord

  constructor(
    private readonly job: ZoneJob,
    private readonly parts: UpdateZoneOptions
  ) {
    this.record = emptyRecord(job.list.zone)
  }

  async run(): Promise<ZoneUpdate> {
    const { list } = this.job
    const { copies, now } = this.parts
    const before = await copies.record(list.id, list.zone)
    const tried = new Date(now()).toISOString()
    this.record = { ...before, tried, refreshed: tried, failures: 0, trouble: undefined }
    try {
      return (await this.tryNotified()) ?? (await this.tryAll())
    } catch (error) {
      const trouble = errorInfo(error)
      const failures = before.failures + 1
      const record = { ...this.record, refreshed: before.refreshed, failures, trouble }
      try {
        copies.saveRecord(list.id, record)
      } catch {
        // Where nothing can be written, there is nobody who could remember it.
      }
      return { kind: 'failed', id: list.id, bad: this.failures, trouble }
    }
  }

  /** Who has said that there is something newer is not asked whether there is. */
  private async tryNotified(): Promise<ZoneUpdate | undefined> {
    const primary = this.job.isNotified ? this.job.primaries[0] : undefined
    if (primary === undefined || this.record.copy === undefined) return undefined
    try {
      return await this.transfer(primary)
    } catch (error) {
      this.recordFailure(primary, error)
      return undefined
    }
  }

  private async tryAll(): Promise<ZoneUpdate> {
    const { list } = this.job
    const candidates = await this.rankPrimaries()
    const have = this.record.copy?.serial
    const newer = candidates.filter(
      ({ soa }) => have === undefined || (soa !== undefined && isNewer(soa.serial, have))
    )
    if (candidates.length > 0 && newer.length === 0) return this.unchanged()
    for (const { primary } of newer) {
      try {
        return await this.transfer(primary)
      } catch (error) {
        this.recordFailure(primary, error)
      }
    }
    throw this.lastError ?? failure('TRANSFER_NO_PRIMARY', list.id, list.zone)
  }

  /** The primaries that answer, those with the highest serial first. RFC 1982 for what is higher. */
  private async rankPrimaries(): Promise<readonly Candidate[]> {
    const answered = await Promise.all(
      this.job.primaries.map(async primary => {
        try {
          return [{ primary, soa: await querySoa(this.queryOptions(primary)) }]
        } catch (error) {
          this.recordFailure(primary, error)
          return []
        }
      })
    )
    return answered
      .flat()
      .sort(
        (a, b) =>
          Number(isNewer(b.soa.serial, a.soa.serial)) - Number(isNewer(a.soa.serial, b.soa.serial))
      )
  }

  private async transfer(primary: Primary): Promise<ZoneUpdate> {
    const { list } = this.job
    const { copies } = this.parts
    const kept = this.record.copy && (await copies.read(list.id, list.name))
    if (kept === undefined) return this.transferWhole(primary)
    try {
      const got = await transferZone(this.queryOptions(primary), kept.serial, list.maxSize)
      if (got.kind === 'same') return this.unchanged()
      const keeping = this.storeContext(primary)
      if (got.kind === 'whole') return this.updated(primary, 'axfr', await storeWhole(keeping, got))
      return this.updated(primary, 'ixfr', await storeChanges(keeping, got, kept))
    } catch (error) {
      if (!allowsAxfrFallback(error)) throw error
      return this.transferWhole(primary)
    }
  }

  private async transferWhole(primary: Primary): Promise<ZoneUpdate> {
    const { maxSize } = this.job.list
    const got = await transferZone(this.queryOptions(primary), undefined, maxSize)
    if (got.kind !== 'whole') throw new Error('a whole zone was asked for')
    return this.updated(primary, 'axfr', await storeWhole(this.storeContext(primary), got))
  }

  private updated(
    primary: Primary,
    from: 'axfr' | 'ixfr',
    { state, changes, delta }: StoredVersion
  ): ZoneUpdate {
    const { serial, entries } = state
    const told = { id: this.job.list.id, bad: this.failures, primary: primary.id }
    return { kind: 'taken', ...told, serial, from, changes, entries, delta }
  }

  private unchanged(): ZoneUpdate {
    const { id } = this.job.list
    this.parts.copies.saveRecord(id, this.record)
    return { kind: 'unchanged', id, bad: this.failures, serial: this.record.copy!.serial }
  }

  private storeContext(primary: Primary) {
    const { copies } = this.parts
    return { list: this.job.list, copies, primary: primary.id, record: this.record }
  }

  private queryOptions(primary: Primary): ZoneQueryOptions {
    const { zone, name } = this.job.list
    const { maxTime: time, maxSize: most, now } = this.parts
    return { zone, name, primary, timeout: time, maxSize: most, now }
  }

  private recordFailure(primary: Primary, error: unknown): void {
    this.lastError = error instanceof Error ? error : new Error(String(error))
    this.failures.push({ primary: primary.id, ...errorInfo(error) })
  }
}

/** These are the same whatever is asked for. */
const NO_FALLBACK = ['TRANSFER_CONNECT', 'TRANSFER_TSIG', 'TRANSFER_STATE']

/** Whether the whole zone may be had where its changes may not. RFC 1995 §4. */
function allowsAxfrFallback(error: unknown): boolean {
  if (error instanceof TransferError) return true
  return error instanceof InterdictError && !NO_FALLBACK.includes((error as InterdictError).code)
}

function errorInfo(error: unknown): Omit<PrimaryFailure, 'primary'> {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { code, message }
  }
  return { code: 'FAULT', message: error instanceof Error ? error.message : String(error) }
}
