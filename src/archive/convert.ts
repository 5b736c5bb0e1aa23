import { createHash } from 'node:crypto'
import { createReadStream, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../base/error.js'
import { SCHEMA_VERSION } from '../log/schema.js'
import type { Database } from './database.js'
import type { LogNames } from './folder.js'
import { COLUMNS, IS_LOOKUP, quotedList, readLines } from './lookups.js'
import { copyTo, originOf, type Source } from './origin.js'
import { settle } from './safe-file.js'

const NEWLINE = 0x0a

/**
 * Makes Parquet of a closed file: one for each UTC day that it has lookups of. Only when all of
 * them are on the disk under their names, the lines are removed; until then the lines count, and
 * nothing else: see `holdLog`. So what a crash leaves is made anew.
 *
 * @param making a folder for half-made files, on the same file system
 * @throws InterdictError ARCHIVE_SQL, ARCHIVE_NEWER; the system's errors
 */
export async function convert(
  database: Database,
  names: LogNames,
  closed: string,
  making: string
): Promise<Source> {
  const path = join(names.folder, closed)
  const from = readLines(quotedList([path]))
  const { sha256, lines } = await digest(path)
  // Lines are read twice, and written once: reading costs a quarter of sorting and writing.
  const days = await daysOf(database, from)
  const records = days.reduce((sum, day) => sum + day.records, 0)
  const source = { file: closed, sha256, records, foreign: lines - records }
  if (source.foreign > 0) await refuseNewer(database, from, path)
  // Whatever it is, somebody may want it.
  if (records === 0 && lines > 0) {
    renameSync(path, `${path}.foreign`)
    return source
  }
  for (const { day } of days) {
    const part = join(making, names.parquetOf(closed))
    const rows = `SELECT ${COLUMNS} FROM ${from} WHERE ${IS_LOOKUP} AND time::DATE = '${day}'`
    await database.run(copyTo(rows, part, originOf([source])))
    settle(part, join(names.archive, `day=${day}`, names.parquetOf(closed)))
  }
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

/** SHA-256 of a file, and how many lines with something in them it has. */
async function digest(path: string): Promise<{ sha256: string; lines: number }> {
  const hash = createHash('sha256')
  let lines = 0
  /** Octets of a line begun in an earlier chunk. */
  let begun = false
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    const octets = chunk as Buffer
    hash.update(octets)
    let start = 0
    for (let end = octets.indexOf(NEWLINE); end >= 0; end = octets.indexOf(NEWLINE, start)) {
      if (begun || end > start) lines++
      begun = false
      start = end + 1
    }
    begun ||= start < octets.length
  }
  return { sha256: hash.digest('hex'), lines: lines + (begun ? 1 : 0) }
}
