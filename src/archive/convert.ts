import { renameSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { failure } from '../base/error.js'
import { settle } from '../base/whole-file.js'
import { SCHEMA_VERSION } from '../log/schema.js'
import type { Chain } from './chain/chain.js'
import type { SizedFile } from './chain/link.js'
import type { Database } from './database.js'
import { digestFile, digestLines } from './digest.js'
import { FOREIGN, type LogNames } from './folder.js'
import { COLUMNS, IS_LOOKUP, quotedList, readLines } from './lookups.js'
import { copyTo, originOf, type Source } from './origin.js'

/**
 * Makes Parquet of a closed file: one for each UTC day that it has lookups of. Only when all of
 * them are on the disk under their names, the lines are removed; until then the lines count, and
 * nothing else: see `holdLog`. So what a crash leaves is made anew.
 *
 * @param making a folder for half-made files, on the same file system
 * @param chain that is told what became of it
 * @throws InterdictError ARCHIVE_SQL, ARCHIVE_NEWER, CHAIN_ALTERED, CHAIN_WRITE; the system's errors
 */
export async function convert(
  database: Database,
  names: LogNames,
  closed: string,
  making: string,
  chain: Chain | undefined
): Promise<Source> {
  const path = join(names.folder, closed)
  const from = readLines(quotedList([path]))
  const { sha256, octets, lines } = await digestLines(path)
  const original = { file: closed, sha256 }
  chain?.expect(original)
  // Lines are read twice, and written once: reading costs a quarter of sorting and writing.
  const days = await daysOf(database, from)
  const records = days.reduce((sum, day) => sum + day.records, 0)
  const source = { file: closed, sha256, records, foreign: lines - records }
  if (source.foreign > 0) await refuseNewer(database, from, path)
  // Whatever it is, somebody may want it.
  if (records === 0 && lines > 0) {
    chain?.replaced([original], [{ file: closed + FOREIGN, sha256, octets }])
    renameSync(path, path + FOREIGN)
    return source
  }
  const made: SizedFile[] = []
  for (const { day } of days) {
    const part = join(making, names.parquetOf(closed))
    const rows = `SELECT ${COLUMNS} FROM ${from} WHERE ${IS_LOOKUP} AND time::DATE = '${day}'`
    await database.run(copyTo(rows, part, originOf([source])))
    const place = join(names.archive, `day=${day}`, names.parquetOf(closed))
    made.push({ file: relative(names.folder, place), ...(await digestFile(part)) })
    settle(part, place)
  }
  chain?.replaced([original], made)
  rmSync(path)
  return source
}

async function daysOf(
  database: Database,
  from: string
): Promise<readonly { day: string; records: number }[]> {
  return database.rows<{ day: string; records: number }>(
    `SELECT time::DATE::VARCHAR AS day, count(*) AS records FROM ${from} WHERE ${IS_LOOKUP} GROUP BY day ORDER BY day`
  )
}

/** Lines of a newer schema are for a newer program: they would be lost here. */
async function refuseNewer(database: Database, from: string, path: string): Promise<void> {
  const [row] = await database.rows(`SELECT max(v) AS v FROM ${from}`)
  const version = row?.v
  if (typeof version === 'number' && version > SCHEMA_VERSION)
    throw failure('ARCHIVE_NEWER', path, version)
}
