import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { Soa } from '../../wire/dns/message/zone-message.js'
import { isNewer } from '../../wire/dns/registry/serial.js'
import type { TransferList } from '../../policy/rules/lists/transfer-list.js'
import { querySoa, transferZone, type ZoneQueryOptions } from './zone-query.js'
import type { ZoneDelta } from './zone-delta.js'
import { storeChanges, storeWhole, type StoredVersion } from './store-zone.js'
import type { PrimaryFailure, Primary } from './primary.js'
import type { ZoneCopies } from './zone-copies.js'
import { TransferError } from './transfer-reader.js'
import { emptyRecord, type ZoneRecord } from './zone-record.js'

/** A request to update a zone. Plain data: it is sent to other threads. */
export interface ZoneJob {
  readonly list: TransferList
  /** In the order in which they are queried. */
  readonly primaries: readonly Primary[]
  /** The first primary has just sent a NOTIFY. RFC 1996 §3.11. */
  readonly isNotified: boolean
}

export interface UpdateZoneOptions {
  readonly copies: ZoneCopies
  /** For one transfer. */
  readonly maxTime: Milliseconds
  /** Maximum number of octets received in one transfer. */
  readonly maxSize: Octets
  /** Wall-clock time. */
  readonly now: () => Milliseconds
}

interface UpdateBase {
  readonly id: string
  /** Primaries that failed. */
  readonly bad: readonly PrimaryFailure[]
}

/** Result of querying the primaries of a zone. */
export type ZoneUpdate =
  | (UpdateBase & {
      readonly kind: 'taken'
      readonly serial: number
      readonly primary: string
      readonly from: 'axfr' | 'ixfr'
      /** Number of records added and removed; for a whole zone, of all records. */
      readonly changes: number
      readonly entries: number
      /** Only for few changes, and if the previous lines current their positions. */
      readonly delta: ZoneDelta | undefined
    })
  | (UpdateBase & { readonly kind: 'unchanged'; readonly serial: number })
  | (UpdateBase & {
      readonly kind: 'failed'
      readonly trouble: Omit<PrimaryFailure, 'primary'>
      /** False where nothing can be written: the record still has the attempt before. */
      readonly isRecorded: boolean
    })

/**
 * Asks the primaries of a zone for a newer version, and stores it if it is valid: complete, signed
 * as required, and a response policy zone. On any error the previous copy stays. Never throws.
 */
export async function updateZone(job: ZoneJob, options: UpdateZoneOptions): Promise<ZoneUpdate> {
  return new ZoneUpdater(job, options).run()
}

/** A primary and its SOA; undefined: not queried. */
interface Candidate {
  readonly primary: Primary
  readonly soa: Soa | undefined
}

class ZoneUpdater {
  private readonly failures: PrimaryFailure[] = []
  /** Why the last primary failed. */
  private lastError: Error | undefined
  private record: ZoneRecord

  constructor(
    private readonly job: ZoneJob,
    private readonly options: UpdateZoneOptions
  ) {
    this.record = emptyRecord(job.list.zone)
  }

  async run(): Promise<ZoneUpdate> {
    const { list } = this.job
    const { copies, now } = this.options
    const before = await copies.record(list.id, list.zone)
    const tried = new Date(now()).toISOString()
    this.record = { ...before, tried, refreshed: tried, failures: 0, trouble: undefined }
    try {
      return (await this.tryNotified()) ?? (await this.tryAll())
    } catch (error) {
      const trouble = errorInfo(error)
      const failures = before.failures + 1
      const record = { ...this.record, refreshed: before.refreshed, failures, trouble }
      let isRecorded = true
      try {
        copies.saveRecord(list.id, record)
      } catch {
        isRecorded = false
      }
      return { kind: 'failed', id: list.id, bad: this.failures, trouble, isRecorded }
    }
  }

  /** A primary that sent a NOTIFY is not queried for its SOA first. */
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

  /** The responding primaries, those with the highest serial first. Serial comparison: RFC 1982. */
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
    const { copies } = this.options
    const current = this.record.copy && (await copies.read(list.id, list.name))
    if (current === undefined) return this.transferWhole(primary)
    try {
      const got = await transferZone(this.queryOptions(primary), current.serial, list.maxSize)
      if (got.kind === 'same') return this.unchanged()
      const context = this.storeContext(primary)
      if (got.kind === 'whole') return this.updated(primary, 'axfr', await storeWhole(context, got))
      return this.updated(primary, 'ixfr', await storeChanges(context, got, current))
    } catch (error) {
      if (!allowsAxfrFallback(error)) throw error
      return this.transferWhole(primary, current.serial)
    }
  }

  /** @param have serial of a valid copy, which only a newer version may replace. RFC 1982 */
  private async transferWhole(primary: Primary, have?: number): Promise<ZoneUpdate> {
    const { zone, maxSize } = this.job.list
    const got = await transferZone(this.queryOptions(primary), undefined, maxSize)
    if (got.kind !== 'whole') throw new Error('AXFR did not return a whole zone')
    if (have !== undefined && !isNewer(got.soa.serial, have)) {
      const why = `serial ${got.soa.serial} is not newer than ${have} of the copy`
      throw failure('TRANSFER_BROKEN', zone, primary.id, why)
    }
    return this.updated(primary, 'axfr', await storeWhole(this.storeContext(primary), got))
  }

  private updated(
    primary: Primary,
    from: 'axfr' | 'ixfr',
    { state, changes, delta }: StoredVersion
  ): ZoneUpdate {
    const { serial, entries } = state
    const base = { id: this.job.list.id, bad: this.failures, primary: primary.id }
    return { kind: 'taken', ...base, serial, from, changes, entries, delta }
  }

  private unchanged(): ZoneUpdate {
    const { id } = this.job.list
    this.options.copies.saveRecord(id, this.record)
    return { kind: 'unchanged', id, bad: this.failures, serial: this.record.copy!.serial }
  }

  private storeContext(primary: Primary) {
    const { copies } = this.options
    return { list: this.job.list, copies, primary: primary.id, record: this.record }
  }

  private queryOptions(primary: Primary): ZoneQueryOptions {
    const { zone, name } = this.job.list
    const { maxTime: timeout, maxSize, now } = this.options
    return { zone, name, primary, timeout, maxSize, now }
  }

  private recordFailure(primary: Primary, error: unknown): void {
    this.lastError = error instanceof Error ? error : new Error(String(error))
    this.failures.push({ primary: primary.id, ...errorInfo(error) })
  }
}

/** These would fail in the same way for an AXFR. */
const NO_FALLBACK = ['TRANSFER_CONNECT', 'TRANSFER_TSIG', 'TRANSFER_STATE']

/** Whether to try AXFR after IXFR failed. RFC 1995 §4. */
function allowsAxfrFallback(error: unknown): boolean {
  if (error instanceof TransferError) return true
  return error instanceof InterdictError && !NO_FALLBACK.includes((error as InterdictError).code)
}

function errorInfo(error: unknown): Omit<PrimaryFailure, 'primary'> {
  if (error instanceof InterdictError) {
    const { code, message } = error as InterdictError
    return { code, message }
  }
  return { code: 'FAULT', message: reasonOf(error, '') }
}
