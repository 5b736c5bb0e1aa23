import { existsSync, rmSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { syncFolder } from '../../base/atomic-file.js'
import { failure } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../record/service-log.js'
import { whileAlone } from './archive-lock.js'
import { Chain, type ChainOptions } from './chain/chain.js'
import { CHAIN, type Order, type OrderedFile } from './chain/chain-entry.js'
import { daysIn, filesIn, parquetOfDay, type LogNames } from './log-layout.js'
import { removeFolder } from './retention.js'
import { finishReplacing } from './replacement.js'
import { removeStale } from './tallies/maintain-tallies.js'

export interface RemoveParts {
  readonly names: LogNames
  /** Undefined: there is no chain. */
  readonly chain: ChainOptions | undefined
  readonly wall: Milliseconds
  readonly log: ServiceLog
}

/**
 * Removes closed files of a query log because somebody has ordered it: the chain is told by whom and
 * why, so that all the rest stays proven. All of them, or none.
 *
 * @param given paths, within the folder of the log or from where we are
 * @returns what was removed, with what the chain has of it
 * @throws InterdictError ARCHIVE_NO_FILE, ARCHIVE_NO_CHAIN, ARCHIVE_BUSY, ARCHIVE_FAILED, CHAIN_KEY,
 *   CHAIN_WRITE
 */
export async function removeByOrder(
  parts: RemoveParts,
  given: readonly string[],
  order: Order
): Promise<readonly OrderedFile[]> {
  const { names } = parts
  const hasChain = existsSync(join(names.folder, CHAIN))
  if (hasChain && parts.chain === undefined)
    throw failure('ARCHIVE_NO_CHAIN', names.folder, `${CHAIN} is there, and the settings have none`)
  if (!hasChain && parts.chain !== undefined)
    throw failure('ARCHIVE_NO_CHAIN', names.folder, 'the gateway has yet to begin the chain')
  return whileAlone(names, async () => {
    const chain = await openChain(parts)
    finishReplacing(names, chain && (into => chain.isNoted(into)))
    // What cannot be read may be what is to be removed.
    await chain?.note(() => undefined)
    const there = filesIn(names)
    const known = new Set([...there, ...(chain?.standing() ?? [])])
    const files = new Set(given.map(path => found(names, path, known)))
    for (const file of [...files]) for (const half of halvesOf(names, file)) files.add(half)
    const removed = (await chain?.removedByOrder([...files], order)) ?? unnoted([...files])
    for (const file of files) removeFile(join(names.folder, file))
    // They have clients of what was removed.
    removeStale(names, chain)
    for (const day of daysIn(names)) removeFolder(names, day)
    syncFolder(names.folder)
    chain?.checkpoint()
    return removed
  })
}

/** @throws InterdictError ARCHIVE_FAILED */
function removeFile(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch (error) {
    throw failure('ARCHIVE_FAILED', path, (error as Error).message)
  }
}

async function openChain({ names, chain, wall, log }: RemoveParts): Promise<Chain | undefined> {
  return chain && (await Chain.open(names, chain, wall, log))
}

/** Its path within the folder. @throws InterdictError ARCHIVE_NO_FILE */
function found(names: LogNames, path: string, known: ReadonlySet<string>): string {
  const within = relative(resolve(names.folder), resolve(path))
  const file = [path, within].find(one => known.has(one))
  if (file === undefined) throw failure('ARCHIVE_NO_FILE', path, names.folder)
  return file
}

/** Parquet that a crash left of a file of lines: it does not count while the lines are there. */
function halvesOf(names: LogNames, file: string): string[] {
  if (!names.isClosed(file)) return []
  return daysIn(names)
    .flatMap(day => parquetOfDay(names, day))
    .filter(path => basename(path) === names.parquetOf(file))
    .map(path => relative(names.folder, path))
}

const unnoted = (files: readonly string[]): OrderedFile[] =>
  files.map(file => ({ file, sha256: '' }))
