import { createHash } from 'node:crypto'
import { join, relative } from 'node:path'
import type { Chain } from './chain/chain.js'
import type { NamedFile } from './chain/chain-entry.js'
import type { Database } from './database.js'
import { digestFile } from './digest.js'
import { wholeOfDay, type LogNames } from './log-layout.js'
import { removeFiles } from './retention.js'
import { quoted, quotedList, selectParquet } from './lookups-sql.js'
import { copyTo, originOf, readOrigin, type Origin } from './parquet-metadata.js'
import { replace } from './replacement.js'
import { rowsInTime } from './time-order.js'

/**
 * Makes one file of a day's: fewer files are read faster, and take less room. Lookups of networks
 * whose time is over are left out; where nothing else is left, there is no file any more.
 *
 * @param over ids of these networks
 * @returns how many there were; 0: nothing was to do
 * @throws InterdictError ARCHIVE_SQL, CHAIN_ALTERED, CHAIN_WRITE; the system's errors
 */
export async function mergeDay(
  database: Database,
  names: LogNames,
  day: string,
  making: string,
  chain: Chain | undefined,
  over: readonly string[]
): Promise<number> {
  const paths = wholeOfDay(names, day)
  if (paths.length === 0) return 0
  const { left, gone } = await staying(database, paths, over)
  if (paths.length < 2 && gone === 0) return 0
  const merged = chain === undefined ? [] : await asNoted(chain, names, paths)
  if (left === 0) {
    removeFiles(names, chain, relativeTo(names, paths), 'empty')
    return paths.length
  }
  const origins: Origin[] = []
  for (const path of paths) origins.push(await readOrigin(database, path))
  const sources = origins.flatMap(origin => origin.sources)
  const before = origins.map(origin => origin.without).reduce(both)
  const without = [...new Set([...before, ...over])]
  const made = join(making, 'day.parquet')
  const { rows, release } = await rowsInTime(database, paths, making)
  await database.run(copyTo(stays(rows, over), made, originOf(sources, without), 'many'))
  release()
  const from = paths.map(path => relative(names.archive, path))
  const key = createHash('sha256')
    .update([...from, ...without].join('\n'))
    .digest('hex')
    .slice(0, 16)
  const into = join(`day=${day}`, `merged-${key}.parquet`)
  const file = relative(names.folder, join(names.archive, into))
  const digest = await digestFile(made)
  replace(names, made, into, from, () =>
    chain?.replaced(merged, [{ file, ...digest }], gone === 0 ? [] : over)
  )
  return paths.length
}

/** How many rows stay, and how many go. */
async function staying(
  database: Database,
  paths: readonly string[],
  over: readonly string[]
): Promise<{ left: number; gone: number }> {
  if (over.length === 0) return { left: Infinity, gone: 0 }
  const all = selectParquet(quotedList(paths))
  const [row] = await database.rows<{ left: number; gone: number }>(
    `SELECT count(*) FILTER (${isLeft(over)}) AS "left", count(*) FILTER (NOT ${isLeft(over)}) AS gone FROM (${all})`
  )
  return row!
}

function stays(rows: string, over: readonly string[]): string {
  return over.length === 0 ? rows : `SELECT * FROM (${rows}) WHERE ${isLeft(over)}`
}

function isLeft(over: readonly string[]): string {
  return `(network IS NULL OR network NOT IN (${over.map(quoted).join(', ')}))`
}

function relativeTo(names: LogNames, paths: readonly string[]): string[] {
  return paths.map(path => relative(names.folder, path))
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
