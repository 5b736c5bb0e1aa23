import { existsSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { basename } from 'node:path'
import { failure, type InterdictError } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { openDatabase, type Database, type AccessPattern } from '../../querylog/archive/database.js'
import { hasLogFiles, LogLayout } from '../../querylog/archive/log-layout.js'
import type { Newest } from '../../querylog/archive/newest-files.js'
import { usageError } from '../exit.js'
import type { Io, OutputStream } from '../io.js'
import { formatCount } from '../output/format.js'
import { logPath, type LogOptions } from './log-path.js'

/** Enough for a month of a busy gateway; with Node's own memory it stays within 2 GB. */
const MEMORY: Octets = 1.25 * 2 ** 30
/** Set by the HTTP API, whose questions must leave memory and CPU to the gateway: bytes. */
export const MEMORY_VARIABLE = 'INTERDICT_QUERY_MEMORY'
/** How often progress is redrawn. */
const INTERVAL: Milliseconds = 200
/** Shells report death by signal n as exit code 128 + n. */
const SIGNAL_EXIT = 128

/** An open query log; close it after use. */
export interface OpenLog {
  readonly database: Database
  /** Problems in the files read so far: broken files, lines that are not lookups. */
  problems(): Promise<readonly string[]>
  /** Ends the progress line, before other output. */
  hideProgress(): void
  close(): void
}

export interface OpenOptions {
  readonly use?: AccessPattern
  /** Whether the caller shows progress itself. */
  readonly silent?: boolean
  readonly newest?: Newest | undefined
}

/**
 * Opens the given query log, or that of the settings. On a terminal, shows the progress of each
 * query.
 *
 * @throws InterdictError ARCHIVE_READ, ARCHIVE_NO_DUCKDB
 */
export async function openLog(
  options: LogOptions,
  io: Io,
  { use = 'often', silent = false, newest }: OpenOptions = {}
): Promise<OpenLog> {
  const { fleet } = options
  if (fleet !== undefined && options.log !== undefined)
    usageError('give --fleet or --log, not both')
  const path = fleet ?? (await logPath(options))
  let hideProgress = (): void => undefined
  let interrupt = (): void => undefined
  const ignoreSignals = io.onSignal(signal => {
    hideProgress()
    interrupt()
    // The exit also removes the folder in which the database spills to disk.
    io.exit(SIGNAL_EXIT + constants.signals[signal])
  })
  const { [MEMORY_VARIABLE]: given } = io.env
  const limits =
    given === undefined
      ? { memory: MEMORY, threads: availableParallelism() }
      : { memory: Number(given), threads: 1 }
  const opening = openDatabase(limits)
  const database = await opening.catch((error: unknown) => {
    ignoreSignals()
    throw error
  })
  interrupt = () => database.interrupt()
  if (!silent) hideProgress = showProgress(database, io.stderr)
  const close = (): void => {
    ignoreSignals()
    hideProgress()
    database.close()
  }
  let broken: readonly string[] = []
  let waiting: readonly string[] = []
  try {
    if (fleet !== undefined) waiting = (await database.openFleet(fleet, use)).waiting
    else broken = await openOwnLog()
  } catch (error) {
    close()
    throw error
  }
  const problems = async (): Promise<string[]> => [
    ...(await findProblems(database, broken)),
    ...waitingRemark(waiting)
  ]
  return { database, problems, hideProgress, close }

  async function openOwnLog(): Promise<readonly string[]> {
    const extent = await database.openLog(path, use, newest)
    const { lines, parquet } = extent
    checkNamed(path, options)
    if (lines + parquet === 0) io.stderr.write(`no query log at ${path} yet\n`)
    return extent.broken
  }
}

/** Gateways named in a remark. */
const NAMED = 10

function waitingRemark(gateways: readonly string[]): string[] {
  if (gateways.length === 0) return []
  const names = gateways.slice(0, NAMED).join(', ')
  const more = gateways.length > NAMED ? `, and ${gateways.length - NAMED} more` : ''
  return [`Lookups of ${names}${more} have not all arrived; their counts by whole days have.`]
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

async function findProblems(database: Database, broken: readonly string[]): Promise<string[]> {
  const foreign = await foreignLines(database)
  return [
    ...(foreign === undefined ? [] : [foreign]),
    ...(broken.length === 0 ? [] : [messageOf(failure('ARCHIVE_BROKEN', broken.join(', ')))]),
    ...database.alteredTallies.map(path => messageOf(failure('ARCHIVE_TALLY', path)))
  ]
}

const messageOf = ({ code, message }: InterdictError): string => `${message} (${code}).`

async function foreignLines(database: Database): Promise<string | undefined> {
  const rows = await database.rows<{ file: string; lines: number }>(
    'SELECT file, count(*) AS lines FROM foreign_lines GROUP BY file ORDER BY file'
  )
  if (rows.length === 0) return undefined
  const where = rows.map(({ file, lines }) => `${lines} in ${basename(file)}`).join(', ')
  const all = rows.reduce((sum, { lines }) => sum + lines, 0)
  return `Skipped ${formatCount(all, 'line')} of the log that ${all === 1 ? 'is not a lookup' : 'are not lookups'}: ${where}.`
}

/** @returns a function that stops and clears the progress line */
function showProgress(database: Database, stderr: OutputStream): () => void {
  if (stderr.isTTY !== true) return () => undefined
  const timer = setInterval(() => {
    const percent = Math.floor(database.progress * 100)
    stderr.write(`\rreading the log${percent > 0 ? `: ${percent}%` : ' …'}\x1b[K`)
  }, INTERVAL)
  let isStopped = false
  return () => {
    if (!isStopped) stderr.write('\r\x1b[K')
    isStopped = true
    clearInterval(timer)
  }
}
