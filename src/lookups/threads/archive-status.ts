import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ArchiveContents } from '../archive/archive-contents.js'
import type { Archiver } from './archiver.js'
import type { MaintenanceRun } from './maintenance-reporter.js'

/** The state of query log maintenance: archiving, chaining and retention. Times are RFC 3339. */
export interface ArchiveStatus {
  /** Whether a maintenance run is in progress. */
  readonly working: boolean
  /** The last run; null: none since the start. */
  readonly last: (Omit<MaintenanceRun, 'at'> & { readonly at: string }) | null
  /** When a failed run is retried; null: nothing to retry. */
  readonly again: string | null
  /** Whether closed files are converted to Parquet; `missing`: on, but DuckDB is not installed. */
  readonly parquet: 'made' | 'missing' | 'off'
  /** The files after the last run; null: not known yet. */
  readonly stored: ArchiveContents | null
  /** Size limit of all files together; null: no limit. */
  readonly limitOctets: Octets | null
  /** Retention in days; null: forever. */
  readonly keepDays: number | null
  /** Free space on the disk of the log; null: unknown. */
  readonly freeOctets: Octets | null
}

/** @returns null if archiving, chaining and retention are all off */
export async function archiveStatus(
  archiver: Archiver,
  timeout: Milliseconds
): Promise<ArchiveStatus | null> {
  if (!archiver.started) return null
  const { path, keep } = archiver.options
  const { last, stored } = archiver.reporter
  return {
    working: archiver.working,
    last: last === undefined ? null : { ...last, at: new Date(last.at).toISOString() },
    again: archiver.retryAt === undefined ? null : new Date(archiver.retryAt).toISOString(),
    parquet: archiver.parquet,
    stored: stored ?? null,
    limitOctets: nullIfUnlimited(keep?.space),
    keepDays: nullIfUnlimited(keep?.days),
    freeOctets: await freeSpace(dirname(path), timeout)
  }
}

/** A network file system may not reply in time. */
async function freeSpace(folder: string, timeout: Milliseconds): Promise<Octets | null> {
  const free = statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => null
  )
  return Promise.race([free, after(timeout, null, { ref: false })])
}

/** In the settings, 0 means no limit. */
function nullIfUnlimited(limit = 0): number | null {
  return limit === 0 ? null : limit
}
