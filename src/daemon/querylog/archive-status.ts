import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ArchiveContents } from '../../querylog/archive/archive-contents.js'
import type { Archiver } from './archiver.js'
import type { MaintenanceRun } from './maintenance-reporter.js'

/** How the closed files of the query log are looked after. Instants are RFC 3339. */
export interface ArchiveStatus {
  /** Whether the process is at work now. */
  readonly working: boolean
  /** Null: there was no time since the start. */
  readonly last: (Omit<MaintenanceRun, 'at'> & { readonly at: string }) | null
  /** When what could not be done is tried again; null: nothing waits for that. */
  readonly again: string | null
  /** Whether closed files become Parquet: `missing`: they should, and DuckDB is not installed. */
  readonly parquet: 'made' | 'missing' | 'off'
  /** What there was when that was over; null: not known yet. */
  readonly standing: ArchiveContents | null
  /** What all files may take together; null: as much as there is. */
  readonly limitOctets: Octets | null
  /** Days that lookups are kept; null: for ever. */
  readonly keepDays: number | null
  /** On the disk of the log, now; null: it does not say. */
  readonly freeOctets: Octets | null
}

/** @returns null where nothing is to be done with closed files */
export async function archiveStatus(
  archiver: Archiver,
  patience: Milliseconds
): Promise<ArchiveStatus | null> {
  if (!archiver.started) return null
  const { path, keep } = archiver.options
  const { last, standing } = archiver.reporter
  return {
    working: archiver.working,
    last: last === undefined ? null : { ...last, at: new Date(last.at).toISOString() },
    again: archiver.retryAt === undefined ? null : new Date(archiver.retryAt).toISOString(),
    parquet: archiver.parquet,
    standing: standing ?? null,
    limitOctets: nullIfUnlimited(keep?.space),
    keepDays: nullIfUnlimited(keep?.days),
    freeOctets: await freeSpace(dirname(path), patience)
  }
}

/** A disk in the network may not answer. */
async function freeSpace(folder: string, patience: Milliseconds): Promise<Octets | null> {
  const asked = statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => null
  )
  return Promise.race([asked, after(patience, null, { ref: false })])
}

/** In the settings 0 is without limit. */
function nullIfUnlimited(limit = 0): number | null {
  return limit === 0 ? null : limit
}
