import { join, relative } from 'node:path'
import { renameDurably } from '../../base/files/atomic-file.js'
import type { Chain } from '../chain/chain.js'
import type { Database } from './database.js'
import { digestFile } from '../files/file-digest.js'
import {
  archivedDays,
  tallyFiles,
  tallyPath,
  activeParquetOfDay,
  type LogLayout
} from '../files/log-layout.js'
import { quoted, quotedList, selectParquet } from '../sql/lookups-sql.js'
import { isCompleteParquetFile } from '../files/parquet-file.js'
import { removeFiles } from './retention.js'
import { copyTally, tallyName, parseTallyStem, tallyStemOf } from '../sql/tally.js'

/**
 * Creates the missing tallies of a day's Parquet files. A crash leaves a tally complete or absent,
 * and reports work without it.
 *
 * @param workFolder for incomplete files, on the same file system
 * @throws InterdictError ARCHIVE_SQL, CHAIN_WRITE; system errors
 */
export async function createTallies(
  database: Database,
  layout: LogLayout,
  day: string,
  workFolder: string,
  chain: Chain | undefined
): Promise<void> {
  for (const path of activeParquetOfDay(layout, day)) {
    const stem = tallyStemOf(day, path)
    const existing = tallyFiles(layout, day).filter(file => parseTallyStem(file) === stem)
    if (existing.some(file => isValidTally(layout, file, chain))) continue
    if (chain !== undefined && !(await isUnaltered(chain, layout, path))) continue
    const lookups = selectParquet(quotedList([path]))
    if (await hasOtherDays(database, lookups, day)) continue
    const temporary = join(workFolder, 'tally')
    await database.run(copyTally(lookups, temporary))
    const digest = await digestFile(temporary)
    const file = tallyPath(layout, tallyName(stem, digest.sha256))
    // The chain is written first: an entry for a tally that does not exist is harmless; see
    // `verifyLog`.
    chain?.recordReplacement([], [{ file, ...digest }])
    renameDurably(temporary, join(layout.folder, file))
    const outdated = existing.filter(other => other !== file)
    removeFiles(layout, chain, outdated, 'stale')
  }
}

/** Removes tallies whose Parquet file was removed or overwritten. */
export function removeStaleTallies(layout: LogLayout, chain: Chain | undefined): void {
  const current = new Set(
    archivedDays(layout).flatMap(day =>
      activeParquetOfDay(layout, day).map(path => tallyStemOf(day, path))
    )
  )
  const stale = tallyFiles(layout).filter(file => !current.has(parseTallyStem(file) ?? ''))
  removeFiles(layout, chain, stale, 'stale')
}

/** A tally unknown to the chain could be from anyone. */
function isValidTally(layout: LogLayout, file: string, chain: Chain | undefined): boolean {
  const isNoted = chain === undefined || chain.sha256Of(file) !== undefined
  return isNoted && isCompleteParquetFile(join(layout.folder, file))
}

/** No tally is made of an altered file. */
async function isUnaltered(chain: Chain, layout: LogLayout, path: string): Promise<boolean> {
  return chain.sha256Of(relative(layout.folder, path)) === (await digestFile(path)).sha256
}

/** True for files added by others: a tally only serves reports of whole days. */
async function hasOtherDays(database: Database, lookups: string, day: string): Promise<boolean> {
  const [row] = await database.rows(
    `SELECT count(*) AS n FROM (${lookups}) WHERE time::DATE::VARCHAR IS DISTINCT FROM ${quoted(day)}`
  )
  return row!.n !== 0
}
