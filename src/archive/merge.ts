import { createHash } from 'node:crypto'
import { basename, join, relative } from 'node:path'
import type { Chain } from './chain/chain.js'
import type { NamedFile } from './chain/link.js'
import type { Database } from './database.js'
import { digestFile } from './digest.js'
import { closedIn, parquetOfDay, type LogNames } from './folder.js'
import { quotedList, selectParquet } from './lookups.js'
import { copyTo, originOf, readOrigin, type Origin } from './origin.js'
import { replace } from './replaced.js'
import { isWholeFile } from './safe-file.js'

/**
 * Makes one file of a day's: fewer files are read faster, and take less room.
 *
 * @returns how many there were; 0: nothing was to do
 * @throws InterdictError ARCHIVE_SQL, CHAIN_ALTERED, CHAIN_WRITE; the system's errors
 */
export async function mergeDay(
  database: Database,
  names: LogNames,
  day: string,
  making: string,
  chain: Chain | undefined
): Promise<number> {
  // What counts as lines still is none of the day's files.
  const halves = new Set(closedIn(names).map(closed => names.parquetOf(closed)))
  const all = parquetOfDay(names, day).filter(path => !halves.has(basename(path)))
  const paths = all.filter(isWholeFile)
  if (paths.length < 2) return 0
  const merged = chain === undefined ? [] : await asNoted(chain, names, paths)
  const origins: Origin[] = []
  for (const path of paths) origins.push(await readOrigin(database, path))
  const sources = origins.flatMap(origin => origin.sources)
  const without = origins.map(origin => origin.without).reduce(both)
  const made = join(making, 'day.parquet')
  await database.run(copyTo(selectParquet(quotedList(paths)), made, originOf(sources, without)))
  const from = paths.map(path => relative(names.archive, path))
  const key = createHash('sha256').update(from.join('\n')).digest('hex').slice(0, 16)
  const into = join(`day=${day}`, `merged-${key}.parquet`)
  const file = relative(names.folder, join(names.archive, into))
  const digest = await digestFile(made)
  replace(names, made, into, from, () => chain?.replaced(merged, [{ file, ...digest }]))
  return paths.length
}

/** @throws InterdictError CHAIN_ALTERED */
async function asNoted(
  chain: Chain,
  names: LogNames,
  paths: readonly string[]
): Promise<NamedFile[]> {
  const files: NamedFile[] = []
  for (const path of paths) {
    const { sha256 } = await digestFile(path)
    const file = { file: relative(names.folder, path), sha256 }
    chain.expect(file)
    files.push(file)
  }
  return files
}

const both = (some: readonly string[], others: readonly string[]): readonly string[] =>
  some.filter(one => others.includes(one))
