import { createHash } from 'node:crypto'
import { join, relative } from 'node:path'
import type { HashedFile } from './chain/chain-entry.js'
import type { Chain } from './chain/chain.js'
import type { Database } from './database.js'
import { digestFile } from './digest.js'
import { activeParquetOfDay, type LogLayout } from './log-layout.js'
import { quoted, quotedList, selectParquet } from './lookups-sql.js'
import {
  copyToParquet,
  parquetMetadata,
  readMetadata,
  type ParquetMetadata
} from './parquet-metadata.js'
import { replaceFiles } from './replacement.js'
import { removeFiles } from './retention.js'
import { selectInTimeOrder } from './time-order.js'

/**
 * Compacts a day into one Parquet file, which is faster to read and smaller. Leaves out lookups of
 * networks whose retention has expired; if nothing remains, no file is written.
 *
 * @param expiredNetworks ids of these networks
 * @returns the number of input files; 0: nothing to do
 * @throws InterdictError ARCHIVE_SQL, CHAIN_ALTERED, CHAIN_WRITE; system errors
 */
export async function compactDay(
  database: Database,
  layout: LogLayout,
  day: string,
  workFolder: string,
  chain: Chain | undefined,
  expiredNetworks: readonly string[]
): Promise<number> {
  const paths = activeParquetOfDay(layout, day)
  if (paths.length === 0) return 0
  const { left, gone } = await countRows(database, paths, expiredNetworks)
  if (paths.length < 2 && gone === 0) return 0
  const merged = chain === undefined ? [] : await verifySources(chain, layout, paths)
  if (left === 0) {
    removeFiles(layout, chain, relativeTo(layout, paths), 'empty')
    return paths.length
  }
  const origins: ParquetMetadata[] = []
  for (const path of paths) origins.push(await readMetadata(database, path))
  const sources = origins.flatMap(origin => origin.sources)
  const before = origins.map(origin => origin.without).reduce(intersection)
  const without = [...new Set([...before, ...expiredNetworks])]
  const made = join(workFolder, 'day.parquet')
  const { rows, release } = await selectInTimeOrder(database, paths, workFolder)
  await database.run(
    copyToParquet(
      selectRemaining(rows, expiredNetworks),
      made,
      parquetMetadata(sources, without),
      'many'
    )
  )
  release()
  const from = paths.map(path => relative(layout.archiveFolder, path))
  const key = createHash('sha256')
    .update([...from, ...without].join('\n'))
    .digest('hex')
    .slice(0, 16)
  const into = join(`day=${day}`, `merged-${key}.parquet`)
  const file = relative(layout.folder, join(layout.archiveFolder, into))
  const digest = await digestFile(made)
  replaceFiles(layout, made, into, from, () =>
    chain?.recordReplacement(merged, [{ file, ...digest }], gone === 0 ? [] : expiredNetworks)
  )
  return paths.length
}

/** How many rows remain and how many have expired. */
async function countRows(
  database: Database,
  paths: readonly string[],
  over: readonly string[]
): Promise<{ left: number; gone: number }> {
  if (over.length === 0) return { left: Infinity, gone: 0 }
  const all = selectParquet(quotedList(paths))
  const [row] = await database.rows<{ left: number; gone: number }>(
    `SELECT count(*) FILTER (${isRemaining(over)}) AS "left", count(*) FILTER (NOT ${isRemaining(over)}) AS gone FROM (${all})`
  )
  return row!
}

function selectRemaining(rows: string, over: readonly string[]): string {
  return over.length === 0 ? rows : `SELECT * FROM (${rows}) WHERE ${isRemaining(over)}`
}

function isRemaining(over: readonly string[]): string {
  return `(network IS NULL OR network NOT IN (${over.map(quoted).join(', ')}))`
}

function relativeTo(layout: LogLayout, paths: readonly string[]): string[] {
  return paths.map(path => relative(layout.folder, path))
}

/** Digests of the input files, verified against the chain. @throws InterdictError CHAIN_ALTERED */
async function verifySources(
  chain: Chain,
  layout: LogLayout,
  paths: readonly string[]
): Promise<HashedFile[]> {
  const files: HashedFile[] = []
  for (const path of paths) {
    const { sha256 } = await digestFile(path)
    const file = { file: relative(layout.folder, path), sha256 }
    chain.assertUnaltered(file)
    files.push(file)
  }
  return files
}

const intersection = (some: readonly string[], others: readonly string[]): readonly string[] =>
  some.filter(one => others.includes(one))
