import { existsSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { basename } from 'node:path'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import { gatewayOf } from '../../lookups/central/central-layout.js'
import { CentralLog } from '../../lookups/central/central-log.js'
import { unreadableFiles } from '../../lookups/archive/unreadable-files.js'
import {
  isOfMixedFiles,
  openDatabase,
  type OpenQuery,
  type Database,
  type AccessPattern
} from '../../lookups/archive/database.js'
import { hasLogFiles, LogLayout } from '../../lookups/files/log-layout.js'
import { usageError } from '../exit.js'
import type { Io, OutputStream } from '../io.js'
import { formatCount } from '../output/format.js'
import { logPath, type LogOptions } from './log-path.js'

/** Enough for a month of a busy gateway; with Node's own memory it stays within 2 GB. */
const MEMORY: Octets = 1.25 * 2 ** 30
/** How often progress is redrawn. */
const INTERVAL: Milliseconds = 200
/** Shells report death by signal n as exit code 128 + n. */
const SIGNAL_EXIT = 128

/** An open query log. */
export interface OpenLog {
  readonly database: Database
  /** Problems in the files read so far: broken files, lines that are not lookups. */
  problems(): Promise<readonly string[]>
  /** Ends the progress line, before other output. */
  hideProgress(): void
}

export interface OpenOptions extends OpenQuery {
  readonly use?: AccessPattern
  /** Whether the caller shows progress itself. */
  readonly silent?: boolean
  /** For DuckDB; default: enough for reports. */
  readonly memory?: Octets
  readonly maxSpill?: Octets
  /** Whether some of the output is written, so that `work` cannot start again. */
  readonly hasBegun?: () => boolean
}

/**
 * Works with the given query log, or that of the settings. On a terminal, shows the progress of each query. Files of a
 * fleet that cannot be read are left out, and `work` starts again: it must not have printed anything before it has read.
 *
 * @throws InterdictError ARCHIVE_READ, ARCHIVE_NO_DUCKDB, and what `work` throws
 */
export async function withLog<T>(
  options: LogOptions,
  io: Io,
  work: (log: OpenLog) => Promise<T>,
  open: OpenOptions = {}
): Promise<T> {
  const { fleet, log } = options
  if (fleet !== undefined && log !== undefined) usageError('give --fleet or --log, not both')
  const path = fleet ?? (await logPath(options))
  const files: FleetFiles = { leftOut: new Map(), log: undefined, areMixed: false }
  for (;;) {
    try {
      return await workOnce(path, files, options, io, work, open)
    } catch (error) {
      if (open.hasBegun?.() === true) throw error
      if (!files.areMixed && isOfMixedFiles(error)) {
        files.areMixed = true
        continue
      }
      const unreadable = files.log && (await unreadableFiles(files.log, error))
      if (unreadable === undefined || unreadable.size === 0) throw error
      for (const [file, why] of unreadable) files.leftOut.set(file, why)
    }
  }
}

/** Files of a fleet. */
interface FleetFiles {
  /** Why some cannot be read, by relative path. */
  readonly leftOut: Map<string, string>
  /** Undefined: not open yet. */
  log: CentralLog | undefined
  /** Some are known to lack columns that others have. */
  areMixed: boolean
}

async function workOnce<T>(
  path: string,
  files: FleetFiles,
  options: LogOptions,
  io: Io,
  work: (log: OpenLog) => Promise<T>,
  { use = 'often', silent = false, memory = MEMORY, maxSpill, ...opening }: OpenOptions
): Promise<T> {
  let hideProgress = (): void => undefined
  let endReports = (): void => undefined
  let interrupt = (): void => undefined
  const ignoreSignals = io.onSignal(signal => {
    hideProgress()
    interrupt()
    // The exit also removes the folder in which the database spills to disk.
    io.exit(SIGNAL_EXIT + constants.signals[signal])
  })
  const spill = maxSpill === undefined ? {} : { maxSpill }
  let database: Database | undefined
  try {
    const { queryMemory } = io
    const opened = (database = await openDatabase(
      queryMemory === undefined
        ? { memory, threads: availableParallelism(), ...spill }
        : { memory: queryMemory, threads: 1, ...spill }
    ))
    interrupt = () => opened.interrupt()
    if (!silent) hideProgress = showProgress(opened, io.stderr)
    // Reports read the log several times: the progress of one query says little.
    if (use !== 'often') endReports = reportProgress(opened, io)
    const missing = options.fleet === undefined ? await openOwnLog(opened) : await openFleet(opened)
    const problems = async () => [...(await foreignLines(opened)), ...missing(), ...altered(opened)]
    return await work({ database: opened, problems, hideProgress })
  } finally {
    ignoreSignals()
    hideProgress()
    endReports()
    database?.close()
  }

  async function openFleet(database: Database): Promise<Remarks> {
    const { leftOut } = files
    const log = (files.log = new CentralLog(path, leftOut))
    await database.openFleet(log, use, files.areMixed, opening)
    return () => missingRemarks(log.waiting, leftOut)
  }

  async function openOwnLog(database: Database): Promise<Remarks> {
    const { lines, parquet, broken } = await database.openLog(path, use, opening)
    checkNamed(path, options)
    if (lines + parquet === 0) io.stderr.write(`no query log at ${path} yet\n`)
    const remarks =
      broken.length === 0 ? [] : [messageOf(failure('ARCHIVE_BROKEN', broken.join(', ')))]
    return () => remarks
  }
}

/** What is missing in the files that were read. */
type Remarks = () => readonly string[]

/** Gateways, or files, named in remarks. */
const NAMED = 10

function missingRemarks(waiting: readonly string[], leftOut: FleetFiles['leftOut']): string[] {
  const files = [...leftOut]
  const remarks = files
    .slice(0, NAMED)
    .map(([path, why]) => messageOf(failure('FLEET_FILE', gatewayOf(path)!, path, why)))
  if (files.length > NAMED)
    remarks.push(`${formatCount(files.length - NAMED, 'more log file')} cannot be read.`)
  if (waiting.length === 0) return remarks
  const names = waiting.slice(0, NAMED).join(', ')
  const more = waiting.length > NAMED ? `, and ${waiting.length - NAMED} more` : ''
  return [
    ...remarks,
    `Lookups of ${names}${more} have not all arrived; their counts by whole days have.`
  ]
}

/**
 * A log that was named must be there; that of the settings may not exist yet. The archive belongs to the folder, so
 * that a misspelt file would otherwise be read from the archive of another log.
 *
 * @throws InterdictError ARCHIVE_READ
 */
function checkNamed(path: string, { log }: LogOptions): void {
  if (log === undefined || existsSync(log) || hasLogFiles(new LogLayout(path))) return
  throw failure('ARCHIVE_READ', log, 'no such file or folder')
}

const messageOf = ({ code, message }: InterdictError): string => `${message} (${code}).`

const altered = ({ alteredTallies }: Database): string[] =>
  alteredTallies.map(path => messageOf(failure('ARCHIVE_TALLY', path)))

async function foreignLines(database: Database): Promise<string[]> {
  const rows = await database.rows<{ file: string; lines: number }>(
    'SELECT file, count(*) AS lines FROM foreign_lines GROUP BY file ORDER BY file'
  )
  if (rows.length === 0) return []
  const where = rows.map(({ file, lines }) => `${lines} in ${basename(file)}`).join(', ')
  const all = rows.reduce((sum, { lines }) => sum + lines, 0)
  return [
    `Skipped ${formatCount(all, 'line')} of the log that ${all === 1 ? 'is not a lookup' : 'are not lookups'}: ${where}.`
  ]
}

/** @returns a function that stops it */
function reportProgress(database: Database, { onProgress }: Io): () => void {
  if (onProgress === undefined) return () => undefined
  const timer = setInterval(() => onProgress(database.progress), INTERVAL)
  return () => clearInterval(timer)
}

/** @returns a function that stops and clears the progress line */
function showProgress(database: Database, stderr: OutputStream): () => void {
  if (stderr.isTTY !== true) return () => undefined
  const start = performance.now()
  const timer = setInterval(() => {
    const { progress } = database
    const percent = Math.floor(progress * 100)
    const left = remaining(performance.now() - start, progress)
    stderr.write(`\rreading the log${percent > 0 ? `: ${percent}%${left}` : ' …'}\x1b[K`)
  }, INTERVAL)
  let isStopped = false
  return () => {
    if (!isStopped) stderr.write('\r\x1b[K')
    isStopped = true
    clearInterval(timer)
  }
}

/** `, about 12 s left`; nothing while too little is known, or at the end. */
export function remaining(passed: Milliseconds, progress: number): string {
  if (passed < 2_000 || progress < 0.02 || progress >= 1) return ''
  const seconds = Math.ceil((passed * (1 - progress)) / progress / MS_PER_SECOND)
  return seconds < 120 ? `, about ${seconds} s left` : `, about ${Math.ceil(seconds / 60)} min left`
}
