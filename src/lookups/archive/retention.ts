import { existsSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { MS_PER_DAY, type Octets } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { CHAIN_FILE, type RemovalReason } from '../chain/chain-entry.js'
import type { Chain } from '../chain/chain.js'
import { sideFileClosedAt, closedSideFiles } from '../files/side-files.js'
import {
  closedFiles,
  archivedDays,
  foreignFiles,
  parquetFilesOfDay,
  tallyFiles,
  type Day,
  type LogLayout
} from '../files/log-layout.js'

/** How long lookups are kept. A day expires when this many whole days have passed since its end. */
export interface RetentionOptions {
  /** 0: forever. */
  readonly days: number
  /** For all files together; 0: unlimited. */
  readonly space: Octets
  /** Networks with a shorter retention. */
  readonly networks: readonly { readonly id: string; readonly days: number }[]
}

/** What has expired of a day: everything, or the lookups of some networks. */
export type Expired = 'all' | readonly string[]

export function expiredOn(day: Day, today: Day, { days, networks }: RetentionOptions): Expired {
  const age = (Date.parse(today) - Date.parse(day)) / MS_PER_DAY
  if (days > 0 && age > days) return 'all'
  return networks.filter(network => age > network.days).map(({ id }) => id)
}

/** What retention works on. */
export interface RetentionContext {
  readonly layout: LogLayout
  readonly retention: RetentionOptions
  readonly chain: Chain | undefined
  readonly log: ServiceLog
  /** Whether a day has to wait until the centre of the fleet has it. */
  readonly isHeld: (day: Day) => boolean
}

/**
 * Removes days that have expired as a whole: Parquet files, tallies, and closed files without
 * lookups.
 */
export function removeExpiredDays(
  { layout, retention, chain, log, isHeld }: RetentionContext,
  today: Day
): void {
  for (const day of archivedDays(layout)) {
    if (expiredOn(day, today, retention) !== 'all') continue
    if (isHeld(day)) {
      warnOfHeld(day, log)
      continue
    }
    const files = removeFiles(layout, chain, archivedFilesOfDay(layout, day), 'days')
    removeDayFolder(layout, day)
    log.info({ day, files }, 'expired day of the query log removed')
  }
  const foreign = foreignFiles(layout).filter(
    file => expiredOn(closedDay(layout, file), today, retention) === 'all'
  )
  const beside = closedSideFiles(layout.folder).filter(file =>
    hasExpiredSideFile(file, today, retention)
  )
  removeFiles(layout, chain, [...foreign, ...beside], 'days')
}

/** Bindings are kept as long as the lookups of the network with the shortest retention: a file has those of all networks. */
function hasExpiredSideFile(file: string, today: Day, retention: RetentionOptions): boolean {
  return expiredOn(sideFileClosedAt(file)!.slice(0, 10), today, retention).length > 0
}

/** Removes the oldest days until all files together are within the space limit. */
export function enforceSpaceLimit({
  layout,
  retention: { space },
  chain,
  log,
  isHeld
}: RetentionContext): void {
  if (space === 0) return
  const days = filesByDay(layout)
  let total = [layout.liveName, CHAIN_FILE].reduce((sum, file) => sum + sizeOf(layout, file), 0)
  for (const { octets } of days) total += octets
  for (const { day, files, octets } of days) {
    if (total <= space) return
    if (isHeld(day)) {
      warnOfHeld(day, log)
      continue
    }
    removeFiles(layout, chain, files, 'space')
    removeDayFolder(layout, day)
    total -= octets
    const message = 'oldest day of the query log removed: size limit exceeded'
    log.warn({ day, files: files.length, octets, space }, message)
  }
}

function warnOfHeld(day: Day, log: ServiceLog): void {
  const { code, message } = failure('FLEET_LOGS_HELD', day)
  log.warn({ code }, message)
}

interface DayFiles {
  readonly day: Day
  readonly files: readonly string[]
  readonly octets: Octets
}

/** Oldest first, without the live file. A closed file belongs to the day on which it was closed. */
function filesByDay(layout: LogLayout): DayFiles[] {
  const days = new Map<Day, string[]>()
  const add = (day: Day, file: string): void => {
    const files = days.get(day)
    if (files === undefined) days.set(day, [file])
    else files.push(file)
  }
  for (const day of archivedDays(layout))
    for (const file of archivedFilesOfDay(layout, day)) add(day, file)
  for (const file of [...closedFiles(layout), ...foreignFiles(layout)])
    add(closedDay(layout, file), file)
  for (const file of closedSideFiles(layout.folder)) add(sideFileClosedAt(file)!.slice(0, 10), file)
  return [...days]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([day, files]) => {
      return { day, files, octets: files.reduce((sum, file) => sum + sizeOf(layout, file), 0) }
    })
}

/** The day on which a file was closed. */
export function closedDay(layout: LogLayout, file: string): Day {
  return layout.closedAt(file.replace(/\.foreign$/, ''))!.slice(0, 10)
}

/**
 * Removes files. The chain is written first: after a crash, the removal is completed when it is
 * opened again.
 */
export function removeFiles(
  layout: LogLayout,
  chain: Chain | undefined,
  files: readonly string[],
  why: RemovalReason
): number {
  chain?.recordRemoval(files, why)
  for (const file of files) rmSync(join(layout.folder, file), { force: true })
  return files.length
}

function archivedFilesOfDay(layout: LogLayout, day: Day): string[] {
  const parquet = parquetFilesOfDay(layout, day).map(path => relative(layout.folder, path))
  return [...parquet, ...tallyFiles(layout, day)]
}

/** Leaves a folder that is not empty: someone may have put other files there. */
export function removeDayFolder(layout: LogLayout, day: Day): void {
  const folder = join(layout.archiveFolder, `day=${day}`)
  try {
    if (existsSync(folder)) rmdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
  }
}

function sizeOf(layout: LogLayout, file: string): Octets {
  return statSync(join(layout.folder, file), { throwIfNoEntry: false })?.size ?? 0
}
