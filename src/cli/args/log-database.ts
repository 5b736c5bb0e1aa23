import { existsSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { basename } from 'node:path'
import { failure, type InterdictError } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import { openDatabase, type Database, type AccessPattern } from '../../querylog/archive/database.js'
import type { Io, OutputStream } from '../io.js'
import { count } from '../output/show.js'
import { logPath, type LogOptions } from './log-path.js'

/** Budget: a month of a busy gateway on a laptop, within 2 GB with what Node itself takes. */
const MEMORY: Octets = 1.25 * 2 ** 30
/** How often a terminal is told how far a question has come, in milliseconds. */
const TICK = 200
/** Exit code after a signal, less the number of the signal, as shells have it. */
const SIGNALLED = 128

/** A query log that is open: who is done with it closes it. */
export interface OpenLog {
  readonly database: Database
  /** What is to be known of what was read by now: files and lines that are not what they should be. */
  remarks(): Promise<readonly string[]>
  /** Ends what a terminal is told, before something else is written to it. */
  quiet(): void
  close(): void
}

/**
 * Opens the query log that was given, or that of the settings, and says on a terminal how far each
 * question has come.
 *
 * @param how `silent`, for who tells of progress itself
 * @throws InterdictError ARCHIVE_READ, ARCHIVE_NO_DUCKDB
 */
export async function openLog(
  options: LogOptions,
  io: Io,
  { use = 'often', silent = false }: { use?: AccessPattern; silent?: boolean } = {}
): Promise<OpenLog> {
  const path = await logPath(options)
  let quiet = (): void => undefined
  const ignoreSignals = io.onSignal(signal => {
    quiet()
    // The database's folder for what memory does not hold is removed as the process exits.
    io.exit(SIGNALLED + constants.signals[signal])
  })
  const database = await openDatabase({ memory: MEMORY, threads: availableParallelism() })
  if (!silent) quiet = showProgress(database, io.stderr)
  const close = (): void => {
    ignoreSignals()
    quiet()
    database.close()
  }
  let broken: readonly string[]
  try {
    const extent = await database.openLog(path, use)
    const { lines, parquet } = extent
    broken = extent.broken
    if (lines + parquet === 0) nothingAt(path, options, io)
  } catch (error) {
    close()
    throw error
  }
  return { database, remarks: () => remarksOn(database, broken), quiet, close }
}

/** That of the settings may come yet. One that somebody names and that is not there is misspelt. */
function nothingAt(path: string, { log }: LogOptions, io: Io): void {
  if (log !== undefined && !existsSync(log)) throw failure('ARCHIVE_READ', log, 'it is not there')
  io.stderr.write(`there is no query log at ${path} yet\n`)
}

async function remarksOn(database: Database, broken: readonly string[]): Promise<string[]> {
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
  return `${count(all, 'line')} of the log ${all === 1 ? 'is' : 'are'} no record of a lookup and not counted: ${where}.`
}

/** @returns what ends it and clears the line */
function showProgress(database: Database, stderr: OutputStream): () => void {
  if (stderr.isTTY !== true) return () => undefined
  const timer = setInterval(() => {
    const percent = Math.floor(database.progress * 100)
    stderr.write(`\rreading the log${percent > 0 ? `: ${percent}%` : ' …'}\x1b[K`)
  }, TICK)
  let isOver = false
  return () => {
    if (!isOver) stderr.write('\r\x1b[K')
    isOver = true
    clearInterval(timer)
  }
}
