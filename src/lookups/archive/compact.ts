import { createHash } from 'node:crypto'
import { join, relative } from 'node:path'
import type { HashedFile } from '../chain/chain-entry.js'
import type { Chain } from '../chain/chain.js'
import type { Database } from './database.js'
import { digestFile } from '../files/file-digest.js'
import { activeParquetOfDay, type LogLayout } from '../files/log-layout.js'
import { quoted, quotedList, selectParquet } from '../sql/lookups-sql.js'
import {
  copyToParquet,
  parquetMetadata,
  readMetadata,
  type ParquetMetadata
} from './parquet-metadata.js'
import { replaceFiles } from '../files/replacement.js'
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
  const { remaining, expired } = await countRows(database, paths, expiredNetworks)
  if (paths.length < 2 && expired === 0) return 0
  const merged = chain === undefined ? [] : await verifySources(chain, layout, paths)
  if (remaining === 0) {
    removeFiles(layout, chain, relativeTo(layout, paths), 'empty')
    return paths.length
  }
  const origins: ParquetMetadata[] = []
  for (const path of paths) origins.push(await readMetadata(database, path))
  const sources = origins.flatMap(origin => origin.sources)
  const before = origins.map(origin => origin.without).reduce(intersection)
  const without = [...new Set([...before, ...expiredNetworks])]
  const temporary = join(workFolder, 'day.parquet')
  const { rows, release } = await selectInTimeOrder(database, paths, workFolder)
  await database.run(
    copyToParquet(
      selectRemaining(rows, expiredNetworks),
      temporary,
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
  const digest = await digestFile(temporary)
  replaceFiles(layout, temporary, into, from, () =>
    chain?.recordReplacement(merged, [{ file, ...digest }], expired === 0 ? [] : expiredNetworks)
  )
  return paths.length
}

/** How many rows remain and how many have expired. */
async function countRows(
  database: Database,
  paths: readonly string[],
  expiredNetworks: readonly string[]
): Promise<{ remaining: number; expired: number }> {
  if (expiredNetworks.length === 0) return { remaining: Infinity, expired: 0 }
  const all = selectParquet(quotedList(paths))
  const [row] = await database.rows<{ remaining: number; expired: number }>(
    `SELECT count(*) FILTER (${isRemaining(expiredNetworks)}) AS remaining, count(*) FILTER (NOT ${isRemaining(expiredNetworks)}) AS expired FROM (${all})`
  )
  return row!
}

function selectRemaining(rows: string, expiredNetworks: readonly string[]): string {
  return expiredNetworks.length === 0
    ? rows
    : `SELECT * FROM (${rows}) WHERE ${isRemaining(expiredNetworks)}`
}

function isRemaining(expiredNetworks: readonly string[]): string {
  return `(network IS NULL OR network NOT IN (${expiredNetworks.map(quoted).join(', ')}))`
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
  some.filter(value => others.includes(value))
