import { mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { failure, InterdictError } from '../base/error.js'
import type { Milliseconds, Octets } from '../base/units.js'
import type { ServiceLog } from '../log/service-log.js'
import { Chain, type ChainOptions } from './chain/chain.js'
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
  /** Whether closed files become Parquet. */
  readonly parquet: boolean
  /** Undefined: there is no chain. */
  readonly chain: ChainOptions | undefined
}

/**
 * Looks after the files of a query log, once: the chain is told what was closed, closed files become
 * Parquet, and the files of a day that is over become one. What cannot be done is told, and the rest
 * is done.
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
  const steps = new Steps(names, log)
  let chain: Chain | undefined
  if (options.chain !== undefined) {
    const chainOptions = options.chain
    await steps.take(async () => (chain = await Chain.open(names, chainOptions, wall, log)))
    // What nobody could prove stays as it is.
    if (chain === undefined) return false
  }
  await steps.take(() => finishReplacing(names, chain && isNoted(chain, names)))
  let closed: readonly string[] = closedIn(names)
  const { parquet } = options
  await steps.take(async () => (closed = (await chain?.note()) ?? closed))
  try {
    if (parquet) await makeParquet({ ...options, names, closed, steps, log, chain }, wall)
  } finally {
    await steps.take(() => chain?.checkpoint())
  }
  return steps.done
}

/** Steps of which one may fail without harm to the others. */
class Steps {
  /** Whether none has failed. */
  done = true
  readonly #names: LogNames
  readonly #log: ServiceLog

  constructor(names: LogNames, log: ServiceLog) {
    this.#names = names
    this.#log = log
  }

  async take(step: () => unknown): Promise<void> {
    try {
      await step()
    } catch (error) {
      const { code, message } = failed(this.#names.archive, error)
      this.#log.warn({ code }, message)
      this.done = false
    }
  }
}

/** The chain, asked by paths within the archive. */
function isNoted(chain: Chain, names: LogNames): (into: string) => boolean {
  return into => chain.hashOf(relative(names.folder, join(names.archive, into))) !== undefined
}

interface Work {
  readonly names: LogNames
  /** Files to be converted. */
  readonly closed: readonly string[]
  readonly threads: number
  readonly steps: Steps
  readonly log: ServiceLog
  readonly chain: Chain | undefined
}

async function makeParquet(work: Work, wall: Milliseconds): Promise<void> {
  const { names, closed, threads, steps, log, chain } = work
  const today = new Date(wall).toISOString().slice(0, 10)
  const making = join(names.archive, '.making')
  try {
    rmSync(making, { recursive: true, force: true })
    mkdirSync(making, { recursive: true })
  } catch (error) {
    throw failed(making, error)
  }
  const database = await openDatabase({ memory: MEMORY, threads, temporary: making })
  try {
    for (const name of closed)
      await steps.take(() => convertOne(database, names, name, making, chain, log))
    for (const day of daysIn(names).filter(day => day < today))
      await steps.take(() => mergeDay(database, names, day, making, chain))
    await steps.take(() => {
      const broken = brokenIn(names)
      if (broken.length > 0) throw failure('ARCHIVE_BROKEN', broken.join(', '))
    })
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
  chain: Chain | undefined,
  log: ServiceLog
): Promise<void> {
  const start = performance.now()
  const { file, records, foreign } = await convert(database, names, name, making, chain)
  const fields = { file, records, foreign, ms: Math.round(performance.now() - start) }
  if (foreign > 0) log.warn(fields, 'a closed query log is Parquet now, but for foreign lines')
  else log.info(fields, 'a closed query log is Parquet now')
}

function failed(path: string, error: unknown): InterdictError {
  if (error instanceof InterdictError) return error as InterdictError
  return failure('ARCHIVE_FAILED', path, error instanceof Error ? error.message : String(error))
}
