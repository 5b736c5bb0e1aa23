import { createHash } from 'node:crypto'
import { basename, join, relative } from 'node:path'
import type { Database } from './database.js'
import { closedIn, parquetOfDay, type LogNames } from './folder.js'
import { quotedList, selectParquet } from './lookups.js'
import { copyTo, originOf, readOrigin, type Origin } from './origin.js'
import { replace } from './replaced.js'
import { isWholeFile } from './safe-file.js'

/**
 * Makes one file of a day's: fewer files are read faster, and take less room.
 *
 * @returns how many there were; 0: nothing was to do
 * @throws InterdictError ARCHIVE_SQL; the system's errors
 */
export async function mergeDay(
  database: Database,
  names: LogNames,
  day: string,
  making: string
): Promise<number> {
  // What counts as lines still is none of the day's files.
  const halves = new Set(closedIn(names).map(closed => names.parquetOf(closed)))
  const all = parquetOfDay(names, day).filter(path => !halves.has(basename(path)))
  const paths = all.filter(isWholeFile)
  if (paths.length < 2) return 0
  const origins: Origin[] = []
  for (const path of paths) origins.push(await readOrigin(database, path))
  const sources = origins.flatMap(origin => origin.sources)
  const without = origins.map(origin => origin.without).reduce(both)
  const made = join(making, 'day.parquet')
  await database.run(copyTo(selectParquet(quotedList(paths)), made, originOf(sources, without)))
  const from = paths.map(path => relative(names.archive, path))
  const key = createHash('sha256').update(from.join('\n')).digest('hex').slice(0, 16)
  replace(names, made, join(`day=${day}`, `merged-${key}.parquet`), from)
  return paths.length
}

const both = (some: readonly string[], others: readonly string[]): readonly string[] =>
  some.filter(one => others.includes(one))
