import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { Chain, type ChainOptions } from '../chain/chain.js'
import { compactDay } from './compact.js'
import { convert } from './convert.js'
import { openDatabase } from './database.js'
import { removeExpiredLines } from './expired-lines.js'
import { DigestPipeline } from '../files/lines-digest.js'
import { brokenParquetFiles, closedFiles, archivedDays, LogLayout } from '../files/log-layout.js'
import type { SourceFile } from './parquet-metadata.js'
import { finishReplacement } from '../files/replacement.js'
import { retentionDay } from './retention-day.js'
import {
  closedDay,
  expiredOn,
  enforceSpaceLimit,
  removeExpiredDays,
  type RetentionContext,
  type RetentionOptions
} from './retention.js'
import type { Day } from '../files/log-layout.js'
import { isShipped, readShipped } from './shipped.js'
import { removeStaleTallies, createTallies } from './maintain-tallies.js'

/** Before all days. */
const NEVER: Day = '0000-01-01'
/** Memory limit for sorting; beyond it, DuckDB spills to files beside the archive. */
const MEMORY: Octets = 512 * 1024 * 1024

export interface ArchiveOptions {
  /** Path of the live query log. */
  readonly path: string
  readonly threads: number
  /** Whether closed files are converted to Parquet. */
  readonly parquet: boolean
  /** Undefined without a chain. */
  readonly chain: ChainOptions | undefined
  /** Undefined: everything is kept. */
  readonly keep: RetentionOptions | undefined
  /** Closed files travel to the centre of a fleet. */
  readonly ship?: ShipOptions | undefined
}

export interface ShipOptions {
  /** `fleet.logs.to` */
  readonly to: string
  /** Whether days are kept until the centre has confirmed them. */
  readonly keepUntilConfirmed: boolean
}

/**
 * Runs maintenance on the files of a query log once: records closed files in the chain, converts
 * them to Parquet, compacts past days, computes tallies, and removes what has expired. Failed steps
 * are logged; the others still run.
 *
 * @param wall current time; its UTC day matters
 * @param clock of chain entries
 * @returns whether all steps succeeded
 * @throws InterdictError ARCHIVE_NO_DUCKDB, ARCHIVE_FAILED
 */
export async function maintainArchive(
  options: ArchiveOptions,
  wall: Milliseconds,
  log: ServiceLog,
  clock = (): Milliseconds => wall
): Promise<boolean> {
  const layout = new LogLayout(options.path)
  const steps = new MaintenanceSteps(layout, log)
  const chainOptions = options.chain
  const chain =
    chainOptions && (await steps.run(() => Chain.open(layout, chainOptions, clock, log)))
  // Without the chain, changes could not be proven.
  if (chainOptions !== undefined && chain === undefined) return false
  await steps.run(() => finishReplacement(layout, chain && (into => chain.hasArchiveFile(into))))
  const closed = (await chain?.recordClosedFiles(error => steps.fail(error))) ?? closedFiles(layout)
  await steps.run(() => chain?.writeDueCheckpoint())
  const { keep } = options
  // Until the current day is known, nothing expires.
  let retentionDate = NEVER
  const isShippedDay = await shippedDays(layout, options.ship, steps)
  if (keep !== undefined) await steps.run(() => (retentionDate = retentionDay(layout, wall, log)))
  try {
    if (options.parquet || (keep?.networks.length ?? 0) > 0)
      await makeParquet(
        { ...options, layout, closed, steps, log, chain, isShippedDay },
        dayAt(wall),
        retentionDate
      )
  } finally {
    // Retention also applies without DuckDB.
    if (keep !== undefined) {
      const holds = options.ship?.keepUntilConfirmed === true
      const isHeld = (day: Day): boolean => holds && !isShippedDay(day)
      // Lines that were never converted are nowhere else.
      const retention = holds && closedFiles(layout).length > 0 ? { ...keep, days: 0 } : keep
      await applyRetention(
        { layout, retention: keep, chain, log, isHeld },
        retention,
        steps,
        retentionDate
      )
    }
    await steps.run(() => removeStaleTallies(layout, chain))
    await steps.run(() => chain?.writeCheckpoint())
  }
  return steps.succeeded
}

/** Removes expired lookups, then the oldest days if there is too little space. */
async function applyRetention(
  context: RetentionContext,
  ofLines: RetentionOptions,
  steps: MaintenanceSteps,
  retentionDate: Day
): Promise<void> {
  const { layout, chain } = context
  const workFolder = workFolderOf(layout)
  await steps.run(() => removeExpiredDays(context, retentionDate))
  for (const file of closedFiles(layout)) {
    // A file not yet recorded in the chain waits until it is.
    if (chain === undefined || chain.sha256Of(file) !== undefined)
      await steps.run(() =>
        removeExpiredLines({ ...context, retention: ofLines }, file, retentionDate, workFolder)
      )
  }
  await steps.run(() => enforceSpaceLimit(context))
  rmSync(workFolder, { recursive: true, force: true })
}

/** Tells which days the centre has confirmed. */
async function shippedDays(
  layout: LogLayout,
  ship: ShipOptions | undefined,
  steps: MaintenanceSteps
): Promise<(day: Day) => boolean> {
  if (ship === undefined) return () => true
  const shipped = await steps.run(() => readShipped(layout, ship.to))
  return day =>
    shipped !== undefined &&
    isShipped(layout, shipped, day) &&
    !closedFiles(layout).some(file => closedDay(layout, file) === day)
}

function dayAt(wall: Milliseconds): Day {
  return new Date(wall).toISOString().slice(0, 10)
}

const workFolderOf = ({ archiveFolder }: LogLayout): string => join(archiveFolder, '.making')

/** Steps that may fail independently of each other. */
class MaintenanceSteps {
  succeeded = true
  private readonly layout: LogLayout
  private readonly log: ServiceLog

  constructor(layout: LogLayout, log: ServiceLog) {
    this.layout = layout
    this.log = log
  }

  /** @returns undefined if the step failed */
  async run<T>(step: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await step()
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  fail(error: unknown): void {
    const { code, message } = asFailure(this.layout.archiveFolder, error)
    this.log.warn({ code }, message)
    this.succeeded = false
  }
}

interface MaintenanceRun {
  readonly layout: LogLayout
  /** Closed files to convert. */
  readonly closed: readonly string[]
  readonly threads: number
  readonly parquet: boolean
  readonly keep: RetentionOptions | undefined
  readonly steps: MaintenanceSteps
  readonly log: ServiceLog
  readonly chain: Chain | undefined
  readonly isShippedDay: (day: Day) => boolean
}

/** @param retentionDate the day on which expiry is based */
async function makeParquet(work: MaintenanceRun, today: Day, retentionDate: Day): Promise<void> {
  const { layout, closed, threads, steps, log, chain, parquet, keep, isShippedDay } = work
  const workFolder = workFolderOf(layout)
  try {
    rmSync(workFolder, { recursive: true, force: true })
    mkdirSync(workFolder, { recursive: true })
  } catch (error) {
    throw asFailure(workFolder, error)
  }
  const database = await openDatabase({
    memory: MEMORY,
    threads,
    spillFolder: workFolder,
    preserveOrder: true,
    readOnce: true
  })
  try {
    const digests = new DigestPipeline(
      closed.map(name => join(layout.folder, name)),
      workFolder
    )
    const convertOne = (name: string) => convert(database, layout, name, workFolder, digests, chain)
    for (const name of parquet ? closed : []) {
      await steps.run(() => convertAndLog(() => convertOne(name), log))
      await steps.run(() => chain?.writeDueCheckpoint())
    }
    digests.close()
    for (const day of archivedDays(layout).filter(day => day < today)) {
      const expired = keep === undefined ? [] : expiredOn(day, retentionDate, keep)
      // Days that expired as a whole are removed soon. Others are sent before they are merged, so that the
      // centre does not get them twice.
      const isDue = expired.length > 0 || isShippedDay(day)
      if (expired !== 'all' && isDue)
        await steps.run(() => compactDay(database, layout, day, workFolder, chain, expired))
      await steps.run(() => chain?.writeDueCheckpoint())
    }
    for (const day of parquet ? archivedDays(layout) : []) {
      await steps.run(() => createTallies(database, layout, day, workFolder, chain))
      await steps.run(() => chain?.writeDueCheckpoint())
    }
    await steps.run(() => {
      const broken = brokenParquetFiles(layout)
      if (broken.length > 0) throw failure('ARCHIVE_BROKEN', broken.join(', '))
    })
  } finally {
    database.close()
    rmSync(workFolder, { recursive: true, force: true })
  }
}

async function convertAndLog(convert: () => Promise<SourceFile>, log: ServiceLog): Promise<void> {
  const start = performance.now()
  const { file, records, foreign } = await convert()
  const fields = { file, records, foreign, ms: Math.round(performance.now() - start) }
  if (foreign > 0)
    log.warn(fields, 'closed query log file converted to Parquet; foreign lines dropped')
  else log.info(fields, 'closed query log file converted to Parquet')
}

/** What DuckDB reports of a disk, as ARCHIVE_SQL: there is no query that the operator could correct. */
const OF_DISK = 'query failed: IO Error: '

function asFailure(path: string, error: unknown): InterdictError {
  if (error instanceof InterdictError && !error.message.startsWith(OF_DISK))
    return error as InterdictError
  return failure('ARCHIVE_FAILED', path, reasonOf(error, path).replace(OF_DISK, ''))
}
