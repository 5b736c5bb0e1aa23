import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure, InterdictError } from '../base/error.js'
import type { Milliseconds, Octets } from '../base/units.js'
import type { ServiceLog } from '../log/service-log.js'
import { convert } from './convert.js'
import { openDatabase, type Database } from './database.js'
import { brokenIn, closedIn, daysIn, LogNames } from './folder.js'
import { mergeDay } from './merge.js'
import { finishReplacing } from './replaced.js'

/** What DuckDB may hold while it sorts; what is more goes to files beside the archive. */
const MEMORY: Octets = 512 * 1024 * 1024

export interface TendOptions {
  /** Path of the query log being written. */
  readonly path: string
  readonly threads: number
}

/**
 * Looks after the files of a query log, once: closed ones become Parquet, and the files of a day
 * that is over become one. What cannot be done is told, and the rest is done.
 *
 * @param wall the time, of which the UTC day matters
 * @returns whether all was done
 * @throws InterdictError ARCHIVE_NO_DUCKDB, ARCHIVE_FAILED
 */
export async function tend(
  options: TendOptions,
  wall: Milliseconds,
  log: ServiceLog
): Promise<boolean> {
  const names = new LogNames(options.path)
  const making = join(names.archive, '.making')
  try {
    rmSync(making, { recursive: true, force: true })
    mkdirSync(making, { recursive: true })
  } catch (error) {
    throw failed(making, error)
  }
  const database = await openDatabase({
    memory: MEMORY,
    threads: options.threads,
    temporary: making
  })
  try {
    finishReplacing(names)
    const steps = [
      ...closedIn(names).map(name => () => convertOne(database, names, name, making, log)),
      () => mergeAll(database, names, making, new Date(wall).toISOString().slice(0, 10))
    ]
    let done = true
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        const { code, message } = failed(names.archive, error)
        log.warn({ code }, message)
        done = false
      }
    }
    return done
  } finally {
    database.close()
    rmSync(making, { recursive: true, force: true })
  }
}

async function convertOne(
  database: Database,
  names: LogNames,
  name: string,
  making: string,
  log: ServiceLog
): Promise<void> {
  const start = performance.now()
  const { file, records, foreign } = await convert(database, names, name, making)
  const fields = { file, records, foreign, ms: Math.round(performance.now() - start) }
  if (foreign > 0) log.warn(fields, 'a closed query log is Parquet now, but for foreign lines')
  else log.info(fields, 'a closed query log is Parquet now')
}

async function mergeAll(
  database: Database,
  names: LogNames,
  making: string,
  today: string
): Promise<void> {
  for (const day of daysIn(names)) if (day < today) await mergeDay(database, names, day, making)
  const broken = brokenIn(names)
  if (broken.length > 0) throw failure('ARCHIVE_BROKEN', broken.join(', '))
}

function failed(path: string, error: unknown): InterdictError {
  if (error instanceof InterdictError) return error as InterdictError
  return failure('ARCHIVE_FAILED', path, error instanceof Error ? error.message : String(error))
}
