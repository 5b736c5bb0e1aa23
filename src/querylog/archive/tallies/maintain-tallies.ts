import { closeSync, openSync } from 'node:fs'
import { join, relative } from 'node:path'
import { renameDurably } from '../../../base/atomic-file.js'
import type { Chain } from '../chain/chain.js'
import type { Database } from '../database.js'
import { digestFile } from '../digest.js'
import { daysIn, talliesIn, tallyFile, wholeOfDay, type LogNames } from '../log-layout.js'
import { removeFiles } from '../retention.js'
import { quoted, quotedList, selectParquet } from '../lookups-sql.js'
import { isWholeFile } from '../parquet-file.js'
import { copyTally, nameOfTally, stemOf, stemOfTally } from './tally.js'

/**
 * Makes the tallies that are missing of a day's Parquet files. A crash leaves them as a whole or not
 * at all, and reports do without.
 *
 * @param making a folder for half-made files, on the same file system
 * @throws InterdictError ARCHIVE_SQL, CHAIN_WRITE; the system's errors
 */
export async function tallyDay(
  database: Database,
  names: LogNames,
  day: string,
  making: string,
  chain: Chain | undefined
): Promise<void> {
  for (const path of wholeOfDay(names, day)) {
    const stem = stemAt(day, path)
    const there = talliesIn(names, day).filter(file => stemOf(file) === stem)
    if (there.some(file => isOurs(names, file, chain))) continue
    if (chain !== undefined && !(await isAsNoted(chain, names, path))) continue
    const lookups = selectParquet(quotedList([path]))
    if (await hasOtherDays(database, lookups, day)) continue
    const made = join(making, 'tally')
    await database.run(copyTally(lookups, made))
    const digest = await digestFile(made)
    const file = tallyFile(names, nameOfTally(stem, digest.sha256))
    // The chain first: one that it has and that is not there harms nobody; see `verifyLog`.
    chain?.replaced([], [{ file, ...digest }])
    renameDurably(made, join(names.folder, file))
    const others = there.filter(other => other !== file)
    removeFiles(names, chain, others, 'stale')
  }
}

/** Removes tallies of files that are not there any more, or were written over. */
export function removeStale(names: LogNames, chain: Chain | undefined): void {
  const wanted = new Set(
    daysIn(names).flatMap(day => wholeOfDay(names, day).map(path => stemAt(day, path)))
  )
  const stale = talliesIn(names).filter(file => !wanted.has(stemOf(file) ?? ''))
  removeFiles(names, chain, stale, 'stale')
}

function stemAt(day: string, path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    return stemOfTally(day, descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** One that the chain does not have may be anybody's. */
function isOurs(names: LogNames, file: string, chain: Chain | undefined): boolean {
  const isNoted = chain === undefined || chain.hashOf(file) !== undefined
  return isNoted && isWholeFile(join(names.folder, file))
}

/** Of a file that somebody altered, nothing is made. */
async function isAsNoted(chain: Chain, names: LogNames, path: string): Promise<boolean> {
  return chain.hashOf(relative(names.folder, path)) === (await digestFile(path)).sha256
}

/** As in a file that others put there: a tally is for reports of whole days. */
async function hasOtherDays(database: Database, lookups: string, day: string): Promise<boolean> {
  const [row] = await database.rows(
    `SELECT count(*) AS n FROM (${lookups}) WHERE time::DATE::VARCHAR IS DISTINCT FROM ${quoted(day)}`
  )
  return row!.n !== 0
}
