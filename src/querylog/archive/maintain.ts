import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure, InterdictError } from '../../base/error.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { ServiceLog } from '../record/service-log.js'
import { Chain, type ChainOptions } from './chain/chain.js'
import { convert } from './convert.js'
import { openDatabase } from './database.js'
import { brokenIn, closedIn, daysIn, LogNames } from './log-layout.js'
import {
  overOn,
  removeForSpace,
  removeOver,
  type Day,
  type Keeping,
  type KeepOptions
} from './retention.js'
import { DigestsAhead } from './lines-digest.js'
import { mergeDay } from './compact.js'
import type { Source } from './parquet-metadata.js'
import { finishReplacing } from './replacement.js'
import { takeOut } from './expired-lines.js'
import { removeStale, tallyDay } from './tallies/maintain-tallies.js'
import { trustedDay } from './retention-day.js'

/** Before all days. */
const NEVER: Day = '0000-01-01'
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
  /** Undefined: everything is kept. */
  readonly keep: KeepOptions | undefined
}

/**
 * Looks after the files of a query log, once: the chain is told what was closed, closed files become
 * Parquet, the files of a day that is over become one, tallies are made of what is Parquet, and what
 * is kept no longer is removed. What cannot be done is told, and the rest is done.
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
  const own = options.chain
  const chain = own && (await steps.take(() => Chain.open(names, own, wall, log)))
  // What nobody could prove stays as it is.
  if (own !== undefined && chain === undefined) return false
  await steps.take(() => finishReplacing(names, chain && (into => chain.isNoted(into))))
  const closed = (await chain?.note(error => steps.fail(error))) ?? closedIn(names)
  const { keep } = options
  // Of what day it is nothing is known: nothing is over.
  let trusted = NEVER
  if (keep !== undefined) await steps.take(() => (trusted = trustedDay(names, wall, log)))
  try {
    if (options.parquet || (keep?.networks.length ?? 0) > 0)
      await makeParquet({ ...options, names, closed, steps, log, chain }, dayAt(wall), trusted)
  } finally {
    // Also without DuckDB.
    if (keep !== undefined) await keepWithin({ names, keep, chain, log }, steps, trusted)
    await steps.take(() => removeStale(names, chain))
    await steps.take(() => chain?.checkpoint())
  }
  return steps.done
}

/** Removes what is over, and then what there is no room for. */
async function keepWithin(keeping: Keeping, steps: Steps, trusted: Day): Promise<void> {
  const { names, chain } = keeping
  const making = makingIn(names)
  await steps.take(() => removeOver(keeping, trusted))
  for (const file of closedIn(names)) {
    // What could not be told to the chain yet waits until it is.
    if (chain === undefined || chain.hashOf(file) !== undefined)
      await steps.take(() => takeOut(keeping, file, trusted, making))
  }
  await steps.take(() => removeForSpace(keeping))
  rmSync(making, { recursive: true, force: true })
}

function dayAt(wall: Milliseconds): Day {
  return new Date(wall).toISOString().slice(0, 10)
}

const makingIn = ({ archive }: LogNames): string => join(archive, '.making')

/** Steps of which one may fail without harm to the others. */
class Steps {
  /** Whether none has failed. */
  done = true
  private readonly names: LogNames
  private readonly log: ServiceLog

  constructor(names: LogNames, log: ServiceLog) {
    this.names = names
    this.log = log
  }

  /** @returns undefined if it has failed */
  async take<T>(step: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await step()
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  fail(error: unknown): void {
    const { code, message } = failed(this.names.archive, error)
    this.log.warn({ code }, message)
    this.done = false
  }
}

interface Work {
  readonly names: LogNames
  /** Files to be converted. */
  readonly closed: readonly string[]
  readonly threads: number
  readonly parquet: boolean
  readonly keep: KeepOptions | undefined
  readonly steps: Steps
  readonly log: ServiceLog
  readonly chain: Chain | undefined
}

/** @param trusted the day by which it is judged what is over */
async function makeParquet(work: Work, today: Day, trusted: Day): Promise<void> {
  const { names, closed, threads, steps, log, chain, parquet, keep } = work
  const making = makingIn(names)
  try {
    rmSync(making, { recursive: true, force: true })
    mkdirSync(making, { recursive: true })
  } catch (error) {
    throw failed(making, error)
  }
  const database = await openDatabase({
    memory: MEMORY,
    threads,
    temporary: making,
    inOrder: true,
    once: true
  })
  try {
    const digests = new DigestsAhead(
      closed.map(name => join(names.folder, name)),
      making
    )
    const convertOne = (name: string) => convert(database, names, name, making, digests, chain)
    for (const name of parquet ? closed : [])
      await steps.take(() => told(() => convertOne(name), log))
    digests.close()
    for (const day of daysIn(names).filter(day => day < today)) {
      const over = keep === undefined ? [] : overOn(day, trusted, keep)
      // What is over as a whole is removed soon.
      if (over !== 'all')
        await steps.take(() => mergeDay(database, names, day, making, chain, over))
    }
    for (const day of parquet ? daysIn(names) : [])
      await steps.take(() => tallyDay(database, names, day, making, chain))
    await steps.take(() => {
      const broken = brokenIn(names)
      if (broken.length > 0) throw failure('ARCHIVE_BROKEN', broken.join(', '))
    })
  } finally {
    database.close()
    rmSync(making, { recursive: true, force: true })
  }
}

async function told(convert: () => Promise<Source>, log: ServiceLog): Promise<void> {
  const start = performance.now()
  const { file, records, foreign } = await convert()
  const fields = { file, records, foreign, ms: Math.round(performance.now() - start) }
  if (foreign > 0) log.warn(fields, 'a closed query log is Parquet now, but for foreign lines')
  else log.info(fields, 'a closed query log is Parquet now')
}

function failed(path: string, error: unknown): InterdictError {
  if (error instanceof InterdictError) return error as InterdictError
  return failure('ARCHIVE_FAILED', path, error instanceof Error ? error.message : String(error))
}
