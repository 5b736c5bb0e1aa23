import { existsSync, rmSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { syncFolder } from '../../base/files/atomic-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { withArchiveLock } from './archive-lock.js'
import { CHAIN_FILE, type RemovalRequest, type ManuallyRemovedFile } from '../chain/chain-entry.js'
import { Chain, type ChainOptions } from '../chain/chain.js'
import { archivedDays, allFiles, parquetFilesOfDay, type LogLayout } from '../files/log-layout.js'
import { finishReplacement } from '../files/replacement.js'
import { removeDayFolder } from './retention.js'
import { removeStaleTallies } from './maintain-tallies.js'

export interface RemovalContext {
  readonly layout: LogLayout
  /** Undefined without a chain. */
  readonly chain: ChainOptions | undefined
  readonly wall: Milliseconds
  readonly log: ServiceLog
}

/**
 * Removes closed files of a query log at the request of an operator. The chain records by whom and
 * why, so that everything else can still be verified. Removes all of the files or none.
 *
 * @param paths relative to the folder of the log or to the working directory
 * @returns the removed files, as recorded in the chain
 * @throws InterdictError ARCHIVE_NO_FILE, ARCHIVE_NO_CHAIN, ARCHIVE_BUSY, ARCHIVE_FAILED,
 *   CHAIN_KEY, CHAIN_WRITE
 */
export async function removeManually(
  context: RemovalContext,
  paths: readonly string[],
  order: RemovalRequest
): Promise<readonly ManuallyRemovedFile[]> {
  const { layout } = context
  const hasChain = existsSync(join(layout.folder, CHAIN_FILE))
  if (hasChain && context.chain === undefined)
    throw failure(
      'ARCHIVE_NO_CHAIN',
      layout.folder,
      `${CHAIN_FILE} exists, but the settings have no chain`
    )
  if (!hasChain && context.chain !== undefined)
    throw failure('ARCHIVE_NO_CHAIN', layout.folder, 'the gateway has not started the chain yet')
  return withArchiveLock(layout, context.log, async () => {
    const chain = await openChain(context)
    finishReplacement(layout, chain && (into => chain.hasArchiveFile(into)))
    // Ignore errors: an unreadable file may be the one to remove.
    await chain?.recordClosedFiles(() => undefined)
    const existing = allFiles(layout)
    const known = new Set([...existing, ...(chain?.presentFiles() ?? [])])
    const files = new Set(paths.map(path => resolveFile(layout, path, known)))
    for (const file of [...files])
      for (const path of incompleteParquetOf(layout, file)) files.add(path)
    const removed =
      (await chain?.recordManualRemoval([...files], order)) ?? withoutDigests([...files])
    for (const file of files) removeFile(join(layout.folder, file))
    // Tallies contain clients of the removed files.
    removeStaleTallies(layout, chain)
    for (const day of archivedDays(layout)) removeDayFolder(layout, day)
    syncFolder(layout.folder)
    chain?.writeCheckpoint()
    return removed
  })
}

/** @throws InterdictError ARCHIVE_FAILED */
function removeFile(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch (error) {
    throw failure('ARCHIVE_FAILED', path, reasonOf(error))
  }
}

async function openChain({ layout, chain, wall, log }: RemovalContext): Promise<Chain | undefined> {
  return chain && (await Chain.open(layout, chain, wall, log))
}

/** Resolves a path relative to the folder of the log. @throws InterdictError ARCHIVE_NO_FILE */
function resolveFile(layout: LogLayout, path: string, known: ReadonlySet<string>): string {
  const within = relative(resolve(layout.folder), resolve(path))
  const file = [path, within].find(candidate => known.has(candidate))
  if (file === undefined) throw failure('ARCHIVE_NO_FILE', path, layout.folder)
  return file
}

/**
 * Parquet files that a crash left beside a closed file: they do not count while that file exists.
 */
function incompleteParquetOf(layout: LogLayout, file: string): string[] {
  if (!layout.isClosed(file)) return []
  return archivedDays(layout)
    .flatMap(day => parquetFilesOfDay(layout, day))
    .filter(path => basename(path) === layout.parquetOf(file))
    .map(path => relative(layout.folder, path))
}

const withoutDigests = (files: readonly string[]): ManuallyRemovedFile[] =>
  files.map(file => ({ file, sha256: '' }))
